"""Show what agents are doing: find what each of them holds, and whether it is connected."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

ACTIVE = sa.text("ended_at IS NULL")


def upgrade() -> None:
    op.create_index("ix_leases_held_by", "leases", ["agent_id", "id"], postgresql_where=ACTIVE)
    op.create_index("ix_presences_user_id", "presences", ["user_id"])


def downgrade() -> None:
    op.drop_index("ix_presences_user_id", table_name="presences")
    op.drop_index("ix_leases_held_by", table_name="leases")
