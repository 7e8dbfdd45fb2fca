"""Remind people of what is due, and let tasks recur."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

OPEN = "deleted_at IS NULL AND status IN ('pending', 'in_progress')"


def upgrade() -> None:
    op.add_column("tasks", sa.Column("due_soon_for", sa.DateTime(timezone=True), nullable=True))
    op.add_column("tasks", sa.Column("overdue_for", sa.DateTime(timezone=True), nullable=True))
    op.add_column("tasks", sa.Column("recurrence", sa.Text(), nullable=True))
    op.add_column("tasks", sa.Column("series", postgresql.JSONB(), nullable=True))
    op.add_column("tasks", sa.Column("next_id", sa.Uuid(as_uuid=False), nullable=True))
    op.add_column(
        "time_entries",
        sa.Column("long_told", sa.Boolean(), server_default="false", nullable=False),
    )
    # Nobody is told anew of what was overdue before there were reminders.
    op.execute("UPDATE tasks SET due_soon_for = due_at, overdue_for = due_at WHERE due_at <= now()")
    for name in ("due_soon", "overdue"):
        op.create_index(
            f"ix_tasks_{name}",
            "tasks",
            ["due_at"],
            postgresql_where=sa.text(
                f"{OPEN} AND due_at IS NOT NULL AND due_at IS DISTINCT FROM {name}_for"
            ),
        )
    op.create_index(
        "ix_time_entries_forgotten",
        "time_entries",
        ["started_at"],
        postgresql_where=sa.text("ended_at IS NULL AND deleted_at IS NULL AND NOT long_told"),
    )
    op.execute(
        "CREATE INDEX ix_procrastinate_jobs_failed ON procrastinate_jobs (id)"
        " WHERE status = 'failed'"
    )


def downgrade() -> None:
    op.execute("DROP INDEX ix_procrastinate_jobs_failed")
    op.drop_column("time_entries", "long_told")
    for name in ("next_id", "series", "recurrence", "overdue_for", "due_soon_for"):
        op.drop_column("tasks", name)
