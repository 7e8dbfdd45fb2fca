"""The worker process: stopped, killed, and without its database for a while."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event

import pytest

from config import settings
from services.db_client import db
from services.program import STOP_SECONDS
from services.worker import STOP_SECONDS as FINISH_SECONDS
from services.worker import WRITE_DOWN_SECONDS
from tests import worker
from tests.diarist import Diary
from tests.proxy import DatabaseProxy, Way, Weather
from tests.sql import number, rows
from tests.waiting import wait_until

RERUN_SECONDS = 60
MOMENTS = 8
START_SECONDS = 200  # so many at once, on a busy machine
SLACK_SECONDS = 2

# As a worker leaves it that was killed while it did this, and another has asked for it again.
TICK = """
    INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, status, args)
    VALUES ('default', 'test.tick', 'test.tick', 'test.tick',
            CAST(%(status)s AS procrastinate_job_status), '{"timestamp": 0}')
"""

NOT_DONE = "SELECT count(*) FROM procrastinate_jobs WHERE id <= %(id)s AND status <> 'failed'"


@pytest.fixture
def diary(database: str, tmp_path: Path) -> Diary:
    rows(database, "DELETE FROM procrastinate_jobs")  # of tests before, for workers of theirs
    return Diary(tmp_path / "diary")


def log_of(diary: Diary) -> Path:
    """What those who do its jobs log."""
    return diary.path.with_name("log")


@contextmanager
def working(diary: Diary, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that does the jobs of the diary."""
    with log_of(diary).open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.diarist", str(diary.path)],
            env=os.environ | environment,
            cwd=settings.project_dir,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def write(diary: Diary, line: str) -> None:
    db.transaction(lambda: diary.write.defer(line=line))


def linger(diary: Diary, line: str) -> None:
    db.transaction(lambda: diary.linger.defer(line=line))
    wait_until(lambda: f"begin {line}" in diary.lines)


def asked_for(diary: Diary) -> list[str]:
    """What was written because somebody asked for it."""
    return [line for line in diary.lines if line != "tick"]


def test_what_is_due_every_second_is_done_by_one_of_two(diary: Diary) -> None:
    with working(diary) as one, working(diary) as other:
        begin = time.monotonic()
        wait_until(lambda: diary.lines.count("tick") >= 4)
        passed = time.monotonic() - begin
        assert diary.lines.count("tick") <= passed + 2
        assert (one.poll(), other.poll()) == (None, None)


def test_it_finishes_what_it_does_before_it_stops(diary: Diary) -> None:
    with working(diary) as process:
        linger(diary, "letter")
        process.terminate()
        wait_until(lambda: "worker.stopping" in log_of(diary).read_text())
        write(diary, "later")
        diary.let_go("letter")
        assert process.wait(STOP_SECONDS) == 0
        assert asked_for(diary) == ["begin letter", "letter"]
    with working(diary):
        wait_until(lambda: asked_for(diary)[2:] == ["later"])


def test_periodic_work_of_a_killed_one_does_not_hold_up_the_next(
    diary: Diary, database: str
) -> None:
    rows(database, "DELETE FROM procrastinate_jobs WHERE task_name = 'test.tick'")
    for status in ("doing", "todo"):
        rows(database, TICK, {"status": status})
    with working(diary):
        wait_until(lambda: diary.lines.count("tick") >= 3)
    assert "database_away" not in log_of(diary).read_text()


@pytest.mark.faults
def test_what_a_killed_one_did_is_done_by_the_next(diary: Diary) -> None:
    with working(diary) as process:
        linger(diary, "letter")
        process.send_signal(signal.SIGKILL)
        process.wait()
    with working(diary):
        wait_until(lambda: diary.lines.count("begin letter") == 2, RERUN_SECONDS)
        diary.let_go("letter")
        wait_until(lambda: diary.lines.count("letter") == 1)


@pytest.mark.faults
def test_a_job_whose_end_got_lost_is_done_again(diary: Diary, database: str) -> None:
    lost = Event()

    def cut_the_first_end(piece: bytes) -> bool:
        if lost.is_set() or b"procrastinate_finish_job" not in piece:
            return True
        lost.set()
        return False

    with DatabaseProxy.before(database) as proxy, working(diary, DATABASE_URL=proxy.url) as process:
        proxy.on_question = cut_the_first_end
        write(diary, "letter")
        wait_until(lost.is_set)
        (newest,) = rows(database, "SELECT max(id) AS id FROM procrastinate_jobs")
        wait_until(lambda: number(database, NOT_DONE, newest) == 0, RERUN_SECONDS)
        assert process.poll() is None
    assert "Traceback" not in log_of(diary).read_text()


@pytest.mark.faults
def test_it_outlives_its_database(diary: Diary, database: str) -> None:
    with DatabaseProxy.before(database) as proxy, working(diary, DATABASE_URL=proxy.url) as process:
        write(diary, "before")
        wait_until(lambda: "before" in diary.lines)
        proxy.shut()
        write(diary, "meanwhile")
        wait_until(lambda: "database_away" in log_of(diary).read_text())
        proxy.open()
        wait_until(lambda: "meanwhile" in diary.lines)
        assert process.poll() is None


@pytest.mark.faults
def test_without_its_database_it_stops_whenever_it_is_told_to(
    database: str, tmp_path: Path
) -> None:
    logs = [tmp_path / f"{number}.log" for number in range(MOMENTS)]
    with DatabaseProxy.before(database) as proxy, ExitStack() as stack:
        away = {"DATABASE_URL": proxy.url, "LOG_LEVEL": "INFO"}
        workers = [stack.enter_context(worker.working(database, log, **away)) for log in logs]
        wait_until(lambda: all("worker.started" in log.read_text() for log in logs), START_SECONDS)
        proxy.shut()
        for each in workers:
            each.process.terminate()
            time.sleep(1)  # the moments are what is tested
        assert [each.process.wait(STOP_SECONDS) for each in workers] == [0] * MOMENTS


@pytest.mark.faults
def test_on_a_silent_line_it_stops_in_time(database: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with DatabaseProxy.before(database) as proxy:
        away = {"DATABASE_URL": proxy.url, "LOG_LEVEL": "INFO"}
        with worker.working(database, log, **away) as each:
            wait_until(lambda: "worker.started" in log.read_text(), START_SECONDS)
            proxy.weather = Weather(swallows=frozenset(Way))
            each.process.terminate()
            begin = time.monotonic()
            assert each.process.wait(STOP_SECONDS) == 0
            assert time.monotonic() - begin < FINISH_SECONDS + WRITE_DOWN_SECONDS + SLACK_SECONDS
