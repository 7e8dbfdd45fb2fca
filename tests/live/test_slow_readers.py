"""Whoever reads 200 messages of 200 kB slowly gets them intact, or is told to come back."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
import requests
from flask import Flask
from websockets.exceptions import ConnectionClosed

from config import settings
from services.live.live_socket import FLUSH_SECONDS, LINGER_SECONDS
from tests.crowd import is_held, worker_pids
from tests.factories import Person, sign_up
from tests.live.flood import AS_READ, AT_ONCE, FRAME_BYTES, FRAMES, STEADILY, text_of
from tests.live.sockets import Socket, Sockets, user_room_of
from tests.live.test_limits import TOO_SLOW, narrow_line
from tests.server import Server
from tests.waiting import wait_until

SECONDS = 30.0
A_MOMENT = 3.0  # on a busy machine
NEVER_READ = 12
MIB = 1_048_576
ONE_FLOOD = 2 * FRAMES * FRAME_BYTES  # the route makes all it sends beforehand, as text and frames

Outcome = tuple[int, int | None]  # how many messages came, and the code of the server's close


@pytest.fixture(scope="module")
def flooded(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with one worker, at which tests/live/flood.py sends what it has."""
    log = tmp_path_factory.mktemp("server") / "log"
    with Server.running(log, "tests.live.flood:app", WEB_CONCURRENCY="1") as server:
        yield server
        assert "Traceback" not in log.read_text()


@pytest.fixture
def sockets(flooded: Server) -> Iterator[Sockets]:
    """Opens sockets there."""
    with Sockets.at(flooded) as opened:
        yield opened


@pytest.fixture
def alice(app: Flask) -> Person:
    """Somebody whose room is flooded."""
    return sign_up(app, "Alice")


@pytest.fixture
def reader(sockets: Sockets, alice: Person) -> Socket:
    """A socket with the room open, for which little is kept on its side."""
    line = narrow_line(sockets.server)
    return sockets.open(alice, user_room_of(alice), sock=line, max_queue=1)


def flood(server: Server, person: Person, pace: str) -> None:
    """Send all messages to whoever has somebody's room open."""
    url = f"{server.url}/flood/{user_room_of(person)}/{pace}"
    requests.post(url, timeout=SECONDS).raise_for_status()


def listeners(server: Server, person: Person) -> int:
    url = f"{server.url}/flood/{user_room_of(person)}"
    count: int = requests.get(url, timeout=SECONDS).json()["listeners"]
    return count


def read(socket: Socket, pause: float = 0.0) -> Outcome:
    """Read until all is there or the server closes.

    Each must be the very one that is next. Messages about presence come in between.
    """
    count = 0
    while count < FRAMES:
        time.sleep(pause)  # this is what is slow
        try:
            text = socket.connection.recv(SECONDS, decode=True)
        except ConnectionClosed as closed:
            return count, closed.rcvd.code if closed.rcvd else None
        if not text.startswith("{"):
            assert text == text_of(count)
            count += 1
    return count, None


def read_amid(flooding: Callable[[], None], socket: Socket, pause: float = 0.0) -> Outcome:
    """Read while the messages are sent."""
    with ThreadPoolExecutor(1) as thread:
        sent = thread.submit(flooding)
        outcome = read(socket, pause)
        sent.result()
    return outcome


@pytest.mark.parametrize("pause", [0.0, 0.005, 0.03])
def test_messages_arrive_intact_and_all_of_them_unless_the_reader_is_sent_away(
    flooded: Server, reader: Socket, alice: Person, pause: float
) -> None:
    count, code = read_amid(partial(flood, flooded, alice, STEADILY), reader, pause)
    assert code == (None if count == FRAMES else TOO_SLOW)


def test_a_slow_reader_who_is_waited_for_gets_all(
    flooded: Server, reader: Socket, alice: Person
) -> None:
    flooding = partial(flood, flooded, alice, AS_READ)
    assert read_amid(flooding, reader, 0.005) == (FRAMES, None)


def test_more_than_is_kept_for_a_reader_ends_the_connection_and_what_came_is_intact(
    flooded: Server, reader: Socket, alice: Person
) -> None:
    count, code = read_amid(partial(flood, flooded, alice, AT_ONCE), reader)
    assert count < FRAMES
    assert code == TOO_SLOW


def test_who_reads_again_soon_is_told_why_the_connection_ended(
    flooded: Server, reader: Socket, alice: Person
) -> None:
    flood(flooded, alice, AT_ONCE)
    wait_until(lambda: listeners(flooded, alice) == 0, A_MOMENT)
    count, code = read(reader)
    assert 0 < count < FRAMES
    assert code == TOO_SLOW


@pytest.mark.faults
def test_those_who_never_read_take_little_memory(
    app: Flask, flooded: Server, sockets: Sockets, record_property: Callable[[str, object], None]
) -> None:
    people = [sign_up(app, "Alice") for _ in range(NEVER_READ)]
    for each in people:
        line = narrow_line(sockets.server)
        sockets.open(each, user_room_of(each), sock=line, max_queue=1)
    before = memory_of(flooded)
    most = 0
    for each in people:
        flood(flooded, each, AT_ONCE)
        most = max(most, memory_of(flooded) - before)
    sent = NEVER_READ * FRAMES * FRAME_BYTES
    record_property(
        "tried",
        f"{sent // MIB} MiB sent to {NEVER_READ} who never read: {most // MIB} MiB more memory",
    )
    assert most < NEVER_READ * (settings.socket_buffer_bytes + FRAME_BYTES) + ONE_FLOOD
    assert most < sent / 2


def memory_of(server: Server) -> int:
    """Return how much memory its one worker has, in bytes."""
    (pid,) = worker_pids(server)
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def test_who_never_reads_again_is_not_kept(flooded: Server, reader: Socket, alice: Person) -> None:
    port = reader.connection.socket.getsockname()[1]
    flood(flooded, alice, AT_ONCE)
    assert is_held(flooded, port)
    wait_until(lambda: not is_held(flooded, port), FLUSH_SECONDS + LINGER_SECONDS + A_MOMENT)
