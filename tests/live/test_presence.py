"""Presence: who has a room open, over all workers."""

import os
import signal
import socket as sockets_of_the_system
import struct
from collections.abc import Iterable
from pathlib import Path

import pytest
from flask import Flask

from tests.changes import room_of
from tests.crowd import worker_at, worker_pids
from tests.factories import Person, add_member, sign_up
from tests.live.sockets import Socket, Sockets, through, user_room_of
from tests.records import Record, done, make_project, make_task, start_timer
from tests.server import Server
from tests.sql import connect, rows
from tests.waiting import PATIENCE, wait_until

LEASE_SECONDS = 30


def connection_id(socket: Socket) -> str:
    found: str = socket.of_type("welcome")[0]["connection_id"]
    return found


def present(socket: Socket, room: str) -> dict[str, Record]:
    """Return who is in a room as a client knows it: by what it was told, by connection."""
    known: dict[str, Record] = {}
    for message in socket.messages:
        if message.get("room") != room:
            continue
        if message["type"] == "subscribed":
            known = {}
        if message["type"] in ("subscribed", "presence"):
            known |= {each["connection_id"]: each for each in message["present"]}
            for gone in message.get("gone", []):
                del known[gone]
    return known


def wait_for(
    socket: Socket, room: str, others: Iterable[Socket], seconds: float = PATIENCE
) -> None:
    """Return when a client knows of exactly these in a room."""
    expected = {connection_id(each) for each in others}
    if set(present(socket, room)) != expected:
        socket.receive_until(lambda _: set(present(socket, room)) == expected, seconds)


@pytest.fixture
def pair(
    sockets: Sockets, alice: Person, bob: Person, project: Record, room: str
) -> tuple[Socket, Socket]:
    """A socket of Alice's at one worker and one of Bob's at the other; both have the room open."""
    add_member(alice, project, bob, "editor")
    lines = sockets.lines_to_both()
    pair = sockets.open(alice, room, sock=lines[0]), sockets.open(bob, room, sock=lines[1])
    for socket in pair:
        wait_for(socket, room, pair)
    return pair


def test_people_at_both_workers_see_each_other(
    pair: tuple[Socket, Socket], alice: Person, bob: Person, room: str
) -> None:
    for socket in pair:
        people = present(socket, room)
        assert [people[connection_id(each)]["user_id"] for each in pair] == [alice.id, bob.id]


def test_somebody_present_is_described(pair: tuple[Socket, Socket], bob: Person, room: str) -> None:
    of_alice, of_bob = pair
    welcome = of_bob.of_type("welcome")[0]
    shown = present(of_alice, room)[connection_id(of_bob)]
    assert shown == {
        "connection_id": welcome["connection_id"],
        "client_id": welcome["client_id"],
        "user_id": bob.id,
        "kind": "person",
        "name": "Bob",
        "state": "active",
        "since": shown["since"],
        "task_id": None,
    }


def test_the_answer_to_a_subscription_tells_who_is_there(
    pair: tuple[Socket, Socket], sockets: Sockets, alice: Person, room: str
) -> None:
    for line in sockets.lines_to_both():
        answer = sockets.open(alice, sock=line).subscribe(room)
        shown = {each["connection_id"] for each in answer["present"]}
        assert {connection_id(each) for each in pair} <= shown


def test_a_change_of_state_is_told_to_all(pair: tuple[Socket, Socket], room: str) -> None:
    of_bob = pair[1]
    of_bob.send("presence", room=room, state="typing …")
    for socket in pair:
        change = socket.receive("presence")
        (changed,) = change["present"]
        assert (changed["connection_id"], changed["state"]) == (connection_id(of_bob), "typing …")
        assert change["gone"] == []


def test_a_change_of_state_is_no_new_arrival(pair: tuple[Socket, Socket], room: str) -> None:
    of_alice, of_bob = pair
    before = present(of_alice, room)[connection_id(of_bob)]
    of_bob.send("presence", room=room, state="away")
    of_alice.receive("presence")
    assert present(of_alice, room)[connection_id(of_bob)] == before | {"state": "away"}


def test_a_state_is_told_in_its_room_only(
    sockets: Sockets, alice: Person, project: Record, room: str
) -> None:
    other = room_of(make_project(alice))
    socket = sockets.open(alice, room, other)
    wait_for(socket, room, [socket])
    wait_for(socket, other, [socket])
    socket.send("presence", room=room, state="away")
    socket.receive("presence")
    states = [present(socket, each)[connection_id(socket)]["state"] for each in (room, other)]
    assert states == ["away", "active"]


def test_who_has_not_opened_a_room_has_no_state_there(
    sockets: Sockets, alice: Person, room: str
) -> None:
    error = sockets.open(alice).ask("presence", "error", room=room, state="away")
    assert (error["code"], error["room"]) == ("not_subscribed", room)


def test_each_connection_of_a_person_is_present_for_itself(
    sockets: Sockets, alice: Person, room: str
) -> None:
    both = sockets.at_both_workers(alice, room)
    for socket in both:
        wait_for(socket, room, both)
    both[0].close()
    wait_for(both[1], room, both[1:])


@pytest.mark.parametrize("way", ["unsubscribe", "close", "reset", "log out"])
def test_who_leaves_is_gone(pair: tuple[Socket, Socket], bob: Person, room: str, way: str) -> None:
    of_alice, of_bob = pair
    match way:
        case "unsubscribe":
            of_bob.send("unsubscribe", room=room)
        case "close":
            of_bob.close()
        case "reset":
            at_once = struct.pack("ii", 1, 0)
            system, option = sockets_of_the_system.SOL_SOCKET, sockets_of_the_system.SO_LINGER
            of_bob.connection.socket.setsockopt(system, option, at_once)
            of_bob.connection.socket.shutdown(sockets_of_the_system.SHUT_RDWR)
        case "log out":
            done(bob.post("/auth/logout"))
    wait_for(of_alice, room, [of_alice])


def test_who_was_removed_is_gone(
    pair: tuple[Socket, Socket], alice: Person, bob: Person, project: Record, room: str
) -> None:
    done(alice.delete(f"/projects/{project['id']}/members/{bob.id}"))
    wait_for(pair[0], room, pair[:1])


def test_who_leaves_while_they_are_written_down_is_gone(
    sockets: Sockets, alice: Person, room: str, database: str
) -> None:
    waits = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'presences'::regclass"
    with connect(database) as connection, connection.transaction():
        connection.execute("LOCK TABLE presences IN SHARE MODE")
        socket = sockets.open(alice, room)
        wait_until(lambda: bool(rows(database, waits)))
        socket.close()
    query = "SELECT 1 FROM presences WHERE room = %(room)s"
    wait_until(lambda: not rows(database, query, {"room": room}))


def test_who_comes_back_is_there_again(pair: tuple[Socket, Socket], room: str) -> None:
    of_alice, of_bob = pair
    of_bob.send("unsubscribe", room=room)
    wait_for(of_alice, room, [of_alice])
    of_bob.subscribe(room)
    wait_for(of_alice, room, pair)


# Timers


def test_a_timer_shows_its_task_where_the_task_is(
    pair: tuple[Socket, Socket], bob: Person, project: Record, room: str
) -> None:
    of_alice, of_bob = pair
    task = make_task(bob, project_id=project["id"])
    start_timer(bob, task_id=task["id"])

    def shown(_: Record) -> bool:
        return bool(present(of_alice, room)[connection_id(of_bob)]["task_id"] == task["id"])

    of_alice.receive_until(shown)
    assert present(of_alice, room)[connection_id(of_alice)]["task_id"] is None
    done(bob.post("/timer/stop"))
    of_alice.receive_until(lambda message: not shown(message))
    assert present(of_alice, room)[connection_id(of_bob)]["task_id"] is None


def test_a_timer_on_a_task_elsewhere_is_not_shown(
    pair: tuple[Socket, Socket], bob: Person, room: str
) -> None:
    of_alice, of_bob = pair
    for task in (make_task(bob), make_task(bob, project_id=make_project(bob)["id"])):
        start_timer(bob, task_id=task["id"])
        of_bob.send("presence", room=room, state=task["id"])
        (changed,) = of_alice.receive("presence")["present"]
        assert (changed["state"], changed["task_id"]) == (task["id"], None)


def test_in_ones_own_room_a_timer_is_shown_wherever_its_task_is(
    sockets: Sockets, alice: Person, project: Record
) -> None:
    own = user_room_of(alice)
    task = make_task(alice, project_id=project["id"])
    start_timer(alice, task_id=task["id"])
    socket = sockets.open(alice, own)
    wait_for(socket, own, [socket])
    assert present(socket, own)[connection_id(socket)]["task_id"] == task["id"]


# A worker that dies


@pytest.mark.faults
def test_the_people_of_a_killed_worker_are_gone_within_half_a_minute(
    app: Flask, database: str, tmp_path: Path
) -> None:
    with (
        Server.running(tmp_path / "server.log") as server,
        Sockets.at(server) as sockets,
    ):
        carol = through(server, sign_up(app, "Carol"))
        room = room_of(make_project(carol))
        lines = sockets.lines_to_both()
        doomed = worker_at(server, lines[0].getsockname()[1], worker_pids(server))
        dies, lives = [sockets.open(carol, room, sock=line) for line in lines]
        wait_for(lives, room, [dies, lives])
        os.kill(doomed, signal.SIGKILL)
        wait_for(lives, room, [lives], LEASE_SECONDS)
        make_task(carol, project_id=room.removeprefix("project:"))
        lives.event("task.created")
        assert "Traceback" not in server.log.read_text()
