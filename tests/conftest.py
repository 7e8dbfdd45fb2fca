"""The database, the application and the people that tests share.

Every test makes its own people and projects and looks at nothing else, so none has to clean up.
"""

import os
import tempfile
import uuid
from collections.abc import Iterator
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

from flask import Flask  # noqa: E402 - see above
from flask_migrate import upgrade  # noqa: E402
from sqlalchemy import text  # noqa: E402

from api import create_app  # noqa: E402
from services.db_client import db, running_database  # noqa: E402
from tests.factories import Person, sign_up  # noqa: E402
from tests.server import Server  # noqa: E402
from tests.sql import LAZY_COMMITS, rows  # noqa: E402

FORGET_JOBS = db.prepare(text("DELETE FROM procrastinate_jobs WHERE status = 'todo'"))

# What tests write need not outlive the machine, so no commit has to wait for the disk.


@pytest.fixture(scope="session")
def database() -> Iterator[str]:
    """A migrated database of our own, and its URL."""
    if TEST_SERVER:
        with psycopg.connect(TEST_SERVER, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{TEST_DATABASE}"'.encode())
    with running_database() as url:
        with create_app().app_context():
            upgrade(str(Path(__file__).parents[1] / "migrations"))
            db.engine.dispose()
        rows(url, LAZY_COMMITS)
        yield url
        db.engine.dispose()
    if TEST_SERVER:
        with psycopg.connect(TEST_SERVER, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{TEST_DATABASE}" WITH (FORCE)'.encode())


@pytest.fixture(autouse=True)
def _no_work_for_strangers(request: pytest.FixtureRequest) -> None:
    """Whoever lets the worker run waits for no jobs that earlier tests have left."""
    if "database" in request.fixturenames:
        request.getfixturevalue("database")
        db.transaction(FORGET_JOBS.execute)


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
