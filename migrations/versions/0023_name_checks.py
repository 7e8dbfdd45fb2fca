"""Give two checks of leases the names that the models have: 0016 said the prefix twice."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

CHECKS = ("ended", "progress")
# squawk fears for clients that know the old name: nobody asks for a check by its name.
RENAME = """
    -- squawk-ignore renaming-object
    ALTER TABLE leases RENAME CONSTRAINT {before} TO {after}
"""


def upgrade() -> None:
    for check in CHECKS:
        before, after = f"ck_leases_ck_leases_{check}", f"ck_leases_{check}"
        op.execute(RENAME.format(before=before, after=after))


def downgrade() -> None:
    for check in CHECKS:
        before, after = f"ck_leases_{check}", f"ck_leases_ck_leases_{check}"
        op.execute(RENAME.format(before=before, after=after))
