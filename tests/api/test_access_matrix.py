"""Who may do what: every route, asked by everybody about things of other people.

What one cannot see is 404, what one sees but may not do is 403, and without signing in it is 401.
"""

import pytest
from flask import Flask

from api.contract import Access
from tests.api.access_world import (
    ROLES,
    SIGNED_IN,
    Guests,
    Ids,
    Role,
    agents,
    ask,
    people,
    with_own_session,
)
from tests.api.rights import RIGHTS, Place, Statuses, contracts
from tests.crowd import crowd
from tests.server import Server

FIRST_VERSION = '"v1"'

PLACES: tuple[Place, ...] = ("in_project", "personal")
CASES = [
    pytest.param(route, place, role, id=f"{route}-{place}-{role}")
    for route, rights in RIGHTS.items()
    for place in PLACES
    if getattr(rights, place) is not None
    for role in ROLES
]
# Agents own neither projects nor agents.
CASES_OF_AGENTS = [
    case
    for case in CASES
    for route, place, role in [case.values]
    if role != "anonymous"
    and route not in ("POST /projects", "POST /agents")
    and not (role == "owner" and (place == "in_project" or "agent_id" in str(route)))
]
HIDDEN = [route for route, rights in RIGHTS.items() if rights.in_project[1] == 404]
# One's own time and agents are one's own wherever they were at work, and the trash shows owners
# what has to come back first.
OWN = ("entry_id", "agent_id", "trash")
HIDDEN_FROM_OWNERS = [route for route in HIDDEN if not any(word in route for word in OWN)]
CHANGES = [route for route in RIGHTS if route.startswith(("PATCH", "DELETE")) or "/move" in route]


@pytest.fixture(scope="module")
def humans(app: Flask) -> Guests:
    """People; whatever they are granted to change is made for that alone."""
    return people(app)


@pytest.fixture(scope="module")
def things(humans: Guests) -> dict[Place, Ids]:
    """What they keep."""
    return {"in_project": humans.project(), "personal": humans.personal()}


@pytest.fixture(scope="module")
def robots(database: str, humans: Guests) -> Guests:
    """Agents, likewise."""
    return agents(database, humans)


@pytest.fixture(scope="module")
def things_of_robots(robots: Guests) -> dict[Place, Ids]:
    """What agents keep."""
    return {"in_project": robots.project(), "personal": robots.personal()}


def expected_status(route: str, place: Place, role: Role) -> int:
    """What RIGHTS says."""
    statuses: Statuses = getattr(RIGHTS[route], place)
    return statuses[ROLES.index(role)]


def changes_something(route: str, status: int) -> bool:
    """True for requests that must not meet things which other tests use."""
    return status < 300 and not route.startswith("GET")


def make(guests: Guests, place: Place) -> Ids:
    """Make new things."""
    return guests.project() if place == "in_project" else guests.personal()


def test_every_route_has_its_rights_written_down() -> None:
    assert set(contracts()) == set(RIGHTS)


@pytest.mark.parametrize("route", RIGHTS)
def test_a_route_is_for_everybody_only_where_it_says_so(route: str) -> None:
    is_public = RIGHTS[route].in_project[0] != 401
    assert (contracts()[route].access is Access.PUBLIC) == is_public


@pytest.mark.parametrize(("route", "place", "role"), CASES)
def test_people_get_what_their_role_gives(
    database: str,
    humans: Guests,
    things: dict[Place, Ids],
    route: str,
    place: Place,
    role: Role,
) -> None:
    guest, ids = humans.by_role[role], things[place]
    expected = expected_status(route, place, role)
    if changes_something(route, expected):
        ids = make(humans, place)
        guest = with_own_session(database, guest) if guest.tokens else guest
    answer = ask(guest, route, ids, RIGHTS[route].parts)
    assert answer.status_code == expected, answer.text


@pytest.mark.parametrize(("route", "place", "role"), CASES_OF_AGENTS)
def test_agents_get_what_their_role_gives(
    database: str,
    robots: Guests,
    things_of_robots: dict[Place, Ids],
    route: str,
    place: Place,
    role: Role,
) -> None:
    guest, ids = robots.by_role[role], things_of_robots[place]
    expected = expected_status(route, place, role)
    if changes_something(route, expected):
        ids = make(robots, place)
        guest = with_own_session(database, guest)
    headers = {"If_Match": FIRST_VERSION} if route in CHANGES else {}
    answer = ask(guest, route, ids, RIGHTS[route].parts, **headers)
    assert answer.status_code == expected, answer.text


@pytest.mark.parametrize("route", ["POST /projects", "POST /agents"])
def test_agents_come_to_own_nothing(robots: Guests, route: str) -> None:
    answer = ask(robots.by_role["owner"], route, {}, RIGHTS[route].parts)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "people_only")


@pytest.mark.parametrize("route", RIGHTS)
def test_changes_of_one_thing_take_if_match(route: str) -> None:
    assert contracts()[route].takes("if_match") == (route in CHANGES)


@pytest.mark.parametrize("role", SIGNED_IN)
@pytest.mark.parametrize("route", CHANGES)
def test_agents_must_say_which_version_they_change(
    robots: Guests, things_of_robots: dict[Place, Ids], route: str, role: Role
) -> None:
    ids = things_of_robots["in_project"]
    answer = ask(robots.by_role[role], route, ids, RIGHTS[route].parts)
    assert (answer.status_code, answer.get_json()["code"]) == (428, "if_match_required")


@pytest.fixture(scope="module")
def trash(humans: Guests) -> Ids:
    """The ids of what is in a deleted project."""
    ids = humans.project()
    assert humans.by_role["owner"].delete(f"/projects/{ids['project_id']}").status_code == 204
    return ids


@pytest.mark.parametrize("role", ["viewer", "editor"])
@pytest.mark.parametrize("route", HIDDEN)
def test_what_is_in_a_deleted_project_is_gone_for_its_members(
    humans: Guests, trash: Ids, route: str, role: Role
) -> None:
    answer = ask(humans.by_role[role], route, trash, RIGHTS[route].parts)
    assert answer.status_code == 404, answer.text


@pytest.mark.parametrize("route", HIDDEN_FROM_OWNERS)
def test_what_is_in_a_deleted_project_is_gone_for_its_owner(
    humans: Guests, trash: Ids, route: str
) -> None:
    answer = ask(humans.by_role["owner"], route, trash, RIGHTS[route].parts)
    assert answer.status_code == 404, answer.text


@pytest.fixture(scope="module")
def left(humans: Guests) -> Ids:
    """The ids of what is in a project that the editor was removed from."""
    ids = humans.project()
    editor, owner = humans.by_role["editor"], humans.by_role["owner"]
    assert editor.get(f"/projects/{ids['project_id']}").status_code == 200
    assert owner.delete(f"/projects/{ids['project_id']}/members/{editor.id}").status_code == 204
    return ids


@pytest.mark.parametrize("route", HIDDEN)
def test_a_removed_member_is_a_stranger(humans: Guests, left: Ids, route: str) -> None:
    answer = ask(humans.by_role["editor"], route, left, RIGHTS[route].parts)
    assert answer.status_code == 404, answer.text


def test_a_removed_member_is_refused_by_every_worker_at_once(
    humans: Guests, server: Server
) -> None:
    ids = humans.project()
    editor, owner = humans.by_role["editor"], humans.by_role["owner"]
    path, member = f"/projects/{ids['project_id']}", f"members/{editor.id}"
    headers = {"Authorization": f"Bearer {editor.tokens['access_token']}"}
    with crowd(server, 4) as clients:
        assert {client.get(path, headers=headers).status_code for client in clients} == {200}
        assert owner.delete(f"{path}/{member}").status_code == 204
        assert {client.get(path, headers=headers).status_code for client in clients} == {404}
