"""`python main.py` starts everything or nothing, and says what is in its way."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from services.postgres.child_process import tied_to_parent
from services.postgres.embedded import EmbeddedPostgres
from tests.launching import Run
from tests.processes import lives, signals_count
from tests.waiting import wait_until

PASSWORD = "a long pass phrase"
WORKER = "flask --app main worker"
GUNICORN = ("-m", "gunicorn", "-c", "gunicorn.conf.py", "main:app")


Launch = Callable[..., Run]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory that one run after the other uses, since making a cluster takes time."""
    return tmp_path_factory.mktemp("run") / "data"


@pytest.fixture(autouse=True)
def _signals_count() -> Iterator[None]:
    with signals_count():
        yield


@pytest.fixture
def launch(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launch]:
    with ExitStack() as cleanup:

        def launch(*command: str, **environment: str) -> Run:
            output = tmp_path_factory.mktemp("output")
            return cleanup.enter_context(Run.of(data_dir, output, *command, **environment))

        yield launch


def test_the_calls_it_prints_work_and_ctrl_c_keeps_the_data(launch: Launch) -> None:
    run = launch().ready()
    assert f"http://127.0.0.1:{run.port}/docs" in run.banner
    calls = run.banner[run.banner.index("  curl") :]
    printed = subprocess.check_output(["bash", "-ec", calls], text=True)
    assert '"started"' in printed
    run.press_ctrl_c()
    run.press_ctrl_c()
    assert run.end() == (0, "")
    assert run.is_gone()

    with run.postgres.running() as url, psycopg.connect(url.replace("+psycopg", "")) as connection:
        found = connection.execute("SELECT name FROM users WHERE email = 'ada@example.org'")
        assert found.fetchall() == [("Ada",)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_it_starts_leaves_nothing(launch: Launch, number: signal.Signals) -> None:
    run = launch()
    wait_until(lambda: run.postgres.running_url() is not None)
    run.process.send_signal(number)
    assert run.end() == (0, "")
    assert run.is_gone()


@pytest.mark.faults
def test_a_second_one_says_what_is_in_its_way(launch: Launch, tmp_path: Path) -> None:
    first = launch().ready()

    code, complaint = launch().end()
    assert code == 1
    assert f"already running at http://127.0.0.1:{first.port} " in complaint

    code, complaint = launch(PORT=str(first.port), DATA_DIR=str(tmp_path)).end()
    assert code == 1
    assert f"stint: port {first.port} on 127.0.0.1 is taken; " in complaint
    assert f"PORT={first.port + 1} make run" in complaint

    assert first.get("/health") == 200


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://ann:hush@127.0.0.1:1/work", "PostgreSQL at 127.0.0.1:1, database work ("),
        ("postgresql://ann:hush%zz@127.0.0.1:1/work", "special characters as %XX"),
    ],
)
def test_an_unreachable_database_is_named_without_its_password(
    launch: Launch, tmp_path: Path, url: str, expected: str
) -> None:
    code, complaint = launch(DATABASE_URL=url, DATA_DIR=str(tmp_path)).end()
    assert code == 1
    assert expected in complaint
    assert "hush" not in complaint
    assert complaint.count("\n") == 1


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("PORT", "abc", "stint: bad setting: PORT: "),
        ("HOST", "192.0.2.1", "stint: cannot listen on port "),
        ("DATA_DIR", "/dev/null/data", "set DATA_DIR to one of your own"),
    ],
)
def test_a_wrong_setting_is_one_line(
    launch: Launch, tmp_path: Path, setting: str, value: str, expected: str
) -> None:
    code, complaint = launch(**{"DATA_DIR": str(tmp_path), setting: value}).end()
    assert code == 1
    assert expected in complaint
    assert complaint.count("\n") == 1


def test_a_failed_migration_shows_its_output_and_starts_nothing(
    launch: Launch, tmp_path: Path
) -> None:
    with EmbeddedPostgres(tmp_path / "postgres").running() as url:
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            connection.execute("CREATE TABLE alembic_version AS SELECT 'unheard' AS version_num")
        run = launch(DATABASE_URL=url, DATA_DIR=str(tmp_path))
        code, complaint = run.end()
    assert code == 1
    assert complaint.startswith("stint: the database could not be migrated")
    assert "unheard" in complaint
    assert run.is_gone()


@pytest.mark.faults
def test_a_web_server_that_dies_takes_the_rest_with_it(launch: Launch) -> None:
    run = launch().ready()
    os.killpg(run.child("gunicorn"), signal.SIGKILL)
    code, complaint = run.end()
    assert code == 1
    assert complaint.startswith("stint: the web server stopped by itself")
    assert run.is_gone()


@pytest.mark.faults
def test_a_database_that_dies_is_started_again(launch: Launch) -> None:
    run = launch().ready()
    dead = run.child("postgres")
    os.kill(dead, signal.SIGKILL)
    wait_until(lambda: run.child("postgres") not in (dead, 0))
    wait_until(lambda: run.get("/health/ready") == 200)
    run.process.send_signal(signal.SIGHUP)  # what a closed terminal sends
    code, complaint = run.end()
    assert code == 0, complaint
    assert run.is_gone()


@pytest.mark.faults
def test_a_worker_that_dies_is_started_again(launch: Launch) -> None:
    run = launch().ready()
    dead = run.child(WORKER)
    os.killpg(dead, signal.SIGKILL)
    wait_until(lambda: run.child(WORKER) not in (dead, 0) and run.complaints != "")
    run.press_ctrl_c()
    assert run.end() == (0, "stint: the worker had stopped and was started again\n")


@pytest.mark.skipif(not tied_to_parent("INT"), reason="only Linux tells a child of the death")
@pytest.mark.faults
def test_what_it_started_ends_when_it_is_killed_and_the_next_run_recovers(launch: Launch) -> None:
    account = {"email": "killed@example.com", "password": PASSWORD}
    run = launch().ready()
    assert run.post("/users", **account, name="Kim", timezone="UTC") == 201
    worker = run.child(WORKER)
    run.process.kill()
    run.process.wait()
    wait_until(lambda: run.is_gone() and not lives(worker))
    run = launch().ready()
    assert run.post("/auth/login", **account) == 200


def test_gunicorn_alone_brings_the_database_along(launch: Launch) -> None:
    run = launch(*GUNICORN)
    wait_until(run.listens)
    assert run.get("/health") == 200
    assert run.postgres.running_url() is not None
    run.process.terminate()
    assert run.end() == (0, "")
    assert run.is_gone()
