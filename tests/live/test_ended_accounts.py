"""Accounts that are disabled or deleted while their sockets are open, at both workers."""

from collections.abc import Callable
from functools import partial

import pytest

from tests.api.access_world import make_agent
from tests.changes import room_of
from tests.crowd import crowd
from tests.factories import PASSWORD, Person, add_member, as_agent
from tests.live.sockets import Sockets, user_room_of
from tests.live.test_long_poll import meanwhile
from tests.records import Record, done, make_task, refusal
from tests.server import Server
from tests.waiting import wait_until

Ending = Callable[[Person, Person], object]


def disable(admin: Person, person: Person) -> None:
    done(admin.patch(f"/users/{person.id}", {"is_active": False}))


def delete(_admin: Person, person: Person) -> None:
    done(person.send("DELETE", "/users/me", headers={}, json={"password": PASSWORD}))


@pytest.mark.parametrize("end", [disable, delete])
def test_sockets_of_an_ended_account_are_closed_at_both_workers(
    sockets: Sockets, admin: Person, bob: Person, end: Ending
) -> None:
    both = sockets.at_both_workers(bob, user_room_of(bob))
    idle = sockets.open(bob)
    end(admin, bob)
    for socket in (*both, idle):
        assert socket.closed()[0] == 4001


@pytest.fixture
def agents(alice: Person, bob: Person, project: Record) -> list[Person]:
    """Two agents of Bob's in Alice's project, one of them with two tokens."""
    add_member(alice, project, bob, "owner")
    found = [make_agent(bob), make_agent(bob)]
    for agent in found:
        add_member(bob, project, agent, "editor")
    return [*found, as_agent(bob, found[0].id)]


@pytest.mark.parametrize("end", [disable, delete])
def test_sockets_of_their_agents_are_closed_at_both_workers(
    sockets: Sockets, admin: Person, bob: Person, agents: list[Person], project: Record, end: Ending
) -> None:
    opened = [
        socket for agent in agents for socket in sockets.at_both_workers(agent, room_of(project))
    ]
    opened += [sockets.open(agents[0], user_room_of(agents[0])), sockets.open(agents[1])]
    end(admin, bob)
    for socket in opened:
        assert socket.closed()[0] == 4001


@pytest.mark.parametrize("end", [disable, delete])
def test_agents_of_others_go_on(
    sockets: Sockets, admin: Person, alice: Person, bob: Person, agents: list[Person],
    project: Record, end: Ending,
) -> None:  # fmt: skip
    other = make_agent(alice)
    add_member(alice, project, other, "editor")
    ends, stays = (sockets.open(each, room_of(project)) for each in (agents[0], other))
    end(admin, bob)
    assert ends.closed()[0] == 4001
    task = make_task(other, project_id=project["id"])
    assert stays.event("task.created")["subject"] == task["id"]


@pytest.mark.parametrize("end", [disable, delete])
def test_tokens_of_their_agents_are_refused_by_every_worker_at_once(
    sockets: Sockets, server: Server, admin: Person, bob: Person, agents: list[Person], end: Ending
) -> None:
    headers = [{"Authorization": f"Bearer {each.tokens['access_token']}"} for each in agents]
    with crowd(server, 4) as clients:
        asked = [
            partial(client.get, "/tasks", headers=each) for client in clients for each in headers
        ]
        assert {ask().status_code for ask in asked} == {200}
        end(admin, bob)
        wait_until(lambda: {ask().status_code for ask in asked} == {401})
    for each in headers:
        for line in sockets.lines_to_both():
            assert sockets.unwelcomed(headers=each, sock=line).closed()[0] == 4001


@pytest.mark.parametrize("end", [disable, delete])
def test_an_agent_that_waits_for_what_happens_is_told_nothing_more(
    admin: Person, bob: Person, agents: list[Person], project: Record, end: Ending
) -> None:
    answer = meanwhile(agents[0], room_of(project), 4, lambda: end(admin, bob))
    assert refusal(answer) == (401, "token_invalid")


@pytest.mark.parametrize("end", [disable, delete])
def test_every_worker_refuses_an_ended_account_at_once(
    server: Server, admin: Person, bob: Person, end: Ending
) -> None:
    headers = {"Authorization": f"Bearer {bob.tokens['access_token']}"}
    with crowd(server, 4) as clients:
        for client in clients:
            assert client.get("/users/me", headers=headers).status_code == 200
        end(admin, bob)

        def refused() -> bool:
            answers = [client.get("/users/me", headers=headers) for client in clients]
            return {answer.status_code for answer in answers} == {401}

        wait_until(refused)


@pytest.mark.parametrize("end", [disable, delete])
def test_an_ended_account_is_present_nowhere(
    sockets: Sockets, admin: Person, alice: Person, bob: Person, project: Record, end: Ending
) -> None:
    add_member(alice, project, bob, "editor")
    room = room_of(project)
    watching = sockets.open(alice, room)
    sockets.open(bob, room)
    there = watching.receive_until(lambda message: bob.id in str(message.get("present")))
    (connection_id,) = (
        each["connection_id"] for each in there["present"] if each["user_id"] == bob.id
    )
    end(admin, bob)
    watching.receive_until(lambda message: connection_id in message.get("gone", ()))


def test_others_hear_that_somebody_is_gone_and_not_who(
    sockets: Sockets, admin: Person, alice: Person, bob: Person, project: Record
) -> None:
    add_member(alice, project, bob, "editor")
    both = sockets.at_both_workers(alice, room_of(project))
    delete(admin, bob)
    for socket in both:
        event = socket.event("member.removed")
        assert event["subject"] == event["actor"] == bob.id
        assert (event["data"]["name"], event["data"]["email"]) == ("deleted user", None)


def test_a_new_role_is_told_and_holds_at_both_workers(
    sockets: Sockets, server: Server, admin: Person, bob: Person
) -> None:
    headers = {"Authorization": f"Bearer {bob.tokens['access_token']}"}
    both = sockets.at_both_workers(bob, user_room_of(bob))
    with crowd(server, 4) as clients:
        for client in clients:
            assert client.get("/health/details", headers=headers).status_code == 403
        done(admin.patch(f"/users/{bob.id}", {"role": "admin"}))
        for socket in both:
            assert socket.event("user.updated")["data"]["role"] == "admin"

        def allowed() -> bool:
            answers = [client.get("/health/details", headers=headers) for client in clients]
            return {answer.status_code for answer in answers} == {200}

        wait_until(allowed)
        details = clients[0].get("/health/details", headers=headers).json()
    assert details["bus"]["is_connected"] is True
    assert details["processes"] >= 2
    assert details["sockets"] >= 1
    wait_until(lambda: done(admin.get("/health/details"))["sockets_in_rooms"] >= 2)
