"""Sockets while the database is away: whoever is there stays, whoever comes is to come again."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from flask import Flask
from websockets.exceptions import ConnectionClosed

from tests.changes import room_of
from tests.factories import Person, sign_up
from tests.live.sockets import Sockets, user_room_of
from tests.proxy import DatabaseProxy
from tests.records import make_project, make_task
from tests.server import Server
from tests.waiting import wait_until

RESTARTING = 1012


@pytest.fixture(scope="module")
def door(database: str) -> Iterator[DatabaseProxy]:
    """What stands between the server and the database."""
    with DatabaseProxy.before(database) as door:
        yield door


@pytest.fixture(scope="module")
def lone_server(door: DatabaseProxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with one worker, which reaches the database through the door."""
    log = tmp_path_factory.mktemp("server") / "log"
    with Server.running(log, DATABASE_URL=door.url, WEB_CONCURRENCY="1") as server:
        yield server
        assert "Traceback" not in log.read_text()


@pytest.fixture
def sockets(lone_server: Server) -> Iterator[Sockets]:
    """Opens sockets there."""
    with Sockets.at(lone_server) as sockets:
        yield sockets


@pytest.fixture
def alice(app: Flask) -> Person:
    """Somebody who reaches the database by another way."""
    return sign_up(app, "Alice")


def test_without_the_database_sockets_stay_open_and_miss_nothing(
    sockets: Sockets, door: DatabaseProxy, alice: Person
) -> None:
    project = make_project(alice)
    room = room_of(project)
    socket = sockets.open(alice, room)
    door.shut()
    error = socket.ask("subscribe", "error", room=user_room_of(alice))
    assert (error["code"], error["room"]) == ("database_away", user_room_of(alice))
    task = make_task(alice, project_id=project["id"])
    assert socket.event_types() == []
    door.open()
    assert socket.event("task.created")["subject"] == task["id"]
    assert socket.subscribe(user_room_of(alice))["outcome"] == "ok"


def test_whoever_comes_while_the_database_is_away_is_to_come_again(
    sockets: Sockets, door: DatabaseProxy, alice: Person
) -> None:
    headers = {"Authorization": f"Bearer {alice.tokens['access_token']}"}
    door.shut()
    code, reason = sockets.unwelcomed(headers=headers).closed()
    assert code == RESTARTING
    assert reason
    door.open()

    def is_welcome() -> bool:
        with suppress(ConnectionClosed):
            return bool(sockets.open(alice).messages)
        return False

    wait_until(is_welcome)
