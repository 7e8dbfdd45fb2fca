"""The job queue: asked for in a transaction, done after it, at least once."""

import logging
from pathlib import Path

import pytest
from procrastinate import App, SyncPsycopgConnector
from structlog.testing import CapturingLogger

from services import job_queue
from services.db_client import db
from services.job_queue import JobQueue
from tests.diarist import Diary
from tests.sql import rows

JOBS = """
    SELECT task_name, status::text, attempts, scheduled_at > now() AS later
    FROM procrastinate_jobs WHERE task_name LIKE 'test.%%' ORDER BY id
"""


def fail() -> None:
    raise ZeroDivisionError


@pytest.fixture
def diary(database: str, tmp_path: Path) -> Diary:
    rows(database, "DELETE FROM procrastinate_jobs WHERE task_name LIKE 'test.%%'")
    return Diary(tmp_path / "diary")


def test_what_a_transaction_asks_for_is_done_once_after_it(diary: Diary) -> None:
    db.transaction(lambda: diary.write.defer(line="one"))
    assert diary.lines == []
    diary.worker().run_once()
    diary.worker().run_once()
    assert diary.lines == ["one"]


def test_what_a_failed_transaction_asked_for_never_was(diary: Diary, database: str) -> None:
    def change_their_mind() -> None:
        diary.write.defer(line="one")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        db.transaction(change_their_mind)
    assert rows(database, JOBS) == []


def test_what_is_tried_out_asks_for_nothing(diary: Diary, database: str) -> None:
    def rehearse() -> None:
        with db.rehearsal():
            diary.write.defer(line="one")
        diary.write.defer(line="two")

    db.transaction(rehearse)
    diary.worker().run_once()
    assert diary.lines == ["two"]


def test_jobs_in_line_keep_their_order(diary: Diary) -> None:
    def ask() -> None:
        for number in range(20):
            diary.write.defer(in_line="queue", line=str(number))

    db.transaction(ask)
    diary.worker().run_once()
    assert diary.lines == [str(number) for number in range(20)]


def test_a_failed_job_waits_for_its_next_attempt(diary: Diary, database: str) -> None:
    db.transaction(diary.queue.job("test.fail", fail).defer)
    diary.worker().run_once()
    expected = {"task_name": "test.fail", "status": "todo", "attempts": 1, "later": True}
    assert rows(database, JOBS) == [expected]


def test_what_waits_behind_a_failed_job_in_its_line_is_not_due(diary: Diary, database: str) -> None:
    def ask() -> None:
        diary.queue.job("test.fail", fail).defer(in_line="queue")
        diary.write.defer(in_line="queue", line="next")

    db.transaction(ask)
    diary.worker().run_once()
    assert diary.lines == []
    rows(database, "DELETE FROM procrastinate_jobs WHERE task_name = 'test.fail'")
    diary.worker().run_once()
    assert diary.lines == ["next"]


def test_a_job_that_always_fails_is_given_up_and_kept(diary: Diary, database: str) -> None:
    db.transaction(diary.queue.job("test.fail", fail, pauses=()).defer)
    diary.worker().run_once()
    (job,) = rows(database, JOBS)
    assert (job["status"], job["attempts"]) == ("failed", 1)


def test_what_newer_code_asks_for_waits_for_a_newer_worker(
    diary: Diary, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = CapturingLogger()
    monkeypatch.setattr(job_queue, "logger", told)
    newer = JobQueue(db, App(connector=SyncPsycopgConnector()))

    def ask() -> None:
        newer.job("test.new", fail).defer(line="one")
        newer.job("test.write", fail).defer(line="one", colour="red")

    db.transaction(ask)
    diary.worker().run_once()
    waiting = {"status": "todo", "attempts": 1, "later": True}
    assert rows(database, JOBS) == [
        {"task_name": "test.new"} | waiting,
        {"task_name": "test.write"} | waiting,
    ]
    assert diary.lines == []
    failures = {call.kwargs["error"] for call in told.calls if call.args == ("job.failed",)}
    assert failures == {"UnknownJobError", "TypeError"}


def test_what_newer_code_does_at_certain_times_is_left_to_the_next_time(
    diary: Diary, database: str
) -> None:
    rows(
        database,
        """INSERT INTO procrastinate_jobs (queue_name, task_name, status, lock, queueing_lock, args)
           VALUES ('default', 'test.tock', 'todo', 'test.tock', 'test.tock', '{"timestamp": 0}')
           RETURNING id""",
    )
    diary.worker().run_once()
    (job,) = rows(database, JOBS)
    assert (job["status"], job["attempts"]) == ("failed", 1)


def test_what_is_done_again_and_again_is_told_to_those_alone_who_look_for_faults(
    diary: Diary, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = CapturingLogger()
    monkeypatch.setattr(job_queue, "logger", told)
    diary.queue.tasks.tasks["test.tick"](timestamp=0)
    db.transaction(lambda: diary.write.defer(line="one"))
    diary.queue.every("* * * * *", "test.fail", fail)
    with pytest.raises(ZeroDivisionError):
        diary.queue.tasks.tasks["test.fail"](timestamp=0)
    diary.worker().run_once()
    assert diary.lines == ["tick", "one"]
    assert [(call.method_name, call.args) for call in told.calls] == [
        ("log", (logging.DEBUG, "job.done")),
        ("warning", ("job.failed",)),
        ("log", (logging.INFO, "job.done")),
    ]
