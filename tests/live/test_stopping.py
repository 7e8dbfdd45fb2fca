"""Stopping the server while sockets are open."""

import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.changes import events_of, room_of
from tests.crowd import at_once, worker_at, worker_pids
from tests.factories import Person, sign_up
from tests.live.sockets import Sockets, through
from tests.records import done, make_project
from tests.server import Server

RESTARTING = 1012
STOPPED_SECONDS = 10


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


def test_all_sockets_are_told_at_once_and_the_server_ends(stopped: Sockets, carol: Person) -> None:
    room = room_of(make_project(carol))
    opened = [*stopped.at_both_workers(carol, room), *stopped.at_both_workers(carol)]
    opened += [stopped.open(carol, room) for _ in range(20)]
    stopped.server.process.send_signal(signal.SIGTERM)
    start = time.monotonic()
    for socket in opened:
        code, reason = socket.closed(2)
        assert code == RESTARTING
        assert reason
    assert time.monotonic() - start < 2
    assert stopped.server.process.wait(STOPPED_SECONDS) == 0


@pytest.mark.faults
def test_who_has_not_signed_in_yet_holds_nothing_up(stopped: Sockets, carol: Person) -> None:
    lines = stopped.lines_to_both()
    for line in lines:
        stopped.unwelcomed(sock=line)
    stopped.server.process.send_signal(signal.SIGTERM)
    assert stopped.server.process.wait(STOPPED_SECONDS) == 0


def test_one_worker_that_stops_sends_its_own_away(stopped: Sockets, carol: Person) -> None:
    lines = stopped.lines_to_both()
    worker = worker_at(stopped.server, lines[0].getsockname()[1], worker_pids(stopped.server))
    ends, stays = [stopped.open(carol, sock=line) for line in lines]
    os.kill(worker, signal.SIGTERM)
    assert ends.closed(2)[0] == RESTARTING
    stays.ping()


def test_a_long_poll_is_answered_before_the_server_ends(stopped: Sockets, carol: Person) -> None:
    room = room_of(make_project(carol))
    since = events_of(carol, room)[-1]["seq"]

    def stop() -> None:
        time.sleep(0.5)  # nothing tells from outside that somebody waits
        stopped.server.process.send_signal(signal.SIGTERM)

    poll: Any = partial(carol.get, f"/rooms/{room}/events?since={since}&wait=3")
    answer, _ = at_once([poll, stop])
    assert done(answer) == []
    assert stopped.server.process.wait(STOPPED_SECONDS) == 0
