"""Housekeeping in the worker: by portions, and by several at a time."""

from collections.abc import Iterator

import pytest
from procrastinate import App, SyncPsycopgConnector

from services import portions
from services.attempt_service import attempt_service
from services.db_client import db
from services.housekeeping_service import HousekeepingService
from services.job_queue import JobQueue, job_queue
from services.job_service import job_service
from tests.sql import connect, number, rows
from utils.errors import UnavailableError

OLD = """
    INSERT INTO attempts (kind, subject, count, last_at, expires_at)
    SELECT 'old', n, 1, now(), now() - interval '1 hour'
    FROM generate_series(1, %(number)s) AS n
"""
LEFT = "SELECT count(*) FROM attempts WHERE expires_at < now()"
FAILED = """
    INSERT INTO procrastinate_jobs (queue_name, task_name, status)
    VALUES ('default', 'test.old', 'todo') RETURNING id
"""
FAIL = "UPDATE procrastinate_jobs SET status = 'failed' WHERE id = %(id)s"
AGE = "UPDATE procrastinate_events SET at = now() - interval '31 days' WHERE job_id = %(id)s"


@pytest.fixture
def one_kind(database: str) -> Iterator[HousekeepingService]:
    """Housekeeping of nothing but counts of attempts."""
    rows(database, "DELETE FROM attempts WHERE expires_at < now()")
    queue = JobQueue(db, App(connector=SyncPsycopgConnector()))
    yield HousekeepingService(db, queue, [attempt_service.purge])
    rows(database, "DELETE FROM procrastinate_jobs")


def test_what_is_due_goes_in_portions(one_kind: HousekeepingService, database: str) -> None:
    due = 2 * portions.PORTION + 1
    rows(database, OLD, {"number": due})
    portion = db.transaction(attempt_service.purge)["counts of attempts"]
    assert portion == portions.PORTION
    assert one_kind.purge() == {"counts of attempts": due - portion}
    assert one_kind.purge() == {"counts of attempts": 0}


def test_what_another_purge_holds_is_left_to_it(
    one_kind: HousekeepingService, database: str
) -> None:
    rows(database, OLD, {"number": 100})
    with connect(database) as other, other.transaction():
        held = other.execute("SELECT FROM attempts WHERE expires_at < now() LIMIT 40 FOR UPDATE")
        assert held.rowcount == 40
        assert one_kind.purge() == {"counts of attempts": 60}
    one_kind.purge()
    assert number(database, LEFT) == 0


def test_what_cannot_be_purged_keeps_nothing_else(database: str) -> None:
    def fail() -> dict[str, int]:
        raise UnavailableError("It takes too long.")

    rows(database, OLD, {"number": 1})
    queue = JobQueue(db, App(connector=SyncPsycopgConnector()))
    with pytest.raises(UnavailableError):
        HousekeepingService(db, queue, [fail, attempt_service.purge]).purge()
    assert number(database, LEFT) == 0


def test_failed_jobs_are_forgotten_after_30_days(database: str) -> None:
    ids = [rows(database, FAILED)[0]["id"] for _ in range(2)]
    for job_id in ids:
        rows(database, FAIL, {"id": job_id})
    rows(database, AGE, {"id": ids[0]})
    assert db.transaction(job_service.purge) == {"failed jobs": 1}
    assert rows(database, "SELECT id FROM procrastinate_jobs WHERE task_name = 'test.old'") == [
        {"id": ids[1]}
    ]
    rows(database, "DELETE FROM procrastinate_jobs")


def test_the_worker_keeps_house(database: str) -> None:
    rows(database, OLD, {"number": 1})
    task = job_queue.tasks.tasks["housekeeping.purge"]
    task(timestamp=0)
    assert number(database, LEFT) == 0
