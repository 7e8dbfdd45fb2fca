"""The id of a request: in whatever comes of it, told to whoever asked and in the log."""

import json
import subprocess
import sys
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from config import settings
from services.db_client import db
from services.event_service import event_service
from tests.api.test_webhooks import make_webhook
from tests.changes import room_of
from tests.diarist import Diary
from tests.factories import Person, make_admin
from tests.live.sockets import Sockets
from tests.mcp import post, request
from tests.receiver import receiving
from tests.records import Record, done, make_task
from tests.server import Server
from tests.waiting import wait_until
from tests.worker import working
from utils.trace_context import Errand, current_errand, on_errand

TRACE_ID, SPAN_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
UNRECORDED = f"00-{TRACE_ID}-{SPAN_ID}-00"
UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"
WITHOUT_OPENTELEMETRY = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "opentelemetry":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing())
import main
print([each for each in sys.modules if "opentelemetry" in each or each == "utils.span_recorder"])
"""

# How a request is refused: method, path below the prefix, and what else there is to it.
REFUSED: dict[HTTPStatus, tuple[str, str, dict[str, Any]]] = {
    HTTPStatus.UNAUTHORIZED: ("GET", "/tasks", {"headers": {"Authorization": "Bearer x"}}),
    HTTPStatus.NOT_FOUND: ("GET", f"/tasks/{UNKNOWN}", {}),
    HTTPStatus.METHOD_NOT_ALLOWED: ("PUT", "/tasks", {}),
    HTTPStatus.LENGTH_REQUIRED: ("POST", "/tasks", {"headers": {"Transfer-Encoding": "chunked"}}),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        "POST",
        "/tasks",
        {"json": {"title": "x" * 2_000_000}},
    ),
    HTTPStatus.UNPROCESSABLE_ENTITY: ("GET", "/tasks", {"headers": {"X-Client-Id": "x" * 65}}),
    HTTPStatus.FORBIDDEN: ("GET", "/admin/jobs", {}),
}


@pytest.mark.parametrize("status", REFUSED)
def test_every_problem_names_its_request(alice: Person, status: HTTPStatus) -> None:
    method, path, options = REFUSED[status]
    headers = {"Authorization": f"Bearer {alice.tokens['access_token']}"}
    options = options | {"headers": headers | options.get("headers", {})}
    answer = alice.client.open(settings.api_prefix + path, method=method, **options)
    assert answer.status_code == status
    assert answer.get_json()["request_id"] == answer.headers["X-Request-Id"]


def test_a_defect_names_its_request(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(event_service, "read", fail)
    answer = alice.get(f"/rooms/user:{alice.id}/events")
    assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert answer.get_json()["request_id"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize("message", [{}, request("nothing"), request("tools/call", name="nothing")])
def test_every_error_of_mcp_names_its_request(alice: Person, message: Record) -> None:
    answer = post(alice, message)
    assert answer.get_json()["error"]["data"]["request_id"] == answer.headers["X-Request-Id"]


def test_an_id_is_never_the_callers_own(alice: Person) -> None:
    answer = alice.get("/users/me", X_Request_Id="mine", traceparent=UNRECORDED)
    assert answer.headers["X-Request-Id"] not in ("mine", TRACE_ID)


def test_events_name_the_request_that_made_them(alice: Person, project: Record) -> None:
    answers = [
        alice.post("/tasks", {"title": "Write", "project_id": project["id"]}) for _ in range(2)
    ]
    *_, first, second = done(alice.get(f"/rooms/{room_of(project)}/events"))
    asked = [answer.headers["X-Request-Id"] for answer in answers]
    assert [first["request_id"], second["request_id"]] == asked
    assert asked[0] != asked[1]


def test_jobs_go_on_for_the_request_that_asked_for_them(database: str, tmp_path: Path) -> None:
    errands = []
    diary = Diary(tmp_path / "diary")
    job = diary.queue.job("test.errand", lambda: errands.append(current_errand()))
    asked_for = Errand.new().part_of(UNRECORDED)
    with on_errand(asked_for):
        db.transaction(job.defer)
    db.transaction(job.defer)
    diary.worker().run_once()
    first, second = errands
    assert first == asked_for
    assert second is not None
    assert second.request_id != asked_for.request_id


def test_administrators_see_which_request_asked_for_a_job(
    app: Flask, alice: Person, project: Record
) -> None:
    make_webhook(alice, project, "https://hooks.invalid")
    asked = alice.post("/tasks", {"title": "Write", "project_id": project["id"]})
    job, *_ = done(make_admin(app, "Admin").get("/admin/jobs?kind=webhooks.plan"))
    assert job["request_id"] == asked.headers["X-Request-Id"]
    assert job["arguments"] == {"room": room_of(project)}


def test_an_error_on_a_socket_names_its_message(server: Server, alice: Person) -> None:
    with Sockets.at(server) as sockets:
        socket = sockets.open(alice)
        named = [socket.messages[0]["request_id"]]
        for sent in ('{"type": "nothing"}', b"bytes", '{"type": "unsubscribe"}'):
            socket.send_raw(sent)
            named.append(socket.receive("error")["request_id"])
        named.append(socket.ask("subscribe", "error", room="user:somebody")["request_id"])
    assert len(set(named)) == len(named) == 5
    assert {len(each) for each in named} == {32}


def test_who_is_sent_away_is_told_by_which_name_to_ask_why(database: str, tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    environment = {"LOG_LEVEL": "INFO", "LOG_FORMAT": "json", "WEB_CONCURRENCY": "1"}
    with Server.running(log, **environment) as server, Sockets.at(server) as sockets:
        socket = sockets.unwelcomed(headers={"Authorization": "Bearer x"})
        code, reason = socket.closed()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    (refused,) = [line for line in lines if line["event"] == "socket.refused"]
    assert (code, reason.partition("[")[2]) == (4001, f"{refused['request_id']}]")


def test_without_traces_nothing_of_opentelemetry_is_needed() -> None:
    """The client of Redis loads it by itself wherever it is installed."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_OPENTELEMETRY],
        cwd=settings.project_dir,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout == "[]\n"


def test_without_traces_what_a_caller_tells_is_passed_on(
    server: Server, alice: Person, project: Record, database: str, tmp_path: Path
) -> None:
    with receiving() as receiver, working(database, tmp_path / "worker.log"):
        make_webhook(alice, project, receiver.url)
        with server.client(alice.tokens["access_token"]) as client:
            told = {"project_id": project["id"], "title": "Write"}
            client.post("/tasks", json=told, headers={"traceparent": UNRECORDED})
            wait_until(lambda: len(receiver.requests) == 1)
            mine = make_task(alice, project_id=project["id"])
            wait_until(lambda: len(receiver.requests) == 2)
    first, second = receiver.requests
    assert first.headers["traceparent"] == UNRECORDED
    assert second.message["subject"] == mine["id"]
    request_id = second.message["request_id"]
    assert second.headers["traceparent"] == f"00-{request_id}-{request_id[:16]}-01"
