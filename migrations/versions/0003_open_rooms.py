"""Open rooms to sockets: tickets, presence, the epoch of the log, and its retention."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "event_log",
        sa.Column("single", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("epoch", sa.Uuid(as_uuid=False), nullable=False),
        sa.CheckConstraint("single", name=op.f("ck_event_log_single")),
        sa.PrimaryKeyConstraint("single", name=op.f("pk_event_log")),
    )
    op.execute("INSERT INTO event_log (epoch) VALUES (gen_random_uuid())")
    op.create_index(op.f("ix_events_at"), "events", ["at"], postgresql_using="brin")
    op.create_table(
        "tickets",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["sessions.id"],
            name=op.f("fk_tickets_session_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_tickets")),
    )
    op.create_index(op.f("ix_tickets_expires_at"), "tickets", ["expires_at"])
    # Who is there now is worth nothing after a crash, so it need not survive one.
    op.create_table(
        "processes",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_processes")),
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "presences",
        sa.Column("room", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("process_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["process_id"],
            ["processes.id"],
            name=op.f("fk_presences_process_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("room", "connection_id", name=op.f("pk_presences")),
        prefixes=["UNLOGGED"],
    )
    op.create_index(op.f("ix_presences_process_id"), "presences", ["process_id"])


def downgrade() -> None:
    op.drop_table("presences")
    op.drop_table("processes")
    op.drop_table("tickets")
    op.drop_index(op.f("ix_events_at"), table_name="events")
    op.drop_table("event_log")
