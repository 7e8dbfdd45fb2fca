"""The embedded PostgreSQL, each test on a cluster and a server of its own."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psycopg
import pytest

from config import PROJECT_DIR
from services.postgres.child_process import tied_to_parent
from services.postgres.cluster import LOG_MAX_BYTES, EmbeddedPostgresError
from services.postgres.embedded import SOCKET_DIR_PREFIX, EmbeddedPostgres
from tests.waiting import PATIENCE, wait_until

START_AND_WAIT = """
import sys
from pathlib import Path
from services.postgres.embedded import EmbeddedPostgres

postgres = EmbeddedPostgres(Path(sys.argv[1]))
print(postgres.start(), flush=True)
sys.stdin.read()
postgres.stop()
"""
Starter = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def new_cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cluster that was started and stopped once; copying it is faster than making another."""
    directory = tmp_path_factory.mktemp("cluster") / "postgres"
    with EmbeddedPostgres(directory).running():
        return directory


@pytest.fixture
def directory(new_cluster: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "postgres"
    subprocess.run(["cp", "-a", new_cluster, copy], check=True)
    return copy


@pytest.fixture
def postgres(directory: Path) -> Iterator[EmbeddedPostgres]:
    postgres = EmbeddedPostgres(directory)
    yield postgres
    postgres.stop()


@pytest.fixture
def start_elsewhere(directory: Path) -> Iterator[Starter]:
    """Start the server in processes of their own, which stop it when their input ends."""
    with ExitStack() as stack:

        def start(prelude: str = "") -> "subprocess.Popen[str]":
            process = subprocess.Popen(
                [sys.executable, "-W", "error", "-c", prelude + START_AND_WAIT, str(directory)],
                cwd=PROJECT_DIR,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            stack.callback(process.communicate)
            return process

        yield start


def query(postgres: EmbeddedPostgres, statement: str) -> list[tuple[object, ...]]:
    url = postgres.running_url()
    assert url is not None
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def postmaster_pid(postgres: EmbeddedPostgres) -> int:
    return int((postgres.directory / "postmaster.pid").read_text().splitlines()[0])


def test_makes_a_cluster_with_a_unicode_database(tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path / "data" / "postgres")
    with postgres.running():
        rows = query(
            postgres, "SELECT current_database(), lower('ÄÉ'), current_setting('timezone')"
        )
    assert rows == [("stint", "äé", "UTC")]
    assert stat.S_IMODE(postgres.directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(postgres.directory.parent.stat().st_mode) == 0o700


def test_start_tells_whether_it_started(postgres: EmbeddedPostgres) -> None:
    assert postgres.start() is True
    assert postgres.start() is False
    assert EmbeddedPostgres(postgres.directory).start() is False


def test_stop_is_idempotent_and_keeps_the_data(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    query(postgres, "CREATE TABLE kept AS SELECT 7 AS seven")
    postgres.stop()
    postgres.stop()
    assert postgres.running_url() is None
    assert postgres.start() is True
    assert query(postgres, "SELECT seven FROM kept") == [(7,)]


def test_stop_leaves_the_server_of_another_alone(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    other = EmbeddedPostgres(postgres.directory)
    other.start()
    other.stop()
    assert other.running_url() == postgres.running_url() is not None


def test_stop_in_a_forked_worker_does_nothing(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    worker = os.fork()
    if worker == 0:
        postgres.stop()
        os._exit(0)
    os.waitpid(worker, 0)
    assert postgres.running_url() is not None


def test_running_stops_only_what_it_started(postgres: EmbeddedPostgres) -> None:
    with postgres.running() as url:
        assert url == postgres.running_url()
        with postgres.running() as inner:
            assert inner == url
        assert postgres.running_url() is not None
    assert postgres.running_url() is None


def test_running_stops_after_a_failure(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(ZeroDivisionError), postgres.running():
        _ = 1 / 0
    assert postgres.running_url() is None


def test_listens_on_a_private_socket_only(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    assert query(postgres, "SHOW listen_addresses") == [("",)]
    directory = Path(str(query(postgres, "SHOW unix_socket_directories")[0][0]))
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((directory / ".s.PGSQL.5432").stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["x" * 100, "with,comma", "per cent % & #?"])
def test_any_path_will_do(directory: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    postgres = EmbeddedPostgres(directory.rename(folder / "postgres"))
    with postgres.running():
        assert query(postgres, "SELECT 1") == [(1,)]


def test_the_private_directory_of_a_long_path_does_not_pile_up(
    directory: Path, tmp_path: Path
) -> None:
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    postgres = EmbeddedPostgres(directory.rename(folder / "postgres"))
    with postgres.running():
        pid_file = postgres.directory / "postmaster.pid"
        sockets = Path(pid_file.read_text().splitlines()[4])
        assert sockets.name.startswith(SOCKET_DIR_PREFIX)
        left_by_a_killed_one = pid_file.read_text()
    assert not sockets.exists()

    sockets.mkdir()
    pid_file.write_text(left_by_a_killed_one)
    with postgres.running():
        assert not sockets.exists()


def test_recovers_after_kill_nine(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    query(postgres, "CREATE TABLE committed AS SELECT 1 AS one")
    os.kill(postmaster_pid(postgres), signal.SIGKILL)
    wait_until(lambda: postgres.running_url() is None)
    assert postgres.start() is True
    assert query(postgres, "SELECT one FROM committed") == [(1,)]


def test_a_pid_file_that_names_a_living_process_does_not_stop_it(
    postgres: EmbeddedPostgres,
) -> None:
    stale = [str(os.getpid()), str(postgres.directory), "1700000000", "5432"]
    stale += [str(postgres.directory), "", "0 0", "ready"]
    (postgres.directory / "postmaster.pid").write_text("\n".join(stale) + "\n")
    assert postgres.running_url() is None
    assert postgres.start() is True


def test_processes_that_start_at_once_end_with_one_server(
    postgres: EmbeddedPostgres, start_elsewhere: Starter
) -> None:
    processes = [start_elsewhere() for _ in range(3)]
    answers = [process.stdout.readline() for process in processes if process.stdout]
    assert sorted(answers) == ["False\n", "False\n", "True\n"]
    assert postgres.running_url() is not None


def test_works_under_gevent(postgres: EmbeddedPostgres, start_elsewhere: Starter) -> None:
    process = start_elsewhere(prelude="from gevent import monkey; monkey.patch_all()")
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    process.communicate("")
    assert process.returncode == 0
    assert postgres.running_url() is None


@pytest.mark.skipif(not tied_to_parent("INT"), reason="only Linux tells a child of the death")
def test_the_server_ends_with_a_killed_starter(
    postgres: EmbeddedPostgres, start_elsewhere: Starter
) -> None:
    process = start_elsewhere()
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    process.kill()
    wait_until(lambda: postgres.running_url() is None)
    assert postgres.start() is True


@pytest.mark.skipif(os.geteuid() != 0, reason="ordinary users run it as themselves")
def test_root_runs_it_as_the_owner_and_opens_no_parent(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    tmp_path.chmod(0o700)
    postgres.start()
    owner = postgres.directory.stat().st_uid
    assert owner != 0
    assert Path(f"/proc/{postmaster_pid(postgres)}").stat().st_uid == owner
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    assert tmp_path.stat().st_uid == 0


def test_the_environment_does_not_reach_the_server(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "5433")
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGOPTIONS", "-c enable_seqscan=off")
    assert postgres.start() is True
    assert postgres.running_url() is not None


def test_a_full_server_still_counts_as_running(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    url = postgres.running_url()
    assert url is not None
    with ExitStack() as connections:
        with suppress(psycopg.OperationalError):
            while True:
                connections.enter_context(psycopg.connect(url.replace("+psycopg", "")))
        assert postgres.start() is False


def test_a_big_log_begins_anew(postgres: EmbeddedPostgres) -> None:
    log = postgres.directory / "log"
    written = log.read_text()
    with postgres.running():
        assert log.read_text().startswith(written)
    os.truncate(log, LOG_MAX_BYTES + 1)
    with postgres.running():
        assert log.stat().st_size < 10_000


def test_half_a_cluster_is_made_anew(tmp_path: Path) -> None:
    draft = tmp_path / "postgres.new"
    draft.mkdir()
    (draft / "PG_VERSION").write_text("18\n")
    postgres = EmbeddedPostgres(tmp_path / "postgres")
    with postgres.running():
        assert not draft.exists()


def test_a_failed_start_says_why_and_leaves_nothing_running(postgres: EmbeddedPostgres) -> None:
    (postgres.directory / "global" / "pg_control").unlink()
    started = time.monotonic()
    with pytest.raises(EmbeddedPostgresError, match="pg_control"):
        postgres.start()
    assert time.monotonic() - started < PATIENCE
    assert postgres.running_url() is None


def test_the_cluster_of_another_version_is_refused(postgres: EmbeddedPostgres) -> None:
    (postgres.directory / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedPostgresError, match="another version than PostgreSQL 18"):
        postgres.start()


def test_a_folder_that_is_no_cluster_is_not_touched(directory: Path) -> None:
    (directory / "PG_VERSION").unlink()
    with pytest.raises(EmbeddedPostgresError, match="move it away or set DATA_DIR"):
        EmbeddedPostgres(directory).start()
    assert (directory / "global").exists()


def test_the_cluster_of_another_user_is_refused(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = postgres.directory.stat().st_uid + 1
    monkeypatch.setattr(os, "geteuid", lambda: stranger)
    with pytest.raises(EmbeddedPostgresError, match="run as that user, or set DATA_DIR"):
        postgres.start()


def test_a_data_dir_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedPostgresError, match="set DATA_DIR to one of your own"):
        EmbeddedPostgres(tmp_path / "file" / "postgres").start()
