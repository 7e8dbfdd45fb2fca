"""Backups as operators make them: commands in processes of their own, and clients that go on."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from flask import Flask

from tests.databases import another_database, contents, flask, start_flask
from tests.factories import PASSWORD, Person, email_of, log_in
from tests.live.sockets import Sockets, through
from tests.processes import signals_count
from tests.records import Record, done, make_project, make_task
from tests.server import Server
from tests.sql import number, rows
from tests.waiting import wait_until

KEY = "only-for-this-instance-" + "x" * 32
MUCH = """
    INSERT INTO rooms (id)
    SELECT 'user:' || md5(number::text) || md5((-number)::text)
    FROM generate_series(1, 400000) AS number
"""


@pytest.fixture(autouse=True)
def _signals_count() -> Iterator[None]:
    with signals_count():
        yield


@pytest.fixture
def instance(app: Flask, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a database of an instance of its own, with its schema."""
    with another_database(database) as url:
        with monkeypatch.context() as patch:
            patch.setattr("services.db_client.running_database", lambda: nullcontext(url))
            made = app.test_cli_runner().invoke(args=["db", "upgrade"])
        assert made.exit_code == 0, made.output
        yield url


def sign_up_at(server: Server) -> Person:
    person = through(server, Person(None, email=email_of("Ada")))  # type: ignore[arg-type]  # it gets one
    account = {"email": person.email, "password": PASSWORD, "name": "Ada"}
    person.id = done(person.post("/users", account))["id"]
    log_in(person)
    return person


def run(url: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    result = flask(url, *arguments, SECRET_KEY=KEY)
    assert result.returncode == 0, result.stderr
    return result


def test_after_a_restore_a_client_starts_over_and_misses_nothing(
    instance: str, tmp_path: Path
) -> None:
    file, log = tmp_path / "stint.tar", tmp_path / "server.log"
    environment = {"DATABASE_URL": instance, "SECRET_KEY": KEY, "WEB_CONCURRENCY": "1"}
    with Server.running(log, **environment) as server, Sockets.at(server) as sockets:
        ada = sign_up_at(server)
        project = make_project(ada)
        room = f"project:{project['id']}"
        kept = make_task(ada, title="Kept", project_id=project["id"])
        told = run(instance, "backup", file)  # while everything runs
        assert "SECRET_KEY" in told.stderr
        socket = sockets.open(ada)
        before = socket.subscribe(room)
        lost = [make_task(ada, title="Lost", project_id=project["id"]) for _ in range(2)]
        seq = [socket.event("task.created")["seq"] for _ in lost][-1]
        refused = flask(instance, "restore", file, "--replace", SECRET_KEY=KEY)
        assert refused.returncode == 1
        assert "stop the web server" in refused.stderr
        assert len(done(ada.get(f"/tasks?project_id={project['id']}"))) == 3
    refused = flask(instance, "restore", file, SECRET_KEY=KEY)
    assert (refused.returncode, "--replace" in refused.stderr) == (1, True)
    told = run(instance, "restore", file, "--replace")
    assert "sign in again" in told.stderr
    with Server.running(log, **environment) as server, Sockets.at(server) as sockets:
        ada = through(server, ada)
        assert ada.get("/users/me").status_code == 401
        log_in(ada)
        # Others have changed things meanwhile, so that the numbers would fit again.
        new = [make_task(ada, title="New", project_id=project["id"]) for _ in range(3)]
        socket = sockets.open(ada)
        for since in (before["seq"], seq):
            answer = socket.subscribe(room, since=since, epoch=before["epoch"])
            assert answer["outcome"] == "resync_required"
        snapshot: Record = done(ada.get(f"/rooms/{room}/snapshot"))
        titles = [kept["id"], *(task["id"] for task in new)]
        assert sorted(task["id"] for task in snapshot["tasks"]) == sorted(titles)
        since = {"since": snapshot["seq"], "epoch": snapshot["epoch"]}
        assert socket.subscribe(room, **since)["outcome"] == "ok"
        last = make_task(ada, project_id=project["id"])
        assert socket.event("task.created")["subject"] == last["id"]


@pytest.mark.faults
@pytest.mark.parametrize("number_", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_backup_that_is_stopped_half_way_leaves_nothing(
    instance: str, tmp_path: Path, number_: signal.Signals
) -> None:
    rows(instance, MUCH)
    process = start_flask(instance, "backup", tmp_path / "stint.tar")
    wait_until(lambda: any(each.stat().st_size > 1_000_000 for each in tmp_path.iterdir()))
    process.send_signal(number_)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode != 0, stderr
    assert "Traceback" not in stderr
    assert list(tmp_path.iterdir()) == []
    wait_until(lambda: dumps_of(instance) == 0)


@pytest.mark.faults
def test_a_backup_that_is_killed_leaves_nothing_that_looks_like_one(
    instance: str, tmp_path: Path
) -> None:
    rows(instance, MUCH)
    process = start_flask(instance, "backup", tmp_path / "stint.tar")
    wait_until(lambda: any(each.stat().st_size > 1_000_000 for each in tmp_path.iterdir()))
    process.kill()
    process.communicate()
    (left,) = tmp_path.iterdir()
    assert left.name.endswith(".partial")
    wait_until(lambda: dumps_of(instance) == 0)


@pytest.mark.faults
def test_a_restore_that_is_stopped_half_way_changes_nothing(instance: str, tmp_path: Path) -> None:
    rows(instance, MUCH)
    file = tmp_path / "stint.tar"
    run(instance, "backup", file)
    rows(instance, "TRUNCATE rooms CASCADE")
    before = contents(instance)
    process = start_flask(instance, "restore", file)
    loading = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
        AND query LIKE 'COPY public.rooms %%'"
    wait_until(lambda: number(instance, loading, {}) > 0)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert (process.returncode, "Traceback" in stderr) == (1, False), stderr
    assert contents(instance) == before


def test_a_backup_is_checked_and_read_with_programs_that_are_everywhere(
    instance: str, tmp_path: Path
) -> None:
    run(instance, "backup", tmp_path / "stint.tar")
    subprocess.run(["tar", "-xf", "stint.tar"], cwd=tmp_path, check=True)
    check = ["sha256sum", "--check", "SHA256SUMS"]
    checked = subprocess.run(check, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert checked.stdout.count(": OK\n") == 2


def dumps_of(instance: str) -> int:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
        AND application_name IN ('pg_dump', 'stint-backup')"
    return number(instance, query)
