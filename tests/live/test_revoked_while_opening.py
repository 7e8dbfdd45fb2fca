"""Whoever loses a room in the moment in which they open it is told, and hears nothing of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from psycopg import Connection

from tests.changes import room_of
from tests.factories import Person, add_member
from tests.live.sockets import Socket, Sockets, user_room_of
from tests.live.test_limits import make_huge_tasks, narrow_line
from tests.live.test_revocation import delete_project, remove
from tests.records import Record, make_task
from tests.sql import connect, number
from tests.waiting import wait_until

RIGHTS = "memberships"  # what a subscription reads first
LOG = "event_log"  # and what it reads next

# Whoever waits for a table to open a room; the feed reads the log as well.
WAITING = """
    SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE datname = current_database() AND relation = %(table)s::regclass AND NOT granted
        AND query NOT LIKE '%%ANY(%%'
"""
PRESENT = "SELECT count(*) FROM presences WHERE room = %(room)s"

Ending = Callable[[Person, Person, Record], object]


@pytest.fixture(params=[None, 0], ids=["from now on", "with a replay"])
def since(request: pytest.FixtureRequest) -> int | None:
    """From where on the room is opened."""
    since: int | None = request.param
    return since


@pytest.fixture
def socket(sockets: Sockets, alice: Person, bob: Person, project: Record) -> Socket:
    """A socket of Bob's, who belongs to the project and has another room open."""
    add_member(alice, project, bob, "editor")
    return sockets.open(bob, user_room_of(bob))


@pytest.fixture(params=[False, True], ids=["alone", "among others"])
def others(
    request: pytest.FixtureRequest, sockets: Sockets, socket: Socket, alice: Person, room: str
) -> list[Socket]:
    """Those who have the room open at both workers already, if anybody has."""
    return sockets.at_both_workers(alice, room) if request.param else []


@contextmanager
def held(database: str, table: str) -> Iterator[Connection[Any]]:
    """Let everybody who reads a table wait meanwhile."""
    with connect(database) as connection, connection.transaction():
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield connection


def wait_for_reader(database: str, table: str) -> None:
    """Return when a subscription waits for a table."""
    wait_until(lambda: number(database, WAITING, {"table": table}) > 0)


def assert_outside(socket: Socket, room: str) -> None:
    """Check that somebody was told that a room is closed to them, and that it is."""
    assert socket.ask("presence", "error", room=room, state="away")["code"] == "not_subscribed"
    refused = socket.of_type("revoked") + socket.of_type("error")[:-1]
    assert room in [each["room"] for each in refused]


@pytest.mark.parametrize("end", [remove, delete_project])
def test_who_loses_a_room_after_the_look_at_their_rights_is_told(
    socket: Socket,
    others: list[Socket],
    alice: Person,
    bob: Person,
    project: Record,
    since: int | None,
    database: str,
    end: Ending,
) -> None:
    room = room_of(project)
    with held(database, LOG):
        socket.send("subscribe", room=room, since=since)
        wait_for_reader(database, LOG)
        end(alice, bob, project)
        for other in others:
            other.receive("event")
    assert_outside(socket, room)


def test_who_loses_a_room_before_the_look_at_their_rights_is_told(
    socket: Socket, others: list[Socket], bob: Person, room: str, since: int | None, database: str
) -> None:
    with held(database, RIGHTS) as connection:
        socket.send("subscribe", room=room, since=since)
        wait_for_reader(database, RIGHTS)
        connection.execute("DELETE FROM memberships WHERE user_id = %s", [bob.id])
    assert_outside(socket, room)


def test_who_lost_a_room_while_they_opened_it_hears_nothing_of_it(
    sockets: Sockets,
    socket: Socket,
    others: list[Socket],
    alice: Person,
    bob: Person,
    project: Record,
    database: str,
) -> None:
    room = room_of(project)
    with held(database, LOG):
        socket.send("subscribe", room=room)
        wait_for_reader(database, LOG)
        remove(alice, bob, project)
    socket.ping()
    witnesses = others or sockets.at_both_workers(alice, room)
    make_task(alice, project_id=project["id"])
    for witness in witnesses:
        witness.event("task.created")
    assert "task.created" not in socket.event_types()


def test_who_loses_a_room_amid_a_replay_gets_no_more_of_it(
    sockets: Sockets, alice: Person, bob: Person, project: Record, room: str, database: str
) -> None:
    add_member(alice, project, bob, "viewer")
    make_huge_tasks(alice, project, 5)
    socket = sockets.open(bob, user_room_of(bob), sock=narrow_line(sockets.server))
    socket.send("subscribe", room=room, since=0)
    is_present = partial(number, database, PRESENT, {"room": room})
    wait_until(lambda: is_present() == 1)
    remove(alice, bob, project)
    wait_until(lambda: is_present() == 0)
    socket.receive("revoked", room=room)
    before = len(socket.messages)
    socket.ping()
    events = [each["event"] for each in socket.messages[before:] if each["type"] == "event"]
    assert [event["type"] for event in events if event["room"] == room] == []
