"""Show what agents are doing: find what each holds, and what is held in a project."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ACTIVE = "ended_at IS NULL"
IN_HANDS = "deleted_at IS NULL AND status = 'in_progress' AND delegate_id IS NOT NULL"


def upgrade() -> None:
    op.create_index("ix_leases_held", "leases", ["agent_id"], postgresql_where=sa.text(ACTIVE))
    op.create_index("ix_tasks_in_hands", "tasks", ["scope_id"], postgresql_where=sa.text(IN_HANDS))
    op.create_index("ix_presences_user_id", "presences", ["user_id"])


def downgrade() -> None:
    op.drop_index("ix_presences_user_id", table_name="presences")
    op.drop_index("ix_tasks_in_hands", table_name="tasks")
    op.drop_index("ix_leases_held", table_name="leases")
