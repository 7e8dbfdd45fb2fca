"""API tokens at two workers: the sockets that they open, and their end everywhere at once."""

from dataclasses import replace
from functools import partial
from typing import LiteralString

import pytest
from flask import Flask

from models.scope import Scope
from tests.changes import room_of
from tests.crowd import crowd
from tests.factories import Person, make_token, sign_up, with_token
from tests.live.sockets import Sockets, user_room_of
from tests.live.test_long_poll import meanwhile
from tests.records import Record, done, make_project, make_task, refusal
from tests.server import Server
from tests.sql import rows
from tests.waiting import wait_until

NOWHERE = ["192.0.2.0/24"]


def acting(person: Person, token: Record) -> Person:
    return replace(person, tokens={"access_token": token["token"]})


def revoke(person: Person, token: Record) -> None:
    done(person.delete(f"/users/me/tokens/{token['id']}"))


# Opening a socket


def test_a_token_opens_a_socket_by_header(sockets: Sockets, alice: Person, room: str) -> None:
    socket = sockets.open(with_token(alice, Scope.ROOMS_READ), room)
    assert socket.of_type("welcome")[0]["user_id"] == alice.id


def test_a_token_opens_a_socket_with_the_first_message(sockets: Sockets, alice: Person) -> None:
    socket = sockets.unwelcomed()
    socket.send("authenticate", token=make_token(alice, Scope.ROOMS_READ)["token"])
    assert socket.receive("welcome")["user_id"] == alice.id


@pytest.mark.parametrize("by_header", [True, False])
@pytest.mark.parametrize(
    ("limits", "reason"),
    [({"scopes": ["tasks:write"]}, "rooms:read"), ({"networks": NOWHERE}, "networks")],
)
def test_a_socket_is_refused_where_a_request_would_be(
    sockets: Sockets, alice: Person, limits: Record, reason: str, *, by_header: bool
) -> None:
    token = make_token(alice, **limits)["token"]
    headers = {"Authorization": f"Bearer {token}"} if by_header else {}
    socket = sockets.unwelcomed(headers=headers)
    if not by_header:
        socket.send("authenticate", token=token)
    code, told = socket.closed()
    assert (code, socket.messages) == (4003, [])
    assert reason in told


def test_a_token_gets_no_ticket(alice: Person) -> None:
    """A ticket speaks for a session, without the limits of a token."""
    assert refusal(with_token(alice).post("/ws/tickets")) == (403, "session_only")


def test_a_token_of_one_project_opens_that_room_alone(
    sockets: Sockets, alice: Person, project: Record
) -> None:
    robot, other = with_token(alice, project_id=project["id"]), make_project(alice)
    socket = sockets.open(robot, room_of(project))
    for room in (room_of(other), user_room_of(alice), f"user:{project['id']}"):
        assert socket.ask("subscribe", "error", room=room, since=0)["code"] == "not_found"
    task = make_task(alice, project_id=project["id"])
    assert socket.event("task.created")["subject"] == task["id"]


# Its end


def test_a_revoked_token_is_over_at_every_worker(server: Server, alice: Person) -> None:
    token = make_token(alice)
    headers = {"Authorization": f"Bearer {token['token']}"}
    with crowd(server, 4) as clients:
        asked = [partial(client.get, "/users/me", headers=headers) for client in clients]
        assert {ask().status_code for ask in asked} == {200}
        revoke(alice, token)
        wait_until(lambda: {ask().status_code for ask in asked} == {401})


def test_the_tokens_of_a_disabled_account_and_its_agents_are_over_at_every_worker(
    server: Server, alice: Person, database: str
) -> None:
    """Nobody says so, but the workers look again every second."""
    agent = done(alice.post("/agents", {"name": "Builder", "kind": "ci"}))
    tokens = [make_token(alice), make_token(alice, agent_id=agent["id"])]
    with crowd(server, 4) as clients:
        asked = [
            partial(client.get, "/users/me", headers={"Authorization": f"Bearer {each['token']}"})
            for client in clients
            for each in tokens
        ]
        assert {ask().status_code for ask in asked} == {200}
        query = "UPDATE users SET is_active = false WHERE id = %(id)s"
        rows(database, query, {"id": alice.id})
        wait_until(lambda: {ask().status_code for ask in asked} == {401})


def test_revoking_a_token_closes_its_sockets_and_no_others(
    sockets: Sockets, alice: Person, room: str
) -> None:
    ends, stays = make_token(alice), make_token(alice)
    both = sockets.at_both_workers(acting(alice, ends), room)
    others = [sockets.open(acting(alice, stays), room), sockets.open(alice)]
    revoke(alice, ends)
    for socket in both:
        assert socket.closed()[0] == 4001
    for socket in others:
        socket.ping()


ENDINGS: list[LiteralString] = [
    "UPDATE api_tokens SET expires_at = now() WHERE user_id = %(user_id)s",
    "UPDATE api_tokens SET revoked_at = now() WHERE user_id = %(user_id)s",
    "UPDATE users SET is_active = false WHERE id = %(user_id)s",
    "DELETE FROM api_tokens WHERE user_id = %(user_id)s",
]


def test_tokens_that_ended_without_a_hint_are_found_out(
    app: Flask, sockets: Sockets, bob: Person, database: str
) -> None:
    people = [sign_up(app, "Alice") for _ in ENDINGS]
    opened = [sockets.at_both_workers(with_token(person)) for person in people]
    other = sockets.open(with_token(bob))
    for person, statement in zip(people, ENDINGS, strict=True):
        rows(database, statement, {"user_id": person.id})
    for statement, both in zip(ENDINGS, opened, strict=True):
        for socket in both:
            assert socket.closed()[0] == 4001, statement
    other.ping()


def test_a_revoked_token_opens_no_socket_at_a_worker_that_remembers_it(
    sockets: Sockets, alice: Person
) -> None:
    token = make_token(alice)
    headers = {"Authorization": f"Bearer {token['token']}"}
    lines = [*sockets.lines_to_both(), *sockets.lines_to_both()]
    for line in lines[:2]:
        sockets.unwelcomed(headers=headers, sock=line).receive("welcome")
    revoke(alice, token)
    for line in lines[2:]:
        socket = sockets.unwelcomed(headers=headers, sock=line)
        assert socket.closed()[0] == 4001
        assert socket.messages == []


def test_whose_token_was_revoked_while_it_waited_is_told_nothing(alice: Person, room: str) -> None:
    token = make_token(alice)
    answer = meanwhile(acting(alice, token), room, 4, lambda: revoke(alice, token))
    assert refusal(answer) == (401, "token_invalid")
