"""Traces: from a caller through web, database and worker to whoever receives a webhook."""

import json
import secrets
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.api.test_webhooks import make_webhook
from tests.collector import Collector, collecting
from tests.crowd import crowd
from tests.factories import Person
from tests.live.sockets import Sockets
from tests.processes import STOPPING_SECONDS
from tests.receiver import receiving
from tests.records import Record
from tests.server import Server, free_port
from tests.waiting import wait_until
from tests.worker import working

LOGGED = {"LOG_LEVEL": "INFO", "LOG_FORMAT": "json"}
RECORDED, NOT_RECORDED = "01", "00"


@dataclass
class Installation:
    """A server and a worker that send their traces to a collector."""

    server: Server
    collector: Collector
    logs: tuple[Path, Path]

    def lines_about(self, request_id: str) -> list[dict[str, Any]]:
        """Return what the server and the worker have logged about a request."""
        lines = [json.loads(line) for log in self.logs for line in log.read_text().splitlines()]
        return [line for line in lines if line.get("request_id") == request_id]


@pytest.fixture(scope="module")
def traced(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("traced")
    logs = folder / "server.log", folder / "worker.log"
    with collecting() as collector:
        environment = LOGGED | {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20collectors-secret",
            "OTEL_SERVICE_NAME": "stint-under-test",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
        with (
            Server.running(logs[0], **environment) as server,
            working(database, logs[1], **environment),
        ):
            yield Installation(server, collector, logs)


def traceparent(flags: str = RECORDED) -> tuple[str, str, str]:
    """Return the ids of a caller's trace and span, and the header that tells of them."""
    trace_id, span_id = secrets.token_hex(16), secrets.token_hex(8)
    return trace_id, span_id, f"00-{trace_id}-{span_id}-{flags}"


def post_task(
    installation: Installation, person: Person, header: str | None = None, **fields: Any
) -> requests.Response:
    with installation.server.client(person.tokens["access_token"]) as client:
        headers = {"traceparent": header} if header else {}
        answer = client.post("/tasks", json={"title": "Write"} | fields, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer


def test_one_trace_leads_from_a_caller_to_the_receiver_of_a_webhook(
    traced: Installation, alice: Person, project: Record
) -> None:
    trace_id, span_id, header = traceparent()
    with receiving() as receiver:
        make_webhook(alice, project, receiver.url)
        answer = post_task(traced, alice, header, project_id=project["id"], title="Unheard-of")
        wait_until(lambda: bool(receiver.requests))
        call = traced.collector.wait_for(trace_id, "POST")
    plan = traced.collector.wait_for(trace_id, "webhooks.plan")
    send = traced.collector.wait_for(trace_id, "webhooks.send")
    request = traced.collector.wait_for(trace_id, "POST /api/v1/tasks")
    assert (request.parent_id, request.service) == (span_id, "stint-under-test")
    assert request.attributes["http.response.status_code"] == 201
    assert (plan.parent_id, call.parent_id) == (request.span_id, send.span_id)
    (received,) = receiver.requests
    assert received.headers["traceparent"] == f"00-{trace_id}-{call.span_id}-01"

    spans = traced.collector.of_trace(trace_id)
    asked = [each for each in spans if "db.query.text" in each.attributes]
    assert {"BEGIN", "COMMIT"} <= {each.name for each in asked if each.parent_id == request.span_id}
    assert any("UPDATE rooms" in each.attributes["db.query.text"] for each in asked)
    assert any("procrastinate" in each.attributes["db.query.text"] for each in asked)
    assert {plan.span_id, send.span_id} <= {each.parent_id for each in asked}
    assert not any(b"Unheard-of" in body for body in traced.collector.bodies)
    assert traced.collector.headers[0]["authorization"] == "Bearer collectors-secret"

    request_id = answer.headers["X-Request-Id"]
    assert request_id != trace_id
    assert received.message["request_id"] == request_id
    assert {each.attributes["stint.request_id"] for each in spans} == {request_id}
    lines = traced.lines_about(request_id)
    assert {line["trace_id"] for line in lines} == {trace_id}
    assert {"request.finished", "job.done", "webhook.called"} <= {line["event"] for line in lines}


def test_a_trace_that_begins_here_has_the_id_of_the_request(
    traced: Installation, alice: Person
) -> None:
    request_id = post_task(traced, alice).headers["X-Request-Id"]
    request = traced.collector.wait_for(request_id, "POST /api/v1/tasks")
    assert (request.parent_id, request.failed) == ("", False)


def test_both_workers_tell_of_what_they_do(traced: Installation, alice: Person) -> None:
    with crowd(traced.server, 4) as clients:
        headers = {"Authorization": f"Bearer {alice.tokens['access_token']}"}
        answers = [client.get("/users/me", headers=headers) for client in clients]
    for answer in answers:
        traced.collector.wait_for(answer.headers["X-Request-Id"], "GET /api/v1/users/me")


def test_what_a_caller_does_not_record_is_not_recorded_here(
    traced: Installation, alice: Person
) -> None:
    unrecorded, _, header = traceparent(NOT_RECORDED)
    with traced.server.client(alice.tokens["access_token"]) as client:  # so by one worker
        client.get("/users/me", headers={"traceparent": header})
        recorded = client.get("/users/me").headers["X-Request-Id"]
    traced.collector.wait_for(recorded, "GET /api/v1/users/me")
    assert traced.collector.of_trace(unrecorded) == []


def test_paths_that_there_are_not_are_no_names_of_spans(traced: Installation) -> None:
    with traced.server.client() as client:
        request_id = client.get("/made-up/by-strangers").headers["X-Request-Id"]
    traced.collector.wait_for(request_id, "HTTP")
    assert not any(b"by-strangers" in body for body in traced.collector.bodies)


def test_a_message_on_a_socket_has_a_span_in_its_clients_trace(
    traced: Installation, alice: Person
) -> None:
    trace_id, span_id, header = traceparent()
    with Sockets.at(traced.server) as sockets:
        socket = sockets.open(alice)
        socket.send("subscribe", room=f"user:{alice.id}", traceparent=header)
        socket.receive("subscribed")
        message = traced.collector.wait_for(trace_id, "subscribe")
    assert message.parent_id == span_id
    below = [each for each in traced.collector.of_trace(trace_id) if each is not message]
    assert {each.parent_id for each in below} == {message.span_id}
    assert all("db.query.text" in each.attributes for each in below)


def test_what_is_not_yet_sent_is_sent_at_the_end(alice: Person, tmp_path: Path) -> None:
    with collecting() as collector:
        environment = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "3600000",
            "WEB_CONCURRENCY": "1",
        }
        with Server.running(tmp_path / "server.log", **environment) as server:
            with server.client(alice.tokens["access_token"]) as client:
                request_id = client.get("/users/me").headers["X-Request-Id"]
            assert collector.spans == []
        collector.wait_for(request_id, "GET /api/v1/users/me")


def test_without_its_collector_a_server_works_and_stops(alice: Person, tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    log = tmp_path / "server.log"
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": nobody, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    with Server.running(log, **environment, WEB_CONCURRENCY="1") as server:
        with server.client(alice.tokens["access_token"]) as client:
            answers = [client.post("/tasks", json={"title": "Write"}) for _ in range(5)]
        wait_until(lambda: "export" in log.read_text())
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(STOPPING_SECONDS) == 0
    assert {answer.status_code for answer in answers} == {201}
    assert "Traceback" not in log.read_text()
