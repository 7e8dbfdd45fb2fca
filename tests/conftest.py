"""The database, the application and the people that tests share.

Every test makes its own people and projects and looks at nothing else, so none has to clean up.
"""

import gc
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import psycopg
import pytest

SCRATCH = Path(tempfile.mkdtemp(prefix="stint-test-"))
TEST_SERVER = os.environ.get("TEST_DATABASE_URL")
TEST_DATABASE = f"stint_test_{uuid.uuid4().hex[:12]}"

# Settings are read once, when config is imported: this must come before.
os.environ.update(
    ENV_FILE=os.devnull,
    ENVIRONMENT="test",
    DATA_DIR=str(SCRATCH / "data"),
    SECRET_KEY="only-for-tests-" + "x" * 32,
    PASSWORD_MEMORY_KIB="8",
    SOCKETS_PER_USER="1000",
    # Receivers of webhooks run on this machine.
    WEBHOOK_NETWORKS="127.0.0.1/32",
    WEBHOOK_HTTP="true",
    LOG_LEVEL="WARNING",
    # All tests come from one address, and in no time.
    ATTEMPTS_PER_ADDRESS="1000000",
    RATE_LIMIT_READS="off",
    RATE_LIMIT_WRITES="off",
    RATE_LIMIT_SIGN_INS="off",
    RATE_LIMIT_TRANSFERS="off",
    RATE_LIMIT_MESSAGES="off",
    DATABASE_URL=TEST_SERVER.rsplit("/", 1)[0] + f"/{TEST_DATABASE}" if TEST_SERVER else "",
)

# By default what 10,000 tests are made of is looked through for garbage time and again.
gc.set_threshold(50_000, 20, 20)

from flask import Flask  # noqa: E402 - see above
from flask_migrate import upgrade  # noqa: E402
from hypothesis import HealthCheck  # noqa: E402
from hypothesis import settings as hypothesis_settings  # noqa: E402
from sqlalchemy import text  # noqa: E402

from api import create_app  # noqa: E402
from services.db_client import db, running_database  # noqa: E402
from tests.databases import another_database  # noqa: E402
from tests.factories import Person, sign_up  # noqa: E402
from tests.server import Server  # noqa: E402
from tests.sql import LAZY_COMMITS, rows  # noqa: E402

FORGET_JOBS = db.prepare(text("DELETE FROM procrastinate_jobs WHERE status = 'todo'"))

# How long an example takes tells of the machine; by default one that takes 0.2 s has failed.
hypothesis_settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("patient")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Of three processes on two processors one mostly waits: for a server, a browser, a timeout."""
    return (os.cpu_count() or 1) * 3 // 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that may take longest, so that no process is left with them alone."""
    limits: dict[Path, float] = {}
    for item in items:
        mark = item.get_closest_marker("timeout")
        limits[item.path] = max(limits.get(item.path, 0), mark.args[0] if mark else 0)
    items.sort(key=lambda item: -limits[item.path])


def pytest_collection_finish() -> None:
    """Let the garbage collector never look again at what stays until the end."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests of faults have tried, and what was lost."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, tried in report.user_properties:
                terminalreporter.write_line(f"{name}: {tried}")


@pytest.fixture(scope="session")
def database() -> Iterator[str]:
    """A migrated database of our own, and its URL."""
    if TEST_SERVER:
        with psycopg.connect(TEST_SERVER, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{TEST_DATABASE}"'.encode())
    with running_database() as url:
        with create_app().app_context():
            upgrade(str(Path(__file__).parents[1] / "migrations"))
            db.dispose()
        rows(url, LAZY_COMMITS)
        yield url
        db.dispose()
    if TEST_SERVER:
        with psycopg.connect(TEST_SERVER, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{TEST_DATABASE}" WITH (FORCE)'.encode())


@pytest.fixture
def scratch(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty database, which migrations run on meanwhile."""
    with another_database(database) as url:
        rows(url, LAZY_COMMITS)
        monkeypatch.setattr("services.db_client.running_database", lambda: nullcontext(url))
        yield url


@pytest.fixture(autouse=True)
def _no_work_for_strangers(request: pytest.FixtureRequest) -> None:
    """Whoever lets the worker run waits for no jobs that earlier tests have left."""
    if "database" in request.fixturenames:
        request.getfixturevalue("database")
        db.reading(FORGET_JOBS.execute)  # in autocommit: a third of the trips


@pytest.fixture(scope="session")
def app(database: str) -> Flask:
    """The application, called in this process."""
    return create_app()


@pytest.fixture(scope="session")
def server(database: str) -> Iterator[Server]:
    """The application under gunicorn with two workers."""
    with Server.running(SCRATCH / "server.log") as running:
        yield running


@pytest.fixture
def anonymous(app: Flask) -> Person:
    """Somebody who is not signed in."""
    return Person(app.test_client())


@pytest.fixture
def alice(app: Flask) -> Person:
    """Somebody with an account."""
    return sign_up(app, "Alice")


@pytest.fixture
def bob(app: Flask) -> Person:
    """Somebody else with an account."""
    return sign_up(app, "Bob")


@pytest.fixture
def project(alice: Person) -> dict[str, Any]:
    """A project that Alice owns."""
    created: dict[str, Any] = alice.post("/projects", {"name": "Website"}).get_json()
    return created
