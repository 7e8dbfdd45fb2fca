"""The real server on its wire: bodies that do not come as they should, and what it logs."""

import json
import socket
import uuid
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from config import settings
from tests.api.access_world import LINE, TABLE
from tests.factories import Person, email_of
from tests.mcp import BATCHING, request
from tests.server import Client, Server
from tests.waiting import wait_until

BODY_SECONDS = 2
TASKS = f"{settings.api_prefix}/tasks"
SMUGGLED = b"GET /health HTTP/1.1\r\nHost: stint\r\n\r\n"


@pytest.fixture(scope="module")
def strict(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that does not wait for bodies for long and logs all it can."""
    log = tmp_path_factory.mktemp("strict") / "log"
    options = {"LOG_FORMAT": "json", "LOG_LEVEL": "DEBUG", "WEB_CONCURRENCY": "1"}
    with Server.running(log, REQUEST_BODY_SECONDS=str(BODY_SECONDS), **options) as running:
        yield running


@pytest.fixture
def wire(strict: Server) -> Iterator[socket.socket]:
    """A connection to it."""
    address = urlsplit(strict.url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        yield connection


def head(person: Person, path: str = TASKS, **headers: str) -> bytes:
    """The beginning of a request that is signed in."""
    lines = [f"POST {path} HTTP/1.1", "Host: stint"]
    lines += [f"Authorization: Bearer {person.tokens['access_token']}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def answer_on(wire: socket.socket) -> tuple[int, str]:
    """Read one answer; return its status and the code of the problem that it is."""
    answer = HTTPResponse(wire)
    answer.begin()
    problem = json.loads(answer.read())
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    return answer.status, problem["code"]


def everything_on(wire: socket.socket) -> bytes:
    """Say that nothing more comes, and read until the server hangs up."""
    with suppress(OSError):  # it did already
        wire.shutdown(socket.SHUT_WR)
    return b"".join(iter(lambda: wire.recv(65_536), b""))


def test_a_chunked_body_is_refused(wire: socket.socket, alice: Person) -> None:
    body = b'12\r\n{"title": "Write"}\r\n0\r\n\r\n'
    headers = {"Content_Type": "application/json", "Transfer_Encoding": "chunked"}
    wire.sendall(head(alice, **headers) + body)
    assert answer_on(wire) == (411, "length_required")


def test_a_body_announced_as_too_large_is_refused_before_it_is_sent(
    wire: socket.socket, alice: Person
) -> None:
    headers = {"Content_Type": "application/json", "Content_Length": str(10**12)}
    wire.sendall(head(alice, **headers))
    assert answer_on(wire) == (413, "body_too_large")


def test_an_upload_announced_as_too_large_is_refused_before_it_is_sent(
    wire: socket.socket, alice: Person
) -> None:
    headers = {"Content_Type": "multipart/form-data; boundary=x", "Content_Length": str(10**12)}
    wire.sendall(head(alice, f"{settings.api_prefix}/imports", **headers))
    assert answer_on(wire) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("path", "content_type"),
    [("tasks", "application/json"), ("imports", "multipart/form-data; boundary=x")],
)
def test_a_body_that_stops_half_way_is_given_up(
    wire: socket.socket, alice: Person, path: str, content_type: str
) -> None:
    headers = {"Content_Type": content_type, "Content_Length": "100"}
    wire.sendall(head(alice, f"{settings.api_prefix}/{path}", **headers) + b"{")
    assert answer_on(wire) == (408, "body_too_slow")


def test_a_body_that_drips_is_given_up(wire: socket.socket, alice: Person) -> None:
    headers = {"Content_Type": "application/json", "Content_Length": "10000"}
    wire.sendall(head(alice, **headers))
    wire.settimeout(0.03)

    def answered() -> bool:
        wire.sendall(b" ")
        try:
            return bool(wire.recv(1, socket.MSG_PEEK))
        except TimeoutError:
            return False

    wait_until(answered)
    assert answer_on(wire) == (408, "body_too_slow")


def test_a_body_that_takes_its_time_is_read(wire: socket.socket, alice: Person) -> None:
    body = b'{"title": "Write"}'
    headers = {"Content_Type": "application/json", "Content_Length": str(len(body))}
    wire.sendall(head(alice, **headers) + body[:5])
    wire.settimeout(0.1)
    with pytest.raises(TimeoutError):  # it waits for the rest
        wire.recv(1, socket.MSG_PEEK)
    wire.sendall(body[5:])
    wire.settimeout(20)
    answer = HTTPResponse(wire)
    answer.begin()
    assert answer.status == 201


@pytest.mark.parametrize(
    ("headers", "refusal"),
    [
        ({"Content_Type": "text/plain"}, b" 415 "),
        ({"Content_Type": "application/json"}, b" 400 "),
    ],
)
def test_the_body_of_a_refused_request_is_never_taken_for_requests(
    wire: socket.socket, alice: Person, headers: dict[str, str], refusal: bytes
) -> None:
    body = SMUGGLED * 100
    wire.sendall(head(alice, **headers, Content_Length=str(len(body))) + body)
    answers = everything_on(wire)
    assert answers.count(b"HTTP/1.1") == 1
    assert refusal in answers


def test_a_body_that_goes_on_after_it_was_given_up_is_never_taken_for_requests(
    wire: socket.socket, alice: Person
) -> None:
    headers = {"Content_Type": "application/json", "Content_Length": str(len(SMUGGLED) * 2)}
    wire.sendall(head(alice, **headers) + SMUGGLED)
    answers = wire.recv(65_536)
    assert b" 408 " in answers
    with suppress(ConnectionError):  # the server may have hung up
        wire.sendall(SMUGGLED)
        answers += everything_on(wire)
    assert answers.count(b"HTTP/1.1") == 1


# Logs


def canary() -> str:
    return f"canary-{uuid.uuid4().hex}"


class Secrets:
    """Sends secrets in every place that has some, and remembers them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.secrets: list[str] = []
        self.request_ids: list[str] = []

    def new(self) -> str:
        self.secrets.append(canary())
        return self.secrets[-1]

    def send(self, status: int, method: str, path: str, **parts: Any) -> requests.Response:
        answer = self._client.request(method, path, **parts)
        assert answer.status_code == status, answer.text
        self.request_ids.append(answer.headers["X-Request-Id"])
        return answer

    def sign_up(self) -> None:
        password, email = self.new(), email_of("Canary")
        account = {"email": email, "password": password, "name": "Canary"}
        self.send(201, "POST", "/users", json=account)
        self.send(409, "POST", "/users", json=account | {"password": self.new()})
        self.send(422, "POST", "/users", json=account | {"password": [self.new()]})
        self.send(422, "POST", "/users", json=account | {"password": self.new() * 10})
        self.send(422, "POST", "/users", json=account | {"timezone": self.new()})
        credentials = {"email": email, "password": password}
        self.sign_in(credentials)

    def sign_in(self, credentials: dict[str, str]) -> None:
        self.send(401, "POST", "/auth/login", json=credentials | {"password": self.new()})
        self.send(422, "POST", "/auth/login", json=credentials | {self.new(): 1})
        spent = self.send(200, "POST", "/auth/login", json=credentials).json()
        tokens = self.send(200, "POST", "/auth/refresh", json=self.refresh(spent)).json()
        again = self.send(200, "POST", "/auth/refresh", json=self.refresh(spent)).json()
        self.send(401, "POST", "/auth/refresh", json={"refresh_token": self.new()})
        for pair in (spent, tokens, again):
            self.secrets += [pair["access_token"], pair["refresh_token"]]
        self._client.headers["Authorization"] = f"Bearer {tokens['access_token']}"

    def refresh(self, tokens: dict[str, str]) -> dict[str, str]:
        return {"refresh_token": tokens["refresh_token"]}

    def work(self) -> None:
        body = {"title": self.new(), "description": self.new(), "metadata": {"key": self.new()}}
        key = {"Idempotency-Key": self.new()}
        task = self.send(201, "POST", "/tasks", json=body, headers=key).json()
        self.send(201, "POST", "/tasks", json=body, headers=key)
        self.send(422, "POST", "/tasks", json={"title": self.new()}, headers=key)
        self.send(412, "PATCH", f"/tasks/{task['id']}", json={}, headers={"If-Match": self.new()})
        self.send(200, "POST", "/timer/start", json={"note": self.new()})
        self.send(409, "POST", "/timer/start", json={"note": self.new(), "on_running": "reject"})
        self.upload()

    def upload(self) -> None:
        line = LINE.format(email="canary@example.org").replace("Draft", self.new())
        wrong = line.replace("09:00:00", self.new())
        files = {"file": ("export.csv", TABLE + line + wrong)}
        self.send(200, "POST", "/imports", data={"format": "clockify"}, files=files)
        files = {"file": ("export.csv", TABLE)}
        self.send(422, "POST", "/imports", data={"format": self.new()}, files=files)

    def use_api_token(self) -> None:
        """A token as it should be, and where it does not belong."""
        body = {"name": self.new(), "scopes": ["account:read"]}
        made = self.send(201, "POST", "/users/me/tokens", json=body).json()
        token = made["token"]
        self.secrets += [token, token[:-1], token[:40]]
        headers = {"Authorization": f"Bearer {token}"}
        self.send(200, "GET", "/users/me", headers=headers)
        answers = [
            self.send(403, "GET", "/tasks", headers=headers),
            self.send(401, "GET", "/users/me", headers={"Authorization": f"Bearer {token[:-1]}"}),
            self.send(401, "POST", "/auth/refresh", json={"refresh_token": token}),
            self.send(404, "GET", f"/users/me/tokens/{token}"),
            self.send(422, "GET", f"/tasks?token={token}"),
            self.send(422, "POST", "/tasks", json={"token": token}),
            self.send(204, "DELETE", f"/users/me/tokens/{made['id']}"),
            self.send(401, "GET", "/users/me", headers=headers),
        ]
        told = [answer.text for answer in answers if token[:40] in answer.text]
        assert told == []

    def fail(self) -> None:
        as_json = {"Content-Type": "application/json"}
        self.send(400, "POST", "/tasks", data=f'{{"title": "{self.new()}', headers=as_json)
        self.send(415, "POST", "/tasks", data=self.new(), headers={"Content-Type": "text/plain"})
        self.send(422, "POST", "/tasks", json={"title": "", "metadata": {"key": self.new()}})
        self.send(422, "GET", f"/tasks?token={self.new()}")
        self.send(200, "GET", f"/tasks?search={self.new()}")
        self.send(404, "GET", f"/{self.new()}")
        self.send(405, "PUT", f"/tasks?token={self.new()}")
        for scheme in ("Bearer", "Basic", "Token"):
            headers = {"Authorization": f"{scheme} {self.new()}"}
            self.send(401, "GET", "/users/me", headers=headers)
        self.send(200, "GET", "/users/me", cookies={"session": self.new()})


@pytest.fixture(scope="module")
def told(strict: Server) -> Secrets:
    """Secrets that the server was told."""
    with strict.client() as client:
        secrets = Secrets(client)
        secrets.sign_up()
        secrets.work()
        secrets.use_api_token()
        secrets.fail()
        secrets.send(204, "POST", "/auth/logout")
    return secrets


def lines_of(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_every_request_is_logged_in_a_line_of_json(strict: Server, told: Secrets) -> None:
    finished = [line for line in lines_of(strict.log) if line["event"] == "request.finished"]
    assert {line["request_id"] for line in finished} >= set(told.request_ids)


def test_no_body_and_no_token_is_logged(strict: Server, told: Secrets) -> None:
    log = strict.log.read_text()
    assert len(told.secrets) > 30
    assert [secret for secret in told.secrets if secret in log] == []


def test_what_is_refused_by_mcp_is_logged(strict: Server, alice: Person) -> None:
    """Its answers have the status 200, whatever becomes of what was asked."""
    nowhere = {"task_id": str(uuid.uuid4())}
    messages = [
        request("tools/call", name="list_tasks", arguments={}),
        request("tools/call", name="get_task", arguments=nowhere),
        request("resources/read", uri="stint://secret"),
    ]
    headers = {"MCP-Protocol-Version": BATCHING}
    with Client(strict.url, alice.tokens["access_token"]) as client:
        answer = client.post("/mcp", json=messages, headers=headers)
    name = answer.headers["X-Request-Id"]
    lines = [line for line in lines_of(strict.log) if line.get("request_id") == name]
    assert {line["user_id"] for line in lines} == {alice.id}
    shown = ("event", "tool", "refusal", "code", "status")
    assert [{key: line[key] for key in shown if key in line} for line in lines] == [
        {"event": "mcp.called", "tool": "list_tasks", "refusal": None},
        {"event": "mcp.called", "tool": "get_task", "refusal": "not_found"},
        {"event": "mcp.refused", "code": -32002},
        {"event": "request.finished", "status": 200},
    ]
    assert "stint://secret" not in strict.log.read_text()
