"""Canaries: secrets that are sent everywhere, in every wrong way, and must come out nowhere.

Whatever goes wrong, neither the answer nor a line of the log may repeat a password, a token or a
cookie.
"""

import json
import re
import secrets
import socket
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from flask import Flask
from pydantic import BaseModel

from api.contract import Contract
from api.cookies import ACCESS_COOKIE, CSRF_COOKIE, CSRF_HEADER, REFRESH_COOKIE, REFRESH_CSRF_COOKIE
from models.live import SUBPROTOCOL
from tests.api.access_world import with_own_session
from tests.api.crashing import CRASH
from tests.api.rights import contracts
from tests.factories import PASSWORD, Person, sign_up
from tests.live.test_sign_in import UPGRADE
from tests.records import done
from tests.server import Client, Server

ID = "01890a5d-ac96-774b-bcce-b302099a8057"
COOKIES = (ACCESS_COOKIE, REFRESH_COOKIE, CSRF_COOKIE, REFRESH_CSRF_COOKIE)
JSON = {"Content-Type": "application/json"}
# What somebody may have meant by them, each in the form of the real thing.
MARK = secrets.token_hex(12)
CANARIES = {
    "a password": f"canary {MARK} password",
    "a token": f"eyJhbGciOiJIUzI1NiJ9.{MARK}.{MARK}",
    "an API token": f"stint_pat_{MARK}",
}
ADDRESSES = ["/docs", "/docs/docs.js", "/openapi.json", "/nowhere", "/ws/laptop-1"]


@dataclass
class Request:
    """What is sent to one route."""

    method: str
    path: str
    parts: dict[str, Any]


@pytest.fixture(scope="module", params=["json", "console"])
def crashing(
    request: pytest.FixtureRequest, database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server that fails on request and tells its log all that it ever does."""
    log = tmp_path_factory.mktemp("canaries") / "server.log"
    options = {"LOG_LEVEL": "DEBUG", "LOG_FORMAT": request.param, "MAX_BODY_BYTES": "20000"}
    options |= {"WEB_CONCURRENCY": "1"}
    with Server.running(log, "tests.api.crashing:app", **options) as running:
        yield running


@pytest.fixture(scope="module")
def carol(app: Flask) -> Person:
    """Somebody whose tokens are canaries, too."""
    return sign_up(app, "Carol")


def ways(canary: str) -> dict[str, tuple[int, dict[str, Any]]]:
    """Every part of a request that a secret may be in, by mistake or not; and what that is.

    Each with the status that says so, where nothing else is wrong before.
    """
    return {
        "a bearer": (401, {"headers": {"Authorization": f"Bearer {canary}"}}),
        "another scheme": (401, {"headers": {"Authorization": f"Basic {canary}"}}),
        "no scheme": (401, {"headers": {"Authorization": canary}}),
        "a cookie and its token": (
            401,
            {"headers": {CSRF_HEADER: canary, "Cookie": f"{ACCESS_COOKIE}={canary}"}},
        ),
        "all cookies": (
            401,
            {"headers": {"Cookie": "; ".join(f"{name}={canary}" for name in COOKIES)}},
        ),
        "a cookie without a name": (401, {"headers": {"Cookie": canary}}),
        "a long key": (422, {"headers": {"Idempotency-Key": canary * 20}}),
        "a long name": (422, {"headers": {"X-Client-Id": canary * 20}}),
        "a version": (412, {"headers": {"If-Match": canary}}),
        "a type": (415, {"headers": {"Content-Type": canary}, "data": canary}),
        "a way": (
            200,
            {"headers": {"X-Forwarded-For": canary, "Origin": f"https://{MARK}.example"}},
        ),
        "a query": (422, {"params": {"token": canary, "limit": canary, "cursor": canary}}),
        "a query and text": (422, {"params": {"format": canary}, "json": canary}),
        "JSON cut off": (400, {"headers": JSON, "data": f'{{"password": "{canary}'}),
        "a wrong escape": (400, {"headers": JSON, "data": f'{{"password": "{canary}\\x"}}'}),
        "a bare word": (400, {"headers": JSON, "data": f'{{"password": {canary}}}'}),
        "more than JSON": (400, {"headers": JSON, "data": f'{{"{canary[:3]}": 1}} "{canary}"'}),
        "too much": (413, {"headers": JSON, "data": f'{{"password": "{canary * 1_000}"}}'}),
        "a defect": (
            500,
            {
                "headers": JSON | {CRASH: "view"},
                "data": f'"{canary}"',
                "params": {"token": canary},
            },
        ),
        "a failed statement": (
            500,
            {"headers": JSON | {CRASH: "database"}, "data": f'"{canary}"'},
        ),
        "other JSON": (422, {"json": {"password": [canary], "token": {"value": canary}}}),
        "a form": (415, {"data": {"file": canary, "format": canary}}),
        "a file": (415, {"files": {"file": (canary, canary)}, "data": {"format": canary}}),
    }


def bodies(contract: Contract, canary: str) -> Iterator[dict[str, Any]]:
    """Bodies with the secret in one field, and where another type belongs, and in all."""
    model = contract.parameters.get("body")
    if model is None or not issubclass(model, BaseModel):
        return
    names = list(model.model_fields)
    for name in names:
        yield {"json": {name: canary * 10}}
        yield {"json": {name: {"value": canary}}}
    yield {"json": dict.fromkeys(names, canary)}


def requests_for(route: str, contract: Contract, turn: int) -> Iterator[tuple[str, Request]]:
    """Everything that is tried on one route, and how it is called.

    The forms of the secret take turns: each is sent to every route, and in every way.
    """
    method, _, rule = route.partition(" ")
    path = re.sub(r"<[^>]+>", ID, rule)
    forms = [*CANARIES.values()]
    every_way = [ways(canary) for canary in forms]
    for number, name in enumerate(every_way[0]):
        yield name, Request(method, path, every_way[(turn + number) % len(forms)][name][1])
    every_body = [bodies(contract, canary) for canary in forms]
    for number, tried in enumerate(zip(*every_body, strict=True)):
        yield "a field", Request(method, path, tried[(turn + number) % len(forms)])
    if path != rule:
        yield "an id", Request(method, re.sub(r"<[^>]+>", forms[turn % len(forms)], rule), {})


def shown(answer: requests.Response) -> str:
    """Return what a refusal shows; what somebody stored is theirs to read again."""
    if answer.status_code < 400:
        return ""
    text = answer.text
    if answer.headers.get("Content-Type") == "application/problem+json":
        text = json.dumps({**answer.json(), "current": None})
    return f"{dict(answer.headers)} {text}"


def assert_silent(server: Server, *canaries: str) -> None:
    log = server.log.read_text(errors="replace")
    assert log
    for canary in canaries:
        found = log.find(canary)
        assert found < 0, log[max(0, found - 500) : found + 100]


@pytest.mark.parametrize("crashing", ["json"], indirect=True)  # the rest is in both formats
def test_no_route_repeats_a_secret(crashing: Server, carol: Person, database: str) -> None:
    met: dict[str, set[int]] = defaultdict(set)
    with crashing.client() as client:
        for turn, (route, contract) in enumerate(contracts().items()):
            token = with_own_session(database, carol).tokens["access_token"]
            for name, each in requests_for(route, contract, turn):
                client.headers["Authorization"] = f"Bearer {token}"
                if "Cookie" in each.parts.get("headers", {}):  # nobody looks at it beside a header
                    del client.headers["Authorization"]
                answer = client.request(each.method, each.path, **each.parts)
                met[name].add(answer.status_code)
                assert MARK not in shown(answer), (route, each)
    expected = {name: status for name, (status, _) in ways(MARK).items()}
    expected |= {"a field": 422, "an id": 404}
    assert [name for name, status in expected.items() if status not in met[name]] == []
    assert met["a defect"] == met["a failed statement"] == {500}  # wherever it was
    assert_silent(crashing, MARK, *carol.tokens["access_token"].split(".")[1:])


def test_no_page_repeats_a_secret(crashing: Server) -> None:
    for address in ADDRESSES:
        for canary in CANARIES.values():
            for _, parts in ways(canary).values():
                answer = requests.get(crashing.url + address, timeout=10, **parts)
                assert MARK not in shown(answer), (address, parts)
    assert_silent(crashing, MARK)


def test_signing_in_and_out_leaves_no_secret_in_the_log(
    crashing: Server, app: Flask, database: str
) -> None:
    person = sign_up(app, "Dora")
    body = {"email": person.email, "password": PASSWORD}
    with crashing.client() as client:
        tokens = client.post("/auth/login", json=body).json()
        renewed = client.post(
            "/auth/refresh", json={"refresh_token": tokens["refresh_token"]}
        ).json()
        client.post("/auth/refresh", json={"refresh_token": tokens["access_token"]})
        client.headers["Authorization"] = f"Bearer {renewed['access_token']}"
        ticket = client.post("/ws/tickets").json()["ticket"]
        client.post("/auth/logout")
        client.headers.pop("Authorization")
        cookies = _by_cookies(client, body)
    credentials = [
        tokens["access_token"],
        tokens["refresh_token"],
        renewed["access_token"],
        renewed["refresh_token"],
        *cookies,
    ]
    assert len(credentials) == 8
    signatures = [each.rpartition(".")[2] for each in credentials]
    assert_silent(crashing, PASSWORD, ticket, person.email, *signatures)


def _by_cookies(client: Client, body: dict[str, str]) -> list[str]:
    """Sign in and refresh by cookies, well and badly; returns what they held."""
    signed_in = client.post("/auth/login", json=body | {"cookies": True})
    held = {cookie.name: str(cookie.value) for cookie in signed_in.cookies}
    cookie = "; ".join(f"{name}={value}" for name, value in held.items())
    for csrf in (held[REFRESH_CSRF_COOKIE], "wrong"):
        headers = {"Cookie": cookie, CSRF_HEADER: csrf}
        client.post("/auth/refresh", json={}, headers=headers)
        client.patch("/users/me", json={"name": ""}, headers=headers)
    return [held[name] for name in COOKIES]


def test_a_websocket_repeats_no_secret(crashing: Server, alice: Person) -> None:
    ticket = done(alice.post("/ws/tickets"))["ticket"]
    for headers in (
        {"Sec-WebSocket-Protocol": f"{SUBPROTOCOL}, ticket.{MARK}"},
        {"Sec-WebSocket-Protocol": f"{SUBPROTOCOL}, ticket.{ticket}", "Origin": "null"},
        {"Authorization": f"Bearer {MARK}", "Sec-WebSocket-Version": "8"},
        {"Cookie": f"{ACCESS_COOKIE}={MARK}", "Origin": f"https://{MARK}.example"},
    ):
        for path in ("/ws/laptop-1", f"/ws/laptop-1?token={MARK}", f"/ws/{MARK * 10}"):
            url = crashing.url + path
            with requests.get(url, headers=UPGRADE | headers, timeout=10, stream=True) as answer:
                if answer.status_code != 101:
                    assert MARK not in shown(answer), (path, headers)
    assert_silent(crashing, MARK, ticket)


# What is no HTTP, so that only gunicorn sees it

NO_HTTP = {
    "a header without a colon": f"GET / HTTP/1.1\r\nAuthorization Bearer {MARK}\r\n\r\n",
    "a space before the colon": f"GET / HTTP/1.1\r\nAuthorization : Bearer {MARK}\r\n\r\n",
    "a control character": f"GET / HTTP/1.1\r\nAuthorization: Bearer {MARK}\x00\r\n\r\n",
    "a folded header": f"GET / HTTP/1.1\r\nAuthorization: Bearer\r\n {MARK}\r\n\r\n",
    "a method in small letters": f"canary-{MARK}\x01 / HTTP/1.1\r\n\r\n",
    "another version": f"GET /?token={MARK} HTTP/{MARK}\r\n\r\n",
    "no version": f"GET /?token={MARK}\r\n\r\n",
    "a length that is none": f"POST / HTTP/1.1\r\nContent-Length: {MARK}\r\n\r\n",
    "another coding": f"POST / HTTP/1.1\r\nTransfer-Encoding: {MARK}\r\n\r\n",
    "an expectation": f"POST / HTTP/1.1\r\nHost: x\r\nExpect: {MARK}\r\n\r\n",
    "too long a line": f"GET /?token={MARK}{'x' * 10_000} HTTP/1.1\r\n\r\n",
    "too long a header": f"GET / HTTP/1.1\r\nAuthorization: {MARK}{'x' * 10_000}\r\n\r\n",
    "too many headers": "GET / HTTP/1.1\r\n" + f"Cookie: {MARK}\r\n" * 200 + "\r\n",
    "a body before the request": f'{{"password": "{MARK}"}}\r\n\r\n',
    "a proxy's line": f"PROXY TCP4 {MARK} 192.0.2.1 1 1\r\nGET / HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("kind", NO_HTTP)
def test_what_is_no_http_is_refused_without_repeating_it(crashing: Server, kind: str) -> None:
    host, port = crashing.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as line:
        line.sendall(NO_HTTP[kind].encode("latin-1"))
        line.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: line.recv(65_536), b"")).decode("latin-1")
    assert re.match(r"HTTP/1.1 (4|5)\d\d ", answer), answer
    assert MARK not in answer
    assert_silent(crashing, MARK)


def test_the_log_would_tell(crashing: Server) -> None:
    """A scan that reads another file than the server writes would find nothing, ever."""
    answer = requests.get(f"{crashing.url}/health", headers={CRASH: "view"}, timeout=10)
    assert answer.status_code == 500
    log = crashing.log.read_text()
    assert "made to fail with 4 secrets at hand" in log
    assert "request.finished" in log
