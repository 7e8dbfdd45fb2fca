"""Accounts that end at the same moment, through both workers of the real server."""

from collections.abc import Callable, Iterator

import pytest
import requests
from flask import Flask

from tests.crowd import at_once, crowd
from tests.factories import PASSWORD, Person, add_member, make_admin, sign_up
from tests.records import done, make_project
from tests.server import Client, Server
from tests.sql import number, rows

ROUNDS = 5

Work = Callable[[], requests.Response]

OWNERS = """
    SELECT count(*) FROM memberships JOIN users ON users.id = memberships.user_id
    WHERE project_id = %(id)s AND memberships.role = 'owner' AND users.is_active
"""
LEFT_BEHIND = """
    SELECT count(*) FROM memberships JOIN users ON users.id = memberships.user_id
    WHERE users.id = %(id)s
"""


@pytest.fixture
def clients(server: Server) -> Iterator[list[Client]]:
    """Two connections, one at each worker."""
    with crowd(server, 2) as opened:
        yield opened


def asks(client: Client, person: Person, method: str, path: str, body: object) -> Work:
    headers = {"Authorization": f"Bearer {person.tokens['access_token']}"}
    return lambda: client.request(method, path, json=body, headers=headers)


def deletes(client: Client, person: Person) -> Work:
    return asks(client, person, "DELETE", "/users/me", {"password": PASSWORD})


def test_two_owners_who_go_at_once_leave_one_behind(
    app: Flask, clients: list[Client], database: str
) -> None:
    for _ in range(ROUNDS):
        first, second, member = (sign_up(app, name) for name in ("Ann", "Ben", "Cleo"))
        project = make_project(first)
        add_member(first, project, second, "owner")
        add_member(first, project, member, "editor")
        answers = at_once([deletes(clients[0], first), deletes(clients[1], second)])
        assert sorted(answer.status_code for answer in answers) == [204, 409]
        (refused,) = [answer for answer in answers if answer.status_code == 409]
        assert refused.json()["project_ids"] == [project["id"]]
        assert number(database, OWNERS, project) == 1
        assert done(member.get(f"/projects/{project['id']}"))["role"] == "editor"


def test_two_owners_whom_nobody_misses_both_go(
    app: Flask, clients: list[Client], database: str
) -> None:
    for _ in range(ROUNDS):
        first, second = (sign_up(app, name) for name in ("Ann", "Ben"))
        project = make_project(first)
        add_member(first, project, second, "owner")
        answers = at_once([deletes(clients[0], first), deletes(clients[1], second)])
        assert [answer.status_code for answer in answers] == [204, 204]
        deleted = "SELECT deleted_at IS NOT NULL AS gone FROM projects WHERE id = %(id)s"
        assert rows(database, deleted, project) == [{"gone": True}]


def test_who_is_added_while_they_go_is_gone(
    app: Flask, clients: list[Client], database: str
) -> None:
    for _ in range(ROUNDS):
        host, guest = (sign_up(app, name) for name in ("Ann", "Ben"))
        project = make_project(host)
        path, body = f"/projects/{project['id']}/members", {"user_id": guest.id, "role": "owner"}
        added, gone = at_once(
            [asks(clients[0], host, "POST", path, body), deletes(clients[1], guest)]
        )
        assert (added.status_code, gone.status_code) in {(201, 204), (400, 204)}
        assert number(database, LEFT_BEHIND, {"id": guest.id}) == 0


def test_what_somebody_writes_while_they_go_is_not_left_behind(
    app: Flask, clients: list[Client], database: str
) -> None:
    for _ in range(ROUNDS):
        person = sign_up(app, "Ann")
        written, gone = at_once(
            [
                asks(clients[0], person, "POST", "/tasks", {"title": "Write"}),
                deletes(clients[1], person),
            ]
        )
        assert gone.status_code == 204
        assert written.status_code in {201, 401}
        assert app.test_cli_runner().invoke(args=["purge"]).exit_code == 0
        left = "SELECT count(*) FROM tasks WHERE created_by = %(id)s"
        assert number(database, left, {"id": person.id}) == 0


def test_two_administrators_who_demote_each_other_leave_one(
    app: Flask, clients: list[Client], database: str
) -> None:
    for _ in range(ROUNDS):
        rows(database, "UPDATE users SET role = 'member' WHERE role = 'admin'")
        first, second = (make_admin(app, name) for name in ("Ann", "Ben"))
        demote = {"role": "member"}
        answers = at_once(
            [
                asks(clients[0], first, "PATCH", f"/users/{second.id}", demote),
                asks(clients[1], second, "PATCH", f"/users/{first.id}", demote),
            ]
        )
        assert sorted(answer.status_code for answer in answers)[0] == 200
        admins = "SELECT count(*) FROM users WHERE role = 'admin'"
        assert number(database, admins) == 1
