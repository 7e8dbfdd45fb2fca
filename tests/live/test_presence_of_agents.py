"""Presence of agents: what they are doing, seen by people over all workers."""

import pytest

from tests.agents import claim, make_agent
from tests.api.test_auth import disable
from tests.factories import Person, add_member
from tests.live.sockets import Socket, Sockets, user_room_of
from tests.live.test_presence import connection_id, present
from tests.records import Record, done, make_comment, make_project, make_task
from tests.sql import rows

Seen = dict[str, tuple[str, str | None]]


@pytest.fixture
def agent(alice: Person, project: Record) -> Person:
    return make_agent(alice, project)


@pytest.fixture
def watchers(sockets: Sockets, alice: Person, room: str) -> list[Socket]:
    """Sockets of a person at both workers, with the room open."""
    return sockets.at_both_workers(alice, room)


def hold(owner: Person, agent: Person, project: Record) -> Record:
    """Let an agent claim a task that is made for it; return the task and its lease."""
    make_task(owner, project_id=project["id"], delegate_id=agent.id)
    (claimed,) = claim(agent)
    return claimed


def seen(socket: Socket, room: str, agent: Person) -> Seen:
    """Return state and task of each entry of an agent in a room."""
    known = present(socket, room).items()
    return {key: (it["state"], it["task_id"]) for key, it in known if it["user_id"] == agent.id}


def wait_for(socket: Socket, room: str, agent: Person, expected: Seen) -> None:
    """Return when a client sees exactly these entries of an agent."""
    if seen(socket, room, agent) != expected:
        socket.receive_until(lambda _: seen(socket, room, agent) == expected)


def at_work(claimed: Record, state: str = "working") -> Seen:
    """What is to be seen of an agent without a socket that holds a task."""
    return {claimed["lease"]["id"]: (state, claimed["task"]["id"])}


# Without a socket


def test_an_agent_that_claims_is_there_until_it_completes(
    watchers: list[Socket], alice: Person, agent: Person, project: Record, room: str
) -> None:
    claimed = hold(alice, agent, project)
    for socket in watchers:
        wait_for(socket, room, agent, at_work(claimed))
    done(agent.post(f"/leases/{claimed['lease']['id']}/complete"))
    for socket in watchers:
        wait_for(socket, room, agent, {})


def test_an_agent_at_work_is_described(
    watchers: list[Socket], alice: Person, agent: Person, project: Record, room: str
) -> None:
    claimed = hold(alice, agent, project)
    wait_for(watchers[0], room, agent, at_work(claimed))
    shown = present(watchers[0], room)[claimed["lease"]["id"]]
    assert shown == {
        "connection_id": claimed["lease"]["id"],
        "client_id": "",
        "user_id": agent.id,
        "kind": "agent",
        "name": "Fixer",
        "state": "working",
        "since": claimed["lease"]["created_at"],
        "task_id": claimed["task"]["id"],
    }


def test_who_asks_waits_until_a_person_answers(
    watchers: list[Socket], alice: Person, agent: Person, project: Record, room: str
) -> None:
    claimed = hold(alice, agent, project)
    said: list[tuple[Person, str, str]] = [
        (agent, "Which of them?", "waiting"),
        (alice, "The first.", "working"),
    ]
    for author, body, state in said:
        make_comment(author, claimed["task"], body)
        for socket in watchers:
            wait_for(socket, room, agent, at_work(claimed, state))


def test_who_is_silent_for_too_long_is_stale_until_a_heartbeat(
    watchers: list[Socket],
    alice: Person,
    agent: Person,
    project: Record,
    room: str,
    database: str,
) -> None:
    claimed = hold(alice, agent, project)
    wait_for(watchers[0], room, agent, at_work(claimed))
    for silence in (
        "UPDATE leases SET updated_at = now() - interval '5 minutes' WHERE agent_id = %(id)s",
        "UPDATE api_tokens SET last_used_at = now() - interval '5 minutes' WHERE user_id = %(id)s",
    ):
        rows(database, silence, {"id": agent.id})
    wait_for(watchers[0], room, agent, at_work(claimed, "stale"))
    done(agent.post(f"/leases/{claimed['lease']['id']}/heartbeat", {}))
    wait_for(watchers[0], room, agent, at_work(claimed))


def test_an_agent_is_there_once_for_each_task(
    watchers: list[Socket], alice: Person, agent: Person, project: Record, room: str
) -> None:
    first, second = (hold(alice, agent, project) for _ in range(2))
    wait_for(watchers[0], room, agent, at_work(first) | at_work(second))
    done(agent.post(f"/leases/{first['lease']['id']}/release"))
    wait_for(watchers[0], room, agent, at_work(second))


def test_the_answer_to_a_subscription_tells_who_is_at_work(
    sockets: Sockets, alice: Person, agent: Person, project: Record, room: str
) -> None:
    claimed = hold(alice, agent, project)
    socket = sockets.open(alice, room)
    assert seen(socket, room, agent) == at_work(claimed)


def test_an_agent_is_there_where_its_task_is(
    sockets: Sockets, alice: Person, agent: Person, project: Record, room: str
) -> None:
    elsewhere = make_project(alice)
    add_member(alice, elsewhere, agent, "editor")
    hold(alice, agent, elsewhere)
    socket = sockets.open(alice, room)
    assert seen(socket, room, agent) == {}


def test_an_agent_that_is_switched_off_is_gone(
    watchers: list[Socket], alice: Person, agent: Person, project: Record, room: str
) -> None:
    wait_for(watchers[0], room, agent, at_work(hold(alice, agent, project)))
    done(alice.patch(f"/agents/{agent.id}", {"is_active": False}))
    wait_for(watchers[0], room, agent, {})


def test_an_agent_whose_owner_is_disabled_is_gone(
    sockets: Sockets,
    alice: Person,
    bob: Person,
    agent: Person,
    project: Record,
    room: str,
    database: str,
) -> None:
    add_member(alice, project, bob, "viewer")
    socket = sockets.open(bob, room)
    wait_for(socket, room, agent, at_work(hold(alice, agent, project)))
    disable(database, alice)
    wait_for(socket, room, agent, {})


# With a socket


def test_a_connected_agent_is_there_by_its_connection(
    watchers: list[Socket],
    sockets: Sockets,
    alice: Person,
    agent: Person,
    project: Record,
    room: str,
) -> None:
    first = hold(alice, agent, project)
    wait_for(watchers[0], room, agent, at_work(first))
    socket = sockets.open(agent, room)
    of_socket = connection_id(socket)
    wait_for(watchers[0], room, agent, {of_socket: ("working", first["task"]["id"])})
    second = hold(alice, agent, project)
    wait_for(watchers[0], room, agent, {of_socket: ("working", second["task"]["id"])})
    socket.close()
    wait_for(watchers[0], room, agent, at_work(first) | at_work(second))


@pytest.mark.parametrize("own", [True, False])
def test_in_ones_own_room_what_is_held_is_shown_wherever_it_is(
    sockets: Sockets, alice: Person, agent: Person, room: str, *, own: bool
) -> None:
    elsewhere = make_project(alice)
    add_member(alice, elsewhere, agent, "editor")
    claimed = hold(alice, agent, elsewhere)
    opened = user_room_of(agent) if own else room
    socket = sockets.open(agent, opened)
    task_id = claimed["task"]["id"] if own else None
    wait_for(socket, opened, agent, {connection_id(socket): ("working", task_id)})


def test_a_connected_agent_without_a_task_is_idle(
    watchers: list[Socket], sockets: Sockets, agent: Person, room: str
) -> None:
    socket = sockets.open(agent, room)
    wait_for(watchers[0], room, agent, {connection_id(socket): ("idle", None)})


def test_an_agent_does_not_set_its_state(
    watchers: list[Socket], sockets: Sockets, agent: Person, room: str
) -> None:
    socket = sockets.open(agent, room)
    error = socket.ask("presence", "error", room=room, state="working")
    assert (error["code"], error["room"]) == ("state_is_derived", room)
    wait_for(watchers[0], room, agent, {connection_id(socket): ("idle", None)})
