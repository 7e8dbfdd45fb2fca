"""Find the history of a task in the log of its room."""

import sqlalchemy as sa

from services.concurrent_indexes import create_index_concurrently, drop_index_concurrently

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

ABOUT = sa.text("COALESCE((data ->> 'task_id')::uuid, subject_id)")
OF_HISTORY = sa.text("split_part(type, '.', 1) IN ('task', 'item', 'comment')")


def upgrade() -> None:
    create_index_concurrently(
        "ix_events_of_tasks",
        "events",
        [ABOUT, "seq", "subject_id"],
        postgresql_where=OF_HISTORY,
    )


def downgrade() -> None:
    drop_index_concurrently("ix_events_of_tasks", "events")
