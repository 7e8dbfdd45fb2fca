"""Stopping the server while sockets are open."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from gunicorn.config import Config
from websockets.exceptions import WebSocketException

from gunicorn_worker import Worker
from tests.changes import events_of, room_of
from tests.crowd import at_once, worker_at, worker_pids
from tests.factories import Person, sign_up
from tests.live.sockets import Socket, Sockets, through
from tests.records import done, make_project
from tests.server import Server

pytestmark = pytest.mark.faults

RESTARTING = 1012
TOLD_SECONDS = 10  # at once, on a busy machine
STOPPED_SECONDS = 18  # less than gunicorn gives those who do not stop


@pytest.fixture
def stopped(database: str, tmp_path: Path) -> Iterator[Sockets]:
    """Opens sockets at a server that the test stops."""
    with (
        Server.running(tmp_path / "server.log") as server,
        Sockets.at(server) as sockets,
    ):
        yield sockets
        assert "Traceback" not in server.log.read_text()


@pytest.fixture
def carol(app: Flask, stopped: Sockets) -> Person:
    """Somebody with an account whose requests go through that server."""
    return through(stopped.server, sign_up(app, "Carol"))


def test_all_sockets_are_told_at_once_and_the_server_ends(
    stopped: Sockets, carol: Person, record_property: Callable[[str, object], None]
) -> None:
    room = room_of(make_project(carol))
    opened = [*stopped.at_both_workers(carol, room), *stopped.at_both_workers(carol)]
    opened += [stopped.open(carol, room) for _ in range(20)]
    stopped.server.process.send_signal(signal.SIGTERM)
    start = time.monotonic()
    for socket in opened:
        code, reason = socket.closed(TOLD_SECONDS)
        assert code == RESTARTING
        assert reason
    seconds = time.monotonic() - start
    assert seconds < TOLD_SECONDS
    record_property("tried", f"{len(opened)} sockets told {RESTARTING} within {seconds:.2f} s")
    assert stopped.server.process.wait(STOPPED_SECONDS) == 0


def come_back(sockets: Sockets, person: Person) -> Socket | None:
    """Open a socket again; None once nobody listens any more."""
    token = person.tokens["access_token"]
    try:
        return sockets.unwelcomed(headers={"Authorization": f"Bearer {token}"})
    except (OSError, WebSocketException):
        return None


def test_who_comes_back_too_soon_is_sent_away_as_well(stopped: Sockets, carol: Person) -> None:
    first = stopped.open(carol)
    stopped.server.process.send_signal(signal.SIGTERM)
    assert first.closed(TOLD_SECONDS)[0] == RESTARTING
    while again := come_back(stopped, carol):
        assert again.closed(TOLD_SECONDS)[0] == RESTARTING
    assert stopped.server.process.wait(STOPPED_SECONDS) == 0


def test_who_has_not_signed_in_yet_holds_nothing_up(stopped: Sockets, carol: Person) -> None:
    lines = stopped.lines_to_both()
    for line in lines:
        stopped.unwelcomed(sock=line)
    stopped.server.process.send_signal(signal.SIGTERM)
    assert stopped.server.process.wait(STOPPED_SECONDS) == 0


def test_who_signs_in_while_the_server_ends_is_told_at_once(
    stopped: Sockets, carol: Person
) -> None:
    late = [stopped.unwelcomed(sock=line) for line in stopped.lines_to_both()]
    told = stopped.at_both_workers(carol)
    stopped.server.process.send_signal(signal.SIGTERM)
    for socket in told:
        socket.closed(TOLD_SECONDS)
    for socket in late:
        socket.send("authenticate", token=carol.tokens["access_token"])
        assert socket.closed(TOLD_SECONDS)[0] == RESTARTING
    assert stopped.server.process.wait(STOPPED_SECONDS) == 0


def test_a_worker_that_is_stopped_before_it_is_loaded_ends(tmp_path: Path) -> None:
    config = Config()
    config.set("worker_tmp_dir", str(tmp_path))
    worker = Worker(0, os.getpid(), [], None, 1, config, None)  # type: ignore[arg-type]  # asks neither an application nor a log
    worker.handle_exit(signal.SIGTERM, None)
    assert not worker.alive
    worker.tmp.close()


def test_one_worker_that_stops_sends_its_own_away(stopped: Sockets, carol: Person) -> None:
    lines = stopped.lines_to_both()
    worker = worker_at(stopped.server, lines[0].getsockname()[1], worker_pids(stopped.server))
    ends, stays = [stopped.open(carol, sock=line) for line in lines]
    os.kill(worker, signal.SIGTERM)
    assert ends.closed(TOLD_SECONDS)[0] == RESTARTING
    stays.ping()


def test_a_long_poll_is_answered_before_the_server_ends(stopped: Sockets, carol: Person) -> None:
    room = room_of(make_project(carol))
    since = events_of(carol, room)[-1]["seq"]

    def stop() -> None:
        time.sleep(2)  # nothing tells from outside that somebody waits
        stopped.server.process.send_signal(signal.SIGTERM)

    poll: Any = partial(carol.get, f"/rooms/{room}/events?since={since}&wait=25")
    answer, _ = at_once([poll, stop])
    assert done(answer) == []
    assert stopped.server.process.wait(STOPPED_SECONDS) == 0
