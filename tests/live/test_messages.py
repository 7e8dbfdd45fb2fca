"""Messages over a WebSocket: each has an answer, and none ends the connection."""

import json
from typing import Any

import pytest

from tests.factories import Person
from tests.live.sockets import Socket, Sockets
from tests.waiting import PATIENCE

ROOM = "project:01890a5d-ac96-774b-bcce-b302099a8057"


@pytest.fixture
def socket(sockets: Sockets, alice: Person) -> Socket:
    """A socket of Alice's without a room."""
    return sockets.open(alice)


def refusal(socket: Socket, data: str | bytes) -> str:
    """Send something that is not understood; return the detail of the error."""
    socket.send_raw(data)
    error = socket.receive("error")
    assert (error["code"], error["room"], error["in_reply_to"]) == ("invalid_message", None, None)
    detail: str = error["detail"]
    return detail


def test_a_ping_is_answered_with_a_pong(socket: Socket) -> None:
    socket.send("ping", id="1")
    assert socket.receive("pong") == {"type": "pong", "id": "1"}


def test_a_ping_frame_is_answered_with_a_pong_frame(socket: Socket) -> None:
    assert socket.connection.ping(b"1").wait(PATIENCE)


def test_an_id_is_optional(socket: Socket) -> None:
    socket.send("ping")
    assert socket.receive("pong")["id"] is None


@pytest.mark.parametrize(
    "data",
    [
        None,
        True,
        0,
        -1.5,
        2**53 + 1,
        "",
        "Grüße 👋🏽 \u0000\u2028",
        [],
        {"a": [1, {"b": None}]},
        ["x" * 60_000],
    ],
)
def test_an_echo_brings_the_same_data_back(socket: Socket, data: Any) -> None:
    assert socket.ask("echo", "echo", data=data)["data"] == data


def test_answers_come_in_the_order_of_the_questions(socket: Socket) -> None:
    for number in range(50):
        socket.send("echo", data=number)
    socket.ping()
    assert [each["data"] for each in socket.of_type("echo")] == list(range(50))


def test_an_error_names_the_message_it_is_about(socket: Socket) -> None:
    error = socket.ask("subscribe", "error", room=ROOM)
    assert (error["code"], error["room"]) == ("not_found", ROOM)
    assert error["detail"]


@pytest.mark.parametrize(
    "data",
    [
        "",
        "hello",
        "{",
        "null",
        "1",
        "[]",
        '"ping"',
        "{}",
        '{"type": null}',
        '{"type": "nonsense"}',
        '{"type": "welcome"}',
        '{"type": "Ping"}',
        '{"type": ["ping"]}',
        '{"type": "ping", "more": 1}',
        '{"type": "ping", "id": 1}',
        '{"type": "echo"}',
        '{"type": "subscribe"}',
        '{"type": "subscribe", "room": 1}',
        '{"type": "unsubscribe", "room": null}',
        '{"type": "presence", "room": "user:1"}',
        '{"type": "ping"} {"type": "ping"}',
        '{"type": "ping", "id": "\\ud800"}',
        "\ufeff{}",
    ],
)
def test_what_is_no_message_is_an_error_and_the_connection_lives_on(
    socket: Socket, data: str
) -> None:
    refusal(socket, data)
    socket.ping()


@pytest.mark.parametrize("data", [b"", b"\x00\xff\xfe", b'{"type": "ping"}'])
def test_a_binary_message_is_an_error_and_the_connection_lives_on(
    socket: Socket, data: bytes
) -> None:
    refusal(socket, data)
    socket.ping()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "x" * 65),
        ("room", "x" * 61),
        ("since", -1),
        ("since", 2**63),
        ("since", 10**400),
        ("since", 1.5),
        ("since", True),
        ("since", "1"),
        ("epoch", 1),
        ("epoch", "x" * 65),
    ],
)
def test_a_wrong_field_is_named(socket: Socket, field: str, value: Any) -> None:
    message = {"type": "subscribe", "room": ROOM} | {field: value}
    assert field in refusal(socket, json.dumps(message))
    socket.ping()


@pytest.mark.parametrize("state", ["", "x" * 65, "a\nb", "\u0000", None, 1])
def test_a_presence_of_no_use_is_an_error(socket: Socket, state: Any) -> None:
    message = {"type": "presence", "room": ROOM, "state": state}
    assert "state" in refusal(socket, json.dumps(message))


@pytest.mark.parametrize(
    "data",
    [
        "[" * 30_000 + "]" * 30_000,
        '{"a":' * 10_000 + "1" + "}" * 10_000,
        "[" * 60_000,
    ],
)
def test_deep_nesting_is_an_error_and_the_connection_lives_on(socket: Socket, data: str) -> None:
    refusal(socket, f'{{"type": "echo", "data": {data}}}')
    refusal(socket, data)
    socket.ping()


@pytest.mark.parametrize(
    "number", ["1e400", "-1e400", "9" * 400, "9" * 60_000, "1e-999999999", "0." + "1" * 60_000]
)
def test_a_huge_number_is_answered_and_the_connection_lives_on(socket: Socket, number: str) -> None:
    socket.send_raw(f'{{"type": "echo", "data": {number}}}')
    socket.ping()
    assert [each["type"] for each in socket.messages[1:-1]] in (["echo"], ["error"])


def test_a_whole_number_of_any_size_comes_back_as_it_was(socket: Socket) -> None:
    assert socket.ask("echo", "echo", data=int("9" * 400))["data"] == int("9" * 400)


def test_compression_is_not_negotiated(sockets: Sockets, alice: Person) -> None:
    socket = sockets.open(alice, compression="deflate")
    request, answer = socket.connection.request, socket.connection.response
    assert request is not None
    assert answer is not None
    assert "permessage-deflate" in request.headers["Sec-WebSocket-Extensions"]
    assert "Sec-WebSocket-Extensions" not in answer.headers
    socket.ping()
