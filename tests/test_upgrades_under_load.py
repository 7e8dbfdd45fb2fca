"""An upgrade while two web workers serve: nobody's request fails, whoever holds locks meanwhile.

The next migrations are made up here, so that the code that serves is older than the schema, as it
is in an upgrade of several machines one after another.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from threading import Event

import pytest
import requests
from flask import Flask

from config import settings
from services.schema_service import schema_service
from tests.databases import migrate, start_flask
from tests.factories import PASSWORD, Person, email_of, log_in
from tests.live.sockets import through
from tests.records import done, make_project
from tests.server import Server
from tests.sql import connect, number, rows

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

WRITERS = 4
THINK_SECONDS = 0.1  # of each after a round
REFUSALS = 3  # how often a migration has to give up before its lock is there
# Downwards the column comes first: to drop an index waits, holding up nobody, until the other ends.
NEXT = {
    "9998": """
def upgrade():
    create_index_concurrently("ix_tasks_title", "tasks", ["scope_id", "title"])


def downgrade():
    drop_index_concurrently("ix_tasks_title", "tasks")
""",
    "9999": """
def upgrade():
    op.add_column("tasks", sa.Column("colour", sa.Text(), server_default="", nullable=False))


def downgrade():
    op.drop_column("tasks", "colour")
""",
}
HEADER = """
import sqlalchemy as sa
from alembic import op

from services.concurrent_indexes import create_index_concurrently, drop_index_concurrently

revision = "{revision}"
down_revision = "{before}"
"""


@dataclass
class Writer:
    """Writes and reads tasks, one request after the other."""

    session: requests.Session
    api: str
    project_id: str
    waits: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def work_until(self, enough: Event) -> None:
        while not enough.is_set():
            task = {"title": "Write", "project_id": self.project_id}
            if made := self._ask("POST", "/tasks", task):
                self._ask("PATCH", f"/tasks/{made.json()['id']}", {"status": "in_progress"})
            self._ask("GET", f"/tasks?project_id={self.project_id}")
            enough.wait(THINK_SECONDS)

    def _ask(self, method: str, path: str, body: object = None) -> requests.Response | None:
        began = time.monotonic()
        answer = self.session.request(method, self.api + path, json=body, timeout=60)
        self.waits.append(time.monotonic() - began)
        if not answer.ok:
            self.failures.append(f"{method} {path}: {answer.text}")
        return answer if answer.ok else None


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """A folder of migrations with two that this code does not know."""
    folder = tmp_path / "migrations"
    shutil.copytree(settings.project_dir / "migrations", folder)
    before = schema_service.head
    for revision, steps in NEXT.items():
        header = HEADER.format(revision=revision, before=before)
        (folder / "versions" / f"{revision}_next.py").write_text(header + steps)
        before = revision
    return folder


@pytest.fixture
def served(app: Flask, scratch: str, tmp_path: Path) -> Iterator[Server]:
    migrate(app, "upgrade")
    with Server.running(tmp_path / "log", DATABASE_URL=scratch) as server:
        yield server


@contextmanager
def writing(server: Server) -> Iterator[list[Writer]]:
    """Let writers work meanwhile."""
    ada = through(server, Person(None, email=email_of("Ada")))  # type: ignore[arg-type]  # it gets one
    account = {"email": ada.email, "password": PASSWORD, "name": "Ada"}
    ada.id = done(ada.post("/users", account))["id"]
    log_in(ada)
    project = make_project(ada)
    api, enough = server.url + settings.api_prefix, Event()
    writers = []
    for _ in range(WRITERS):
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {ada.tokens['access_token']}"
        writers.append(Writer(session, api, project["id"]))
    with ThreadPoolExecutor(WRITERS) as threads:
        works = [threads.submit(writer.work_until, enough) for writer in writers]
        try:
            yield writers
        finally:
            enough.set()
        for work in works:
            work.result()


def refused(process: Popen[str], times: int) -> None:
    """Return when a migration has given up so often to get its locks."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        times -= "schema.waits_for_locks" in line
        if times == 0:
            return
    pytest.fail("it ended without waiting: " + "".join(said))


def change(url: str, newer: Path, *command: str) -> None:
    """Migrate while a transaction is open that has read tasks, and ends after some refusals."""
    with connect(url) as holder, holder.transaction():
        holder.execute("SELECT FROM tasks")
        migration = start_flask(url, "db", *command, "--directory", newer)
        refused(migration, REFUSALS)
    _, complaints = migration.communicate(timeout=120)
    assert migration.returncode == 0, complaints


def test_an_upgrade_and_a_downgrade_while_people_write_fail_no_request(
    served: Server, scratch: str, newer: Path, record_property: Callable[[str, object], None]
) -> None:
    with writing(served) as writers:
        change(scratch, newer, "upgrade")
        assert rows(scratch, "SELECT version_num AS is_at FROM alembic_version") == [
            {"is_at": "9999"}
        ]
        assert number(scratch, "SELECT count(*) FROM tasks WHERE colour = ''") > 0
        assert requests.get(f"{served.url}/health/ready", timeout=30).status_code == 200
        change(scratch, newer, "downgrade", schema_service.head)
    waits = [wait for writer in writers for wait in writer.waits]
    failures = [failure for writer in writers for failure in writer.failures]
    record_property(
        "tried",
        f"up and down with {2 * REFUSALS} refused locks, {len(waits)} requests meanwhile: "
        f"{len(failures)} failed, the longest took {max(waits):.1f} s",
    )
    assert failures == []


def test_an_upgrade_gives_up_in_the_end_and_fails_no_request(
    served: Server, scratch: str, newer: Path, record_property: Callable[[str, object], None]
) -> None:
    began = time.monotonic()
    with writing(served) as writers, connect(scratch) as holder, holder.transaction():
        holder.execute("SELECT FROM tasks")
        migration = start_flask(scratch, "db", "upgrade", "--directory", newer)
        output, complaints = migration.communicate(timeout=300)
        assert migration.returncode == 1, output
        assert f"process {holder.info.backend_pid} " in complaints
        assert "with locks on tasks" in complaints
    waits = [wait for writer in writers for wait in writer.waits]
    failures = [failure for writer in writers for failure in writer.failures]
    record_property(
        "tried",
        f"a lock that was never let go of: gave up after {time.monotonic() - began:.0f} s and "
        f"{complaints.count('schema.waits_for_locks')} more tries, {len(waits)} requests "
        f"meanwhile: {len(failures)} failed, the longest took {max(waits):.1f} s",
    )
    assert failures == []
    assert rows(scratch, "SELECT version_num AS is_at FROM alembic_version") == [{"is_at": "9998"}]
