"""Tell the time of agents by its source."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

SPAN = "ended_at > started_at OR (ended_at = started_at AND source {condition})"


def upgrade() -> None:
    _check_span("IN ('import', 'agent')")
    # Whoever has read an entry finds out by its version that it reads differently now.
    op.execute(
        "UPDATE time_entries SET source = 'agent', version = time_entries.version + 1"
        " FROM users WHERE users.id = time_entries.user_id"
        " AND users.kind = 'agent' AND time_entries.source <> 'agent'"
    )


def downgrade() -> None:
    op.execute("UPDATE time_entries SET source = 'import' WHERE ended_at = started_at")
    _check_span("= 'import'")


def _check_span(condition: str) -> None:
    """Let entries without a length have these sources."""
    op.drop_constraint(op.f("ck_time_entries_span"), "time_entries", type_="check")
    op.create_check_constraint(
        op.f("ck_time_entries_span"), "time_entries", SPAN.format(condition=condition)
    )
