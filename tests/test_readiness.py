"""What /health/ready says is lacking, although requests are served."""

from collections import namedtuple
from contextlib import suppress
from pathlib import Path
from typing import Any, LiteralString

import pytest
import requests
from pydantic import SecretStr

from config import settings
from models.health import Lack, Readiness
from services import health_service as health
from services.connection_manager import connection_manager
from services.db_client import db
from services.event_bus import event_bus
from services.postgres.embedded import EmbeddedPostgres
from services.schema_service import schema_service
from tests.factories import Person
from tests.server import Server
from tests.sql import run
from tests.waiting import wait_until
from tests.worker import working
from utils.errors import UnavailableError

Usage = namedtuple("Usage", "total used free")


class Undone(Exception):  # noqa: N818 - it is none
    """Rolls a change back."""


def lacking(server: Server) -> set[str]:
    answer = requests.get(f"{server.url}/health/ready", timeout=30)
    assert answer.status_code == 200
    told = answer.json()
    assert told["status"] == ("degraded" if told["lacking"] else "ready")
    return set(told["lacking"])


def test_a_worker_is_missed_until_there_is_one(
    server: Server, database: str, tmp_path: Path
) -> None:
    wait_until(lambda: lacking(server) == {"worker"})
    with working(database, tmp_path / "log"):
        wait_until(lambda: lacking(server) == set())


def test_a_process_that_hears_nobody_says_so(anonymous: Person) -> None:
    told: Any = anonymous.get("/health/ready").get_json()
    assert "bus" in told["lacking"]  # the application in this process was never started


@pytest.mark.parametrize(
    ("files", "free", "told"),
    [(["postmaster.pid"], 10**6, [Lack.DISK]), (["postmaster.pid"], 10**12, []), ([], 10**6, [])],
)
def test_an_embedded_database_wants_room(
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: list[str],
    free: int,
    told: list[Lack],
) -> None:
    for name in files:
        (tmp_path / name).touch()
    monkeypatch.setattr(health, "disk_usage", lambda _: Usage(0, 0, free))
    # The launcher names the embedded database in DATABASE_URL, as that of anybody else is.
    named = settings.model_copy(update={"database_url": SecretStr(database)})
    service = health.HealthService(
        db, event_bus, connection_manager, schema_service, EmbeddedPostgres(tmp_path), named
    )
    lacking = db.reading(service.ready).lacking
    assert [lack for lack in lacking if lack is Lack.DISK] == told


def ready_with(change: LiteralString) -> Readiness:
    """Return what is told after a change of the database, which is undone."""
    told: list[Readiness] = []

    def look() -> None:
        run(db, change)
        told.append(health.health_service.ready())
        raise Undone

    with suppress(Undone):
        db.transaction(look)
    return told[0]


def test_a_newer_schema_is_served(database: str) -> None:
    told = ready_with("UPDATE alembic_version SET version_num = '9999'")
    assert told.schema_revision == "9999"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE alembic_version SET version_num = '0001'",
        "DELETE FROM alembic_version",
        "ALTER TABLE alembic_version RENAME TO of_somebody_else",
    ],
)
def test_an_older_schema_or_none_is_not_served(database: str, change: LiteralString) -> None:
    with pytest.raises(UnavailableError) as refused:
        ready_with(change)
    assert refused.value.code == "schema_outdated"
