"""Limits of a connection: whoever goes beyond them is sent away, and nobody else notices."""

import json
import socket as sockets_of_the_system
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from statistics import median

import pytest
from websockets.exceptions import ConnectionClosed

from tests.changes import change_all, events_of
from tests.crowd import at_once
from tests.factories import Person, add_member
from tests.live.sockets import Socket, Sockets
from tests.records import Record, done, make_task
from tests.server import Server
from tests.sql import rows
from tests.waiting import wait_until

MESSAGE_MAX_BYTES = 65_536
HUGE_AT_ONCE = 12  # as many as a request may carry
TOO_SLOW = 4008
PONG = b"\x8a\x80mask"  # that nobody asked for


def echo_of(size: int) -> str:
    """Return an echo of so many bytes."""
    frame = json.dumps({"type": "echo", "data": ""})
    return frame.replace('""', f'"{"x" * (size - len(frame))}"')


def make_huge_tasks(person: Person, project: Record, times: int) -> None:
    """Make tasks whose events are some 80 kB long."""
    fields = {
        "project_id": project["id"],
        "description": "y" * 20_000,
        "metadata": {"text": "x" * 60_000},
    }
    for _ in range(times):
        change_all(
            person,
            *({"kind": "create", "task": fields | {"title": str(n)}} for n in range(HUGE_AT_ONCE)),
        )


def assert_intact(messages: list[Record]) -> None:
    """Check that the events of huge tasks came whole and without a gap."""
    events = [each["event"] for each in messages if each["type"] == "event"]
    assert [event["seq"] for event in events] == list(
        range(events[0]["seq"], events[0]["seq"] + len(events))
    )
    for event in events:
        assert event["data"]["description"] == "y" * 20_000
        assert event["data"]["metadata"] == {"text": "x" * 60_000}


def narrow_line(server: Server) -> sockets_of_the_system.socket:
    """Return a connection for which the kernel of the reader keeps little."""
    host, port = server.url.removeprefix("http://").split(":")
    line = sockets_of_the_system.socket()
    line.setsockopt(sockets_of_the_system.SOL_SOCKET, sockets_of_the_system.SO_RCVBUF, 16_384)
    line.connect((host, int(port)))
    return line


@pytest.fixture
def bystander(sockets: Sockets, alice: Person) -> Socket:
    """A socket of somebody who keeps to the limits."""
    return sockets.open(alice)


# Size


@pytest.mark.parametrize("size", [1_000, 60_000, MESSAGE_MAX_BYTES])
def test_a_message_may_have_64_kib(sockets: Sockets, alice: Person, size: int) -> None:
    socket = sockets.open(alice)
    socket.send_raw(echo_of(size))
    assert len(socket.receive("echo")["data"]) == size - len(echo_of(0))


@pytest.mark.parametrize(
    "message",
    [echo_of(MESSAGE_MAX_BYTES + 1), "x" * 200_000, b"x" * 70_000, "🐘" * 16_385],
    ids=["a little", "much", "binary", "in bytes"],
)
def test_a_larger_message_ends_the_connection(
    sockets: Sockets, alice: Person, bystander: Socket, message: str | bytes
) -> None:
    socket = sockets.open(alice)
    socket.send_raw(message)
    code, reason = socket.closed()
    assert code == 1009
    assert reason
    bystander.ping()


def test_a_larger_first_message_ends_the_connection(sockets: Sockets) -> None:
    socket = sockets.unwelcomed()
    socket.send_raw(echo_of(MESSAGE_MAX_BYTES + 1))
    assert socket.closed()[0] == 1009


def test_a_message_may_come_in_fragments(sockets: Sockets, alice: Person) -> None:
    socket = sockets.open(alice)
    text = json.dumps({"type": "echo", "data": "Grüße 🐘 " * 100}, ensure_ascii=False)
    socket.connection.send([text[start : start + 7] for start in range(0, len(text), 7)])
    assert socket.receive("echo")["data"] == "Grüße 🐘 " * 100


def test_fragments_count_together(sockets: Sockets, alice: Person) -> None:
    socket = sockets.open(alice)
    socket.connection.send(["x" * 40_000, "x" * 40_000])
    assert socket.closed()[0] == 1009


# Number


def test_many_messages_may_come_at_once(sockets: Sockets, alice: Person) -> None:
    socket = sockets.open(alice)
    for _ in range(190):
        socket.send("ping", id="many")
    socket.ping()
    assert len(socket.of_type("pong")) == 191


@pytest.mark.parametrize("text", ['{"type": "ping"}', "nonsense"])
def test_a_flood_of_messages_ends_the_connection_and_no_other(
    sockets: Sockets, alice: Person, text: str
) -> None:
    others = sockets.at_both_workers(alice)
    socket = sockets.open(alice)

    with suppress(ConnectionClosed):
        for _ in range(2_000):
            socket.send_raw(text)
    code, reason = socket.closed(20)
    assert code == 4029
    assert reason
    for other in others:
        other.ping()


def test_a_flood_of_what_is_no_message_holds_nobody_up(
    sockets: Sockets, alice: Person, bystander: Socket
) -> None:
    floods = [sockets.open(alice).connection.socket for _ in range(6)]

    def flood(line: sockets_of_the_system.socket) -> None:
        with suppress(OSError):
            while True:
                line.sendall(PONG * 1_000)

    with ThreadPoolExecutor(len(floods)) as threads:
        threads.map(flood, floods)
        waits = []
        for _ in range(21):
            start = time.monotonic()
            bystander.ping()
            waits.append(time.monotonic() - start)
        for line in floods:
            line.shutdown(sockets_of_the_system.SHUT_RDWR)
    assert median(waits) < 0.2


def test_a_flood_of_nonsense_fills_no_log(alice: Person, tmp_path: Path) -> None:
    log = tmp_path / "server.log"

    def lines() -> list[Record]:
        return [json.loads(line) for line in log.read_text().splitlines()]

    def closed() -> list[Record]:
        return [line for line in lines() if line["event"] == "socket.closed"]

    environment = {"LOG_LEVEL": "INFO", "LOG_FORMAT": "json", "WEB_CONCURRENCY": "1"}
    with Server.running(log, **environment) as server:
        with Sockets.at(server) as sockets:
            socket = sockets.open(alice)
            for _ in range(150):
                socket.send_raw("nonsense")
            socket.ping()
        wait_until(lambda: bool(closed()))
    assert [line["refusals"] for line in closed()] == [150]
    assert len(lines()) < 50


@pytest.mark.faults
def test_a_steady_stream_below_the_limit_goes_on(sockets: Sockets, alice: Person) -> None:
    socket = sockets.open(alice)
    for _ in range(30):
        for _ in range(8):
            socket.send("ping", id="steady")
        time.sleep(0.2)  # this is the pace that is tested
    socket.ping()
    assert len(socket.of_type("pong")) == 241


# Slow readers


def test_who_never_reads_is_sent_away_while_others_get_everything(
    sockets: Sockets, alice: Person, bob: Person, project: Record, room: str
) -> None:
    add_member(alice, project, bob, "viewer")
    never_reads = sockets.open(bob, room, sock=narrow_line(sockets.server))
    reads = sockets.open(alice, room)
    for _ in range(12):
        make_huge_tasks(alice, project, 1)
        for _ in range(HUGE_AT_ONCE):
            reads.event("task.created", 30)
    assert never_reads.ended(30) in (TOO_SLOW, None)
    assert_intact(never_reads.messages)
    assert_intact(reads.messages)
    assert len(never_reads.of_type("event")) < len(reads.of_type("event")) == 12 * HUGE_AT_ONCE


def test_who_was_too_slow_resumes_where_it_was(
    sockets: Sockets, alice: Person, project: Record, room: str
) -> None:
    slow = sockets.open(alice, room, sock=narrow_line(sockets.server))
    since = events_of(alice, room)[-1]["seq"]
    make_huge_tasks(alice, project, 12)
    assert slow.ended(30) in (TOO_SLOW, None)
    seen = [each["event"]["seq"] for each in slow.of_type("event")]
    again = sockets.open(alice)
    again.subscribe(room, since=seen[-1] if seen else since)
    last = since + 12 * HUGE_AT_ONCE
    again.receive_until(lambda message: message.get("event", {}).get("seq") == last, 30)
    assert_intact(again.messages)
    assert again.of_type("event")[0]["event"]["seq"] == len(seen) + since + 1


def test_what_a_slow_reader_gets_is_intact(
    sockets: Sockets, alice: Person, project: Record, room: str
) -> None:
    slow = sockets.open(alice, room, sock=narrow_line(sockets.server))
    last = events_of(alice, room)[-1]["seq"] + 10 * HUGE_AT_ONCE

    def make() -> None:
        make_huge_tasks(alice, project, 10)

    def is_last(message: Record) -> bool:
        time.sleep(0.02)  # this is what is slow
        return bool(message.get("event", {}).get("seq") == last)

    def read_slowly() -> None:
        try:
            slow.receive_until(is_last, 60)
        except ConnectionClosed:
            assert slow.closed()[0] == TOO_SLOW

    at_once([make, read_slowly])
    assert_intact(slow.messages)


def test_who_reads_no_replay_is_forgotten_when_the_session_ends(
    sockets: Sockets, alice: Person, project: Record, room: str, database: str
) -> None:
    since = events_of(alice, room)[-1]["seq"]
    make_huge_tasks(alice, project, 8)
    socket = sockets.open(alice, sock=narrow_line(sockets.server))
    socket.send("subscribe", room=room, since=since)

    def is_present() -> bool:
        query = "SELECT 1 FROM presences WHERE room = %(room)s"
        return bool(rows(database, query, {"room": room}))

    wait_until(is_present)
    done(alice.post("/auth/logout"))
    wait_until(lambda: not is_present())


def test_replays_of_huge_events_arrive_intact(
    sockets: Sockets, alice: Person, project: Record, room: str
) -> None:
    since = events_of(alice, room)[-1]["seq"]
    make_huge_tasks(alice, project, 8)
    socket = sockets.open(alice)
    assert socket.subscribe(room, since=since)["outcome"] == "replay"
    task = make_task(alice, project_id=project["id"], title="Small")
    socket.receive_until(lambda message: message.get("event", {}).get("subject") == task["id"], 30)
    assert_intact(socket.messages[:-1])
    assert len(socket.of_type("event")) == 8 * HUGE_AT_ONCE + 1
