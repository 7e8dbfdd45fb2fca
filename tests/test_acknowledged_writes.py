"""What was acknowledged is there, once and whole, whatever is killed meanwhile.

Web workers, PostgreSQL and the job worker are killed in turns with SIGKILL, while people write who
repeat under the same Idempotency-Key until they get an answer, and some who give up at once.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import cycle, islice
from pathlib import Path
from threading import Event

import pytest
import requests

from tests.launching import Run
from tests.sql import number
from tests.waiting import wait_until
from tests.writers import Writer, compare

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

ROUNDS = 102
WRITERS = 6
WRITES_BETWEEN_KILLS = 6
PASSWORD = "a long pass phrase"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with Run.of(tmp_path / "data", tmp_path, WEB_CONCURRENCY="2") as run:
        yield run.ready()


def sign_up(run: Run, name: str) -> tuple[str, requests.Session]:
    """Return somebody's id, and a session that is signed in."""
    account = {"email": f"{name}@example.com", "password": PASSWORD}
    session = requests.Session()
    made = session.post(f"{run.api}/users", json={**account, "name": name, "timezone": "UTC"})
    tokens = session.post(f"{run.api}/auth/login", json=account).json()
    session.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    return made.json()["id"], session


def web_worker(run: Run) -> int:
    master = run.child("gunicorn")
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    return int(random.choice(children)) if children else 0


def database(run: Run) -> int:
    return run.child("postgres")


def job_worker(run: Run) -> int:
    return run.child("flask --app main worker")


def kill(victim: Callable[[Run], int], run: Run) -> None:
    """Kill it as soon as it runs."""
    while not (pid := victim(run)):
        time.sleep(0.05)
    with suppress(ProcessLookupError):  # it ended by itself meanwhile: it had lost its database
        os.kill(pid, signal.SIGKILL)


def test_what_was_acknowledged_is_there_once_and_whole(
    run: Run, record_property: Callable[[str, object], None]
) -> None:
    bob_id, _ = sign_up(run, "Bob")
    _, alice = sign_up(run, "Alice")
    project = alice.post(f"{run.api}/projects", json={"name": "The book"}).json()
    members = f"{run.api}/projects/{project['id']}/members"
    assert alice.post(members, json={"user_id": bob_id, "role": "editor"}).status_code == 201
    writers = []
    for name in range(WRITERS):
        session = requests.Session()
        session.headers.update(alice.headers)
        writers.append(Writer(run.api, project["id"], bob_id, f"Writer {name}", session))

    def acknowledged() -> int:
        return sum(len(writer.acknowledged) for writer in writers)

    enough = Event()
    with ThreadPoolExecutor(WRITERS) as threads:
        works = [threads.submit(writer.write_until, enough) for writer in writers]
        try:
            for victim in islice(cycle((web_worker, database, job_worker)), ROUNDS):
                kill(victim, run)
                before = acknowledged()
                wait_until(lambda: acknowledged() >= before + WRITES_BETWEEN_KILLS)  # noqa: B023 - at once
        finally:
            enough.set()
        for work in works:
            work.result()

    wait_until(lambda: run.postgres.running_url() is not None)
    url = str(run.postgres.running_url())
    lost = compare(url, project["id"], writers)
    repeats = sum(writer.repeats for writer in writers)
    record_property(
        "tried",
        f"{ROUNDS} kills -9 of web workers, PostgreSQL and job workers: {acknowledged()} writes "
        f"acknowledged, {repeats} repeated, {len(lost)} lost or half there",
    )
    assert lost == []
    # Jobs run at least once, and what they do is there once: uq_notifications_user_id_key.
    told = "SELECT count(*) FROM notifications WHERE user_id = %(bob)s AND kind = 'assigned'"
    tasks = number(url, "SELECT count(*) FROM tasks")
    wait_until(lambda: number(url, told, {"bob": bob_id}) == tasks)
