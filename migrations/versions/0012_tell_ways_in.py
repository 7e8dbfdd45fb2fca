"""Tell by which way somebody came in."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "audit",
        sa.Column("ways", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column("challenges", sa.Column("first_way", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("challenges", "first_way")
    op.drop_column("audit", "ways")
