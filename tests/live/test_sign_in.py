"""Signing in on a WebSocket, and whose pages may open one."""

import json
import time
from typing import Any

import pytest
import requests
from websockets.exceptions import InvalidStatus

from tests.factories import Person
from tests.live.sockets import Socket, Sockets
from tests.records import done
from tests.server import Server

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def authenticate(socket: Socket, token: str) -> None:
    socket.send("authenticate", token=token)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def refused_upgrade(sockets: Sockets, **options: Any) -> int:
    """Return the status that came instead of a WebSocket."""
    with pytest.raises(InvalidStatus) as refusal:
        sockets.unwelcomed(**options)
    return refusal.value.response.status_code


def test_a_header_signs_in(sockets: Sockets, alice: Person) -> None:
    socket = sockets.unwelcomed(
        headers=bearer(alice.tokens["access_token"]), client_id="laptop.1~a_b"
    )
    welcome = socket.receive("welcome")
    assert socket.messages == [welcome]
    assert (welcome["user_id"], welcome["client_id"]) == (alice.id, "laptop.1~a_b")
    assert welcome["protocol"] == 1
    assert {"connection_id", "server_time"} < welcome.keys()


@pytest.mark.parametrize("name", ["token", "access_token", "ticket", "authorization"])
def test_a_credential_in_the_url_signs_nobody_in(
    sockets: Sockets, alice: Person, name: str
) -> None:
    ticket = done(alice.post("/ws/tickets"))["ticket"]
    credential = ticket if name == "ticket" else alice.tokens["access_token"]
    socket = sockets.unwelcomed(client_id=f"laptop-1?{name}={credential}")
    socket.send("ping")
    assert socket.closed()[0] == 4001


def test_a_first_message_signs_in(sockets: Sockets, alice: Person) -> None:
    socket = sockets.unwelcomed()
    authenticate(socket, alice.tokens["access_token"])
    assert socket.receive("welcome")["user_id"] == alice.id


def test_nothing_is_said_before_the_sign_in(sockets: Sockets, alice: Person) -> None:
    socket = sockets.unwelcomed()
    with pytest.raises(TimeoutError):
        socket.connection.recv(0.3)
    authenticate(socket, alice.tokens["access_token"])
    assert socket.receive("welcome") == socket.messages[0]


def test_signing_in_twice_is_an_error_and_changes_nothing(
    sockets: Sockets, alice: Person, bob: Person
) -> None:
    socket = sockets.open(alice)
    error = socket.ask("authenticate", "error", token=bob.tokens["access_token"])
    assert error["code"] == "signed_in_already"
    assert socket.subscribe(f"user:{alice.id}")["outcome"] == "ok"


def test_each_connection_has_its_own_id(sockets: Sockets, alice: Person) -> None:
    welcomes = [sockets.open(alice, client_id="same-device").messages[0] for _ in range(2)]
    assert welcomes[0]["connection_id"] != welcomes[1]["connection_id"]


@pytest.mark.parametrize("header", ["", "Basic YWxpY2U6c2VjcmV0", "Bearer"])
def test_another_header_than_bearer_is_refused(sockets: Sockets, header: str) -> None:
    assert sockets.unwelcomed(headers={"Authorization": header}).closed()[0] == 4001


@pytest.mark.parametrize(
    "first",
    [
        '{"type": "ping"}',
        '{"type": "subscribe", "room": "user:1"}',
        '{"type": "authenticate"}',
        '{"type": "authenticate", "token": null}',
        '{"type": "authenticate", "token": "x", "more": 1}',
        json.dumps({"type": "authenticate", "token": "x" * 5_000}),
        "hello",
        "",
        b"\x00\xff",
    ],
)
def test_another_first_message_is_refused(sockets: Sockets, first: str | bytes) -> None:
    socket = sockets.unwelcomed()
    socket.send_raw(first)
    assert socket.closed()[0] == 4001


def test_a_binary_first_message_is_refused(sockets: Sockets, alice: Person) -> None:
    socket = sockets.unwelcomed()
    message = {"type": "authenticate", "token": alice.tokens["access_token"]}
    socket.send_raw(json.dumps(message).encode())
    assert socket.closed()[0] == 4001


def test_who_says_nothing_is_sent_away_after_five_seconds(sockets: Sockets) -> None:
    opened = time.monotonic()
    socket = sockets.unwelcomed()
    code, reason = socket.closed()
    assert code == 4001
    assert "5 seconds" in reason
    assert time.monotonic() - opened > 4.5


def test_who_hangs_up_before_signing_in_leaves_nothing_behind(
    sockets: Sockets, alice: Person
) -> None:
    for _ in range(5):
        sockets.unwelcomed().close()
    sockets.open(alice).ping()


# Before the upgrade


@pytest.mark.parametrize("client_id", ["a" * 8, "a" * 64, "A-z._~09"])
def test_a_client_id_may_have_8_to_64_characters(
    sockets: Sockets, alice: Person, client_id: str
) -> None:
    assert sockets.open(alice, client_id=client_id).messages[0]["client_id"] == client_id


@pytest.mark.parametrize(
    "client_id", ["a" * 7, "a" * 65, "eight%20ch", "eightch%0A", "gr%C3%BC%C3%9Fe-an", "a+b+c+d+e"]
)
def test_another_client_id_is_refused_before_the_upgrade(sockets: Sockets, client_id: str) -> None:
    assert refused_upgrade(sockets, client_id=client_id) == 422


def test_a_refusal_before_the_upgrade_is_a_problem(server: Server) -> None:
    answer = requests.get(f"{server.url}/ws/short", headers=UPGRADE, timeout=5)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "path.client_id")


def test_what_is_no_websocket_is_refused(server: Server) -> None:
    answer = requests.get(f"{server.url}/ws/laptop-1", timeout=5)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "WebSocket" in answer.json()["detail"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-WebSocket-Key": None},
        {"Sec-WebSocket-Version": None},
        {"Sec-WebSocket-Version": "8"},
        {"Connection": "close"},
        {"Connection": "Upgrade, ü"},
        {"Sec-WebSocket-Protocol": "stint.v1, ü"},
        {"Host": "ü.example"},
    ],
)
def test_half_a_handshake_is_refused(server: Server, headers: dict[str, Any]) -> None:
    given = {name: value for name, value in (UPGRADE | headers).items() if value is not None}
    answer = requests.get(f"{server.url}/ws/laptop-1", headers=given, timeout=5)
    assert answer.status_code in (400, 426)
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_pages_of_the_same_origin_may_open_sockets(sockets: Sockets, alice: Person) -> None:
    sockets.open(alice, origin=sockets.server.url).ping()


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "https://attacker.example",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        "{own}.x",
        "http://attacker.example/{host}",
        "http://{host}@attacker.example",
        "http://sub.{host}",
        "http://attacker{host}",
        "file://{host}",
        "ftp://{host}",
        "{host}",
        "http://[",
        "http://[::1",
        "",
    ],
)
def test_pages_of_another_origin_are_refused(sockets: Sockets, origin: str) -> None:
    own = sockets.server.url
    named = origin.format(own=own, host=own.removeprefix("http://"))
    assert refused_upgrade(sockets, headers={"Origin": named}) == 403
