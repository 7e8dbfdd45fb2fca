"""What Prometheus reads: of all workers together, and only with the token."""

import os
import re
import signal
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from config import settings
from services.connection_manager import connection_manager
from services.db_client import DatabaseClient, db
from services.event_bus import event_bus
from services.health_service import HealthService
from services.metrics_service import MetricsService, metrics_service
from services.postgres.embedded import embedded_postgres
from services.process_metrics_service import process_metrics_service
from services.schema_service import schema_service
from tests.crowd import worker_pids
from tests.databases import another_database
from tests.factories import Person
from tests.live.sockets import Sockets
from tests.proxy import DatabaseProxy
from tests.server import Server
from tests.sql import connect
from tests.waiting import wait_until
from utils.helpers import utc_now
from utils.metrics import LOOP_DELAY_SECONDS

TOKEN = "tell me everything"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ASKED = 20
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - nothing is made there but with a name of ours
NOBODY = 2**22 + 1  # no process ever has this number

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(scope="module")
def proxy(database: str) -> Iterator[DatabaseProxy]:
    with DatabaseProxy.before(database) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def measured(proxy: DatabaseProxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with metrics and two workers."""
    log = tmp_path_factory.mktemp("server") / "log"
    with Server.running(log, METRICS_TOKEN=TOKEN, DATABASE_URL=proxy.url) as server:
        yield server


def samples(server: Server) -> Samples:
    """Read all metrics, by name and labels, over a connection of its own: by either worker."""
    answer = requests.get(f"{server.url}/metrics", headers=BEARER, timeout=30)
    assert answer.status_code == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(server: Server, name: str, **labels: str) -> float:
    return samples(server).get((name, frozenset(labels.items())), 0)


def test_without_a_token_set_nobody_gets_them(anonymous: Person) -> None:
    answer = anonymous.client.get("/metrics", headers=BEARER)
    problem = answer.get_json()
    assert (answer.status_code, problem["code"]) == (403, "metrics_off")


@pytest.mark.parametrize("given", [None, "Bearer", "Bearer wrong", f"Basic {TOKEN}", "Bearer é"])
def test_with_another_token_nobody_gets_them(measured: Server, given: str | None) -> None:
    headers = {"Authorization": given.encode()} if given else {}
    answer = requests.get(f"{measured.url}/metrics", headers=headers, timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


def test_requests_of_all_workers_are_counted_once(measured: Server, alice: Person) -> None:
    labels = {"method": "GET", "route": "/api/v1/users/me"}
    before = value(measured, "stint_http_requests_total", status="200", **labels)
    for _ in range(ASKED):
        with measured.client(alice.tokens["access_token"]) as client:
            assert client.get("/users/me").ok
    after = samples(measured)
    counted = after["stint_http_requests_total", frozenset({**labels, "status": "200"}.items())]
    assert counted - before == ASKED
    timed = after["stint_http_request_seconds_count", frozenset(labels.items())]
    assert timed == counted


def test_what_strangers_ask_for_makes_no_names(measured: Server) -> None:
    for method in ("GET", "BREW"):
        requests.request(method, f"{measured.url}/coffee/{method}", timeout=30)
    names = [dict(labels) for _, labels in samples(measured)]
    assert not any("coffee" in each.get("route", "") for each in names)
    assert not any(each.get("method") == "BREW" for each in names)


def test_problems_are_counted_by_their_code(measured: Server) -> None:
    labels = {"code": "unauthenticated", "status": "401"}
    before = value(measured, "stint_http_problems_total", **labels)
    with measured.client() as client:
        client.get("/users/me")
    assert value(measured, "stint_http_problems_total", **labels) - before == 1


def test_defects_are_counted_from_nought(measured: Server) -> None:
    # Prometheus sees no increase in what appears with its first one.
    defects = frozenset({"code": "internal_error", "status": "500"}.items())
    assert samples(measured)["stint_http_problems_total", defects] == 0


def test_a_request_that_is_refused_early_leaves_no_trace_in_those_in_flight(
    anonymous: Person,
) -> None:
    before = process_metrics_service.requests_in_flight
    assert anonymous.get("/health", X_Client_Id="x" * 65).status_code == 422
    assert anonymous.get("/health").status_code == 200
    assert process_metrics_service.requests_in_flight == before


def test_sockets_are_no_requests_in_flight(measured: Server, alice: Person) -> None:
    with Sockets.at(measured) as sockets:
        for _ in range(5):
            sockets.open(alice)
        wait_until(lambda: value(measured, "stint_sockets") == 5)
        # Each worker may have answered this very question last.
        assert value(measured, "stint_http_requests_in_flight") <= 2


def test_refused_messages_are_counted_by_their_code(measured: Server, alice: Person) -> None:
    def refused() -> float:
        return value(measured, "stint_socket_messages_refused_total", code="invalid_message")

    before = refused()
    with Sockets.at(measured) as sockets:
        socket = sockets.open(alice)
        for _ in range(3):
            socket.send_raw("nonsense")
        socket.ping()
    assert refused() - before == 3


def test_asking_does_not_hide_how_late_the_loop_is(database: str) -> None:
    LOOP_DELAY_SECONDS.set(3)
    try:
        assert in_text(metrics_service.exposition(), "stint_loop_delay_seconds") == 3
    finally:
        LOOP_DELAY_SECONDS.set(0)


def test_purging_is_overdue_from_when_it_was_due(database: str) -> None:
    oldest = utc_now() - timedelta(days=settings.event_days + 3)
    with_old_events = MetricsService(db, health(oldest), process_metrics_service, settings)
    overdue = in_text(with_old_events.exposition(), "stint_purge_overdue_seconds")
    assert overdue == pytest.approx(3 * 86_400, abs=60)


def health(purge_overdue_since: datetime) -> Any:
    """Return a service of health that knows of an old event."""
    details = SimpleNamespace(
        processes=1, has_worker=True, jobs_waiting=0, jobs_failed=0, jobs_waiting_since=None,
        purge_overdue_since=purge_overdue_since,
    )  # fmt: skip
    return SimpleNamespace(details=lambda: details)


def in_text(exposition: bytes, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", exposition.decode(), re.MULTILINE)
    assert found is not None, name
    return float(found[1])


def test_events_are_counted_when_they_are_committed(measured: Server, alice: Person) -> None:
    before = value(measured, "stint_events_total", type="task.created")
    with measured.client(alice.tokens["access_token"]) as client:
        assert client.post("/tasks", json={"title": "Write"}).status_code == 201
        assert client.post("/tasks", json={"title": ""}).status_code == 422
    assert value(measured, "stint_events_total", type="task.created") - before == 1


def test_a_killed_worker_counts_no_more_and_its_requests_do(measured: Server) -> None:
    wait_until(lambda: value(measured, "stint_pool_connections") == 30)
    health = {"method": "GET", "route": "/health", "status": "200"}
    requests.get(f"{measured.url}/health", timeout=30)
    answered = value(measured, "stint_http_requests_total", **health)
    for pid in worker_pids(measured):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: value(measured, "stint_pool_connections") == 30)
    assert len([name for name, _ in samples(measured) if name == "stint_resident_bytes"]) == 2
    assert value(measured, "stint_http_requests_total", **health) >= answered


def test_the_work_is_told_of_and_that_the_database_is_away(
    measured: Server, proxy: DatabaseProxy
) -> None:
    found = {name for name, _ in samples(measured)}
    assert {"stint_jobs_waiting", "stint_jobs_failed", "stint_processes"} <= found
    assert value(measured, "stint_database_up") == 1
    proxy.shut()
    try:
        wait_until(lambda: value(measured, "stint_database_up") == 0)
    finally:
        proxy.open()
    wait_until(lambda: value(measured, "stint_database_up") == 1)


def test_a_worker_is_missed_though_no_job_waits(measured: Server, database: str) -> None:
    wait_until(lambda: value(measured, "stint_worker_up") == 0)
    with connect(database) as connection:
        connection.execute("SELECT procrastinate_register_worker_v1()")
        try:
            wait_until(lambda: value(measured, "stint_worker_up") == 1)
        finally:
            connection.execute("DELETE FROM procrastinate_workers")


def test_a_database_without_a_schema_is_told_like_none(database: str) -> None:
    with another_database(database) as url:
        client = DatabaseClient(lambda: url, settings)
        without_schema = HealthService(
            client, event_bus, connection_manager, schema_service, embedded_postgres, settings
        )
        service = MetricsService(client, without_schema, process_metrics_service, settings)
        told = service.exposition()
        client.dispose()
    assert in_text(told, "stint_database_up") == 0
    assert b"stint_pool_connections" in told
    assert b"stint_jobs_waiting" not in told


@pytest.mark.skipif(not SHARED_MEMORY.exists(), reason="the directory is elsewhere then")
def test_a_server_leaves_no_files_behind(database: str, tmp_path: Path) -> None:
    left = SHARED_MEMORY / f"stint-metrics-{NOBODY}-killed"
    left.mkdir()
    with Server.running(tmp_path / "log", METRICS_TOKEN=TOKEN, WEB_CONCURRENCY="1") as server:
        (own,) = SHARED_MEMORY.glob(f"stint-metrics-{server.process.pid}-*")
        assert not left.exists()
        assert value(server, "stint_database_up") == 1
    assert not own.exists()
