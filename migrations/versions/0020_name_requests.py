"""Name the request that an event was made for, and its place in a trace where somebody told of one.

Columns that may be null change no row: the table is locked for a moment only.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("events", sa.Column("request_id", sa.Text(), nullable=True))
    op.add_column("events", sa.Column("traceparent", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("events", "traceparent")
    op.drop_column("events", "request_id")
