"""What administrators see of the worker's jobs, and do about those that failed."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.factories import Person, make_admin
from tests.records import done, refusal
from tests.sql import number, rows

KIND = "test.jobs"
MAKE = """
    INSERT INTO procrastinate_jobs (queue_name, task_name, status, args, attempts, queueing_lock)
    VALUES ('default', 'test.jobs', CAST(%(status)s AS procrastinate_job_status),
            '{"task_id": "7"}', 3, %(lock)s)
    RETURNING id
"""
AGE = "UPDATE procrastinate_events SET at = '2026-01-01T00:00:00Z' WHERE job_id = %(id)s"


class Jobs:
    """Jobs in the state that a test wants them in, which no worker takes."""

    def __init__(self, database: str) -> None:
        self.database = database

    def make(self, status: str, lock: str | None = None) -> int:
        (row,) = rows(self.database, MAKE, {"status": status, "lock": lock})
        made: int = row["id"]
        return made

    def count(self, job_id: int) -> int:
        query = "SELECT count(*) FROM procrastinate_jobs WHERE id = %(id)s"
        return number(self.database, query, {"id": job_id})


@pytest.fixture
def jobs(database: str) -> Iterator[Jobs]:
    rows(database, "DELETE FROM procrastinate_jobs")
    yield Jobs(database)
    rows(database, "DELETE FROM procrastinate_jobs")


@pytest.fixture
def admin(app: Flask) -> Person:
    return make_admin(app, "Admin")


def test_jobs_are_listed_by_where_they_stand(admin: Person, jobs: Jobs) -> None:
    made = {
        name: jobs.make(status)
        for name, status in (("waiting", "todo"), ("running", "doing"), ("failed", "failed"))
    }
    for name, job_id in made.items():
        (job,) = done(admin.get(f"/admin/jobs?status={name}&kind={KIND}"))
        assert (job["id"], job["status"], job["kind"]) == (job_id, name, KIND)
        assert (job["attempts"], job["arguments"]) == (3, {"task_id": "7"})
    listed = [job["id"] for job in done(admin.get(f"/admin/jobs?kind={KIND}"))]
    assert listed == sorted(made.values(), reverse=True)


def test_what_has_failed_is_tried_again_or_discarded(admin: Person, jobs: Jobs) -> None:
    failed = jobs.make("failed")
    job = done(admin.post(f"/admin/jobs/{failed}/retry"))
    assert (job["id"], job["status"]) == (failed, "waiting")
    again = admin.post(f"/admin/jobs/{failed}/retry")
    assert refusal(again) == (409, "job_not_failed")
    assert admin.delete(f"/admin/jobs/{failed}").status_code == 204
    assert jobs.count(failed) == 0
    assert admin.delete(f"/admin/jobs/{failed}").status_code == 404


def test_what_runs_is_left_alone(admin: Person, jobs: Jobs) -> None:
    running = jobs.make("doing")
    assert refusal(admin.delete(f"/admin/jobs/{running}")) == (409, "job_running")
    assert refusal(admin.post(f"/admin/jobs/{running}/retry")) == (409, "job_not_failed")
    assert jobs.count(running) == 1


def test_what_waits_already_is_not_tried_twice(admin: Person, jobs: Jobs) -> None:
    failed, _ = jobs.make("failed", "scan"), jobs.make("todo", "scan")
    assert refusal(admin.post(f"/admin/jobs/{failed}/retry")) == (409, "job_waiting")


def test_the_details_of_health_tell_how_the_worker_does(
    admin: Person, jobs: Jobs, database: str
) -> None:
    idle = done(admin.get("/health/details"))
    assert (idle["jobs_waiting"], idle["jobs_waiting_since"], idle["jobs_failed"]) == (0, None, 0)
    rows(database, AGE, {"id": jobs.make("todo")})
    jobs.make("todo")
    jobs.make("failed")
    busy = done(admin.get("/health/details"))
    assert (busy["jobs_waiting"], busy["jobs_failed"]) == (2, 1)
    assert busy["jobs_waiting_since"] == "2026-01-01T00:00:00Z"
