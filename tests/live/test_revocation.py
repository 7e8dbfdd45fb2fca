"""Rights that end while a socket is open: it hears nothing more."""

from collections.abc import Callable
from typing import LiteralString

import pytest

from tests.api.access_world import make_agent
from tests.changes import room_of
from tests.factories import Person, add_member, log_in
from tests.live.sockets import Socket, Sockets, user_room_of
from tests.live.test_limits import make_huge_tasks, narrow_line
from tests.records import Record, done, make_project, make_task
from tests.sql import connect, rows
from tests.waiting import wait_until

LOCATING: LiteralString = """
    SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%oldest%'
"""

Ending = Callable[[Person, Person, Record], object]


def remove(owner: Person, member: Person, project: Record) -> None:
    done(owner.delete(f"/projects/{project['id']}/members/{member.id}"))


def leave(_owner: Person, member: Person, project: Record) -> None:
    done(member.delete(f"/projects/{project['id']}/members/{member.id}"))


def delete_project(owner: Person, _member: Person, project: Record) -> None:
    done(owner.delete(f"/projects/{project['id']}"))


@pytest.fixture
def shared(alice: Person, bob: Person, project: Record) -> Record:
    """A project of Alice's that Bob may edit."""
    add_member(alice, project, bob, "editor")
    return project


def assert_revoked(socket: Socket, room: str) -> None:
    assert socket.receive("revoked") == {"type": "revoked", "room": room}


@pytest.mark.parametrize("end", [remove, leave, delete_project])
def test_who_no_longer_belongs_to_a_project_is_told_at_both_workers(
    sockets: Sockets, alice: Person, bob: Person, shared: Record, end: Ending
) -> None:
    own, room = user_room_of(bob), room_of(shared)
    both = sockets.at_both_workers(bob, own, room)
    end(alice, bob, shared)
    for socket in both:
        assert_revoked(socket, room)
        make_task(bob)
        socket.event("task.created")


@pytest.mark.parametrize("end", [remove, leave])
def test_who_no_longer_belongs_to_a_project_hears_nothing_more_of_it(
    sockets: Sockets, alice: Person, bob: Person, shared: Record, end: Ending
) -> None:
    own, room = user_room_of(bob), room_of(shared)
    both = sockets.at_both_workers(bob, own, room)
    stay = sockets.at_both_workers(alice, room)
    end(alice, bob, shared)
    for socket in both:
        assert_revoked(socket, room)
    task = make_task(alice, project_id=shared["id"])
    for socket in stay:
        assert socket.event("task.created")["subject"] == task["id"]
    for socket in both:
        socket.ping()
        rooms = [each["event"]["room"] for each in socket.of_type("event")]
        assert room not in rooms
        revoked = socket.messages.index({"type": "revoked", "room": room})
        later = [each.get("room") for each in socket.messages[revoked + 1 :]]
        assert room not in later


@pytest.mark.parametrize("end", [remove, leave, delete_project])
def test_a_socket_whose_only_room_is_revoked_is_closed(
    sockets: Sockets, alice: Person, bob: Person, shared: Record, end: Ending
) -> None:
    both = sockets.at_both_workers(bob, room_of(shared))
    end(alice, bob, shared)
    for socket in both:
        assert_revoked(socket, room_of(shared))
        assert socket.closed()[0] == 4003


def test_a_revoked_room_cannot_be_opened_again(
    sockets: Sockets, alice: Person, bob: Person, shared: Record
) -> None:
    room = room_of(shared)
    socket = sockets.open(bob, user_room_of(bob), room)
    remove(alice, bob, shared)
    assert_revoked(socket, room)
    assert socket.ask("subscribe", "error", room=room, since=0)["code"] == "not_found"


def test_everybody_is_told_that_a_project_was_deleted(
    sockets: Sockets, alice: Person, bob: Person, shared: Record
) -> None:
    room = room_of(shared)
    listeners = [sockets.open(person, user_room_of(person), room) for person in (alice, bob)]
    delete_project(alice, bob, shared)
    for socket in listeners:
        assert socket.event("project.deleted")["room"] == room
        assert_revoked(socket, room)


def test_the_others_stay_when_somebody_is_removed(
    sockets: Sockets, alice: Person, bob: Person, shared: Record
) -> None:
    socket = sockets.open(alice, room_of(shared))
    remove(alice, bob, shared)
    assert socket.event("member.removed")["subject"] == bob.id
    assert socket.of_type("revoked") == []
    socket.ping()


def test_a_removal_from_one_project_leaves_the_others_open(
    sockets: Sockets, alice: Person, bob: Person, shared: Record
) -> None:
    other = make_project(alice)
    add_member(alice, other, bob, "viewer")
    socket = sockets.open(bob, room_of(shared), room_of(other))
    remove(alice, bob, shared)
    assert_revoked(socket, room_of(shared))
    make_task(alice, project_id=other["id"])
    assert socket.event("task.created")["room"] == room_of(other)


@pytest.mark.parametrize("role", ["viewer", "owner"])
def test_another_role_keeps_the_room_open(
    sockets: Sockets, alice: Person, bob: Person, shared: Record, role: str
) -> None:
    both = sockets.at_both_workers(bob, room_of(shared))
    path = f"/projects/{shared['id']}/members/{bob.id}"
    done(alice.patch(path, {"role": role}))
    task = make_task(alice, project_id=shared["id"])
    for socket in both:
        assert socket.event("member.updated")["data"]["role"] == role
        assert socket.event("task.created")["subject"] == task["id"]
        assert socket.of_type("revoked") == []


def test_who_is_removed_while_they_open_a_room_does_not_hear_it(
    sockets: Sockets, alice: Person, bob: Person, shared: Record, database: str
) -> None:
    socket = sockets.open(bob, user_room_of(bob))
    with connect(database) as connection, connection.transaction():
        connection.execute("LOCK TABLE event_log")  # where in the log they begin is not told yet
        socket.send("subscribe", room=room_of(shared))
        wait_until(lambda: bool(rows(database, LOCATING)))
        remove(alice, bob, shared)
    answer = socket.receive_until(lambda message: message.get("room") == room_of(shared))
    assert (answer["type"], answer.get("code")) == ("error", "not_found")


def test_who_is_removed_while_they_catch_up_hears_no_more(
    sockets: Sockets, alice: Person, bob: Person, shared: Record
) -> None:
    room = room_of(shared)
    make_huge_tasks(alice, shared, 8)
    socket = sockets.open(bob, user_room_of(bob), sock=narrow_line(sockets.server))
    socket.send("subscribe", room=room, since=1)
    socket.receive("subscribed")
    remove(alice, bob, shared)
    revoked = socket.receive("revoked", 20)
    socket.ping()
    later = socket.messages[socket.messages.index(revoked) + 1 :]
    assert room not in [each["event"]["room"] for each in later if each["type"] == "event"]


# Sessions


@pytest.mark.parametrize("rooms_open", [0, 1])
def test_signing_out_closes_sockets_at_both_workers(
    sockets: Sockets, alice: Person, room: str, rooms_open: int
) -> None:
    both = sockets.at_both_workers(alice, *[room] * rooms_open)
    done(alice.post("/auth/logout"))
    for socket in both:
        code, reason = socket.closed()
        assert code == 4001
        assert reason


def test_who_signed_out_opens_no_socket_at_a_worker_that_remembers_them(
    sockets: Sockets, alice: Person
) -> None:
    headers = {"Authorization": f"Bearer {alice.tokens['access_token']}"}
    lines = [*sockets.lines_to_both(), *sockets.lines_to_both()]
    for line in lines[:2]:
        sockets.unwelcomed(headers=headers, sock=line).receive("welcome")
    done(alice.post("/auth/logout"))
    for line in lines[2:]:
        socket = sockets.unwelcomed(headers=headers, sock=line)
        assert socket.closed()[0] == 4001
        assert socket.messages == []


def test_signing_out_leaves_the_sockets_of_other_sessions_open(
    sockets: Sockets, alice: Person, bob: Person, room: str
) -> None:
    ends = sockets.open(alice, room)
    token = alice.tokens["access_token"]
    log_in(alice)
    stay = [sockets.open(alice, room), sockets.open(bob)]
    done(alice.post("/auth/logout", Authorization=f"Bearer {token}"))
    assert ends.closed()[0] == 4001
    for socket in stay:
        socket.ping()


def test_a_deleted_agent_is_sent_away_from_both_workers(
    sockets: Sockets,
    alice: Person,
) -> None:
    agent = make_agent(alice)
    both = sockets.at_both_workers(agent)
    done(alice.delete(f"/agents/{agent.id}"))
    for socket in both:
        assert socket.closed()[0] == 4001


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE users SET is_active = false WHERE id = %(user_id)s",
        "DELETE FROM sessions WHERE user_id = %(user_id)s",
    ],
)
def test_a_session_that_ended_without_a_hint_is_found_out(
    sockets: Sockets, alice: Person, bob: Person, room: str, database: str, statement: LiteralString
) -> None:
    both, other = sockets.at_both_workers(alice, room), sockets.open(bob)
    rows(database, statement, {"user_id": alice.id})
    for socket in both:
        assert socket.closed()[0] == 4001
    other.ping()
