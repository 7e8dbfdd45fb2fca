"""Find the few deliveries of a webhook that failed."""

import sqlalchemy as sa

from services.concurrent_indexes import create_index_concurrently, drop_index_concurrently

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

NAME = "ix_deliveries_webhook_id_id_failed"


def upgrade() -> None:
    create_index_concurrently(
        NAME,
        "deliveries",
        ["webhook_id", "id"],
        postgresql_where=sa.text("status = 'failed'"),
    )


def downgrade() -> None:
    drop_index_concurrently(NAME, "deliveries")
