"""Make the tables of the job queue: procrastinate's own, as its version 3.10 has them."""

from pathlib import Path
from typing import Any

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

SCHEMA = Path(__file__).with_suffix(".sql")
TABLES = ("periodic_defers", "events", "jobs", "workers")
TYPES = ("job_to_defer_v1", "job_event_type", "job_status")
# Each function goes with its arguments, whatever they are.
DROP_FUNCTIONS = r"""
    DO $$
    DECLARE signature text;
    BEGIN
        FOR signature IN
            SELECT oid::regprocedure FROM pg_proc
            WHERE pronamespace = current_schema::regnamespace AND proname LIKE 'procrastinate\_%'
        LOOP
            EXECUTE 'DROP FUNCTION ' || signature;
        END LOOP;
    END $$
"""


def upgrade() -> None:
    # Many statements in one text, with percent signs: only the driver takes that as it is.
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(SCHEMA.read_text())


def downgrade() -> None:
    # The first function returns rows of jobs, the triggers of jobs need the others.
    op.execute("DROP FUNCTION procrastinate_fetch_job_v2")
    for table in TABLES:
        op.execute(f"DROP TABLE procrastinate_{table}")
    op.execute(DROP_FUNCTIONS)
    for name in TYPES:
        op.execute(f"DROP TYPE procrastinate_{name}")
