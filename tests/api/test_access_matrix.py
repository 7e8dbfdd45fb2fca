"""Who may do what: every route, asked by everybody about things of other people.

What one cannot see is 404, what one sees but may not do is 403, and without signing in it is 401.
"""

import re
from collections.abc import Iterator

import pytest
from flask import Flask

from api.contract import Access
from services.identity_providers import identity_providers
from tests.api.access_world import (
    GITHUB,
    ROLES,
    SIGNED_IN,
    Guests,
    Ids,
    Role,
    agents,
    ask,
    differs,
    people,
    with_own_session,
)
from tests.api.rights import RIGHTS, Place, Statuses, contracts
from tests.crowd import crowd
from tests.factories import Person, make_admin, sign_up
from tests.records import refusal
from tests.server import Server

FIRST_VERSION = '"v1"'

# These cost whoever sends them all their sessions, or leave something that others would meet:
# somebody new does.
LAST_ACTS = [
    "DELETE /users/me",
    "DELETE /auth/sessions",
    "DELETE /users/me/tokens",
    "POST /users/me/totp",
    "POST /users/me/verification",
    "POST /users/me/email",
    "POST /users/me/password",
]
LOGOUT = "POST /auth/logout"

PLACES: tuple[Place, ...] = ("in_project", "personal")
# Agents own neither projects nor agents.
PEOPLE_ONLY = ["POST /projects", "POST /agents"]
# What they claim is in test_claims.py.
AGENTS_ONLY = ["POST /agents/me/claim"]
FOR_AGENTS = [route for route in RIGHTS if route not in PEOPLE_ONLY + AGENTS_ONLY]
HIDDEN = [route for route, rights in RIGHTS.items() if rights.in_project[1] == 404]
# One's own time and agents are one's own wherever they were at work, and the trash shows owners
# what has to come back first.
OWN = (
    "entry_id",
    "agent_id",
    "session_id",
    "token_id",
    "identity_id",
    "notification_id",
    "trash",
)
HIDDEN_FROM_OWNERS = [route for route in HIDDEN if not any(word in route for word in OWN)]
UNVERSIONED = re.compile("/auth/|/sessions|/totp|/passkeys/|/tokens/|/identities/|/jobs/")
CHANGES = [
    route
    for route in RIGHTS
    if route.endswith(("/move", "/skip"))
    or (
        route.startswith(("PATCH", "DELETE"))
        and not UNVERSIONED.search(route)
        and route not in LAST_ACTS
    )
]
CHANGES_BY_AGENTS = [route for route in CHANGES if RIGHTS[route].admin is None]


@pytest.fixture(scope="module", autouse=True)
def provider() -> Iterator[None]:
    """One to sign in with, from which nobody comes back."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(identity_providers, "github", GITHUB)
        yield


@pytest.fixture(scope="module")
def humans(app: Flask) -> Guests:
    """People; whatever they are granted to change is made for that alone."""
    return people(app)


@pytest.fixture(scope="module")
def things(humans: Guests) -> dict[Place, Ids]:
    """What they keep."""
    return {place: make(humans, place) for place in PLACES}


@pytest.fixture(scope="module")
def robots(humans: Guests) -> Guests:
    """Agents, likewise."""
    return agents(humans)


@pytest.fixture(scope="module")
def things_of_robots(robots: Guests) -> dict[Place, Ids]:
    """What agents keep."""
    return {place: make(robots, place) for place in PLACES}


@pytest.fixture(scope="module")
def admin(app: Flask) -> Person:
    """Somebody who administers the installation, and belongs to no project."""
    return make_admin(app, "Admin")


def is_the_same_for_all(route: str) -> bool:
    """True where nobody looks at who asks, or somebody new has to: a role plays no part."""
    return contracts()[route].access is Access.PUBLIC or route in LAST_ACTS


def cases_of(route: str) -> Iterator[tuple[Place, Role, int]]:
    """Whom to let ask a route about what, and the status that RIGHTS says they get."""
    for place in PLACES:
        statuses: Statuses | None = getattr(RIGHTS[route], place)
        if statuses is not None:
            cases = zip(ROLES, statuses, strict=True)
            for role, status in list(cases)[: 2 if is_the_same_for_all(route) else None]:
                yield place, role, status


def changes_something(route: str, status: int) -> bool:
    """True for requests that must not meet things which other tests use."""
    return status < 300 and not route.startswith("GET")


def make(guests: Guests, place: Place) -> Ids:
    """Make new things."""
    return guests.project() if place == "in_project" else guests.personal()


def test_every_route_has_its_rights_written_down() -> None:
    assert set(contracts()) == set(RIGHTS)


def test_a_route_is_for_everybody_only_where_it_says_so() -> None:
    public = {route for route, each in contracts().items() if each.access is Access.PUBLIC}
    assert public == {route for route, rights in RIGHTS.items() if rights.in_project[0] != 401}


def test_whoever_may_ask_as_anybody_gets_the_same() -> None:
    """So two of them are enough to ask; see cases_of."""
    routes = filter(is_the_same_for_all, RIGHTS)
    assert {len(set(RIGHTS[route].in_project[1:])) for route in routes} == {1}


@pytest.mark.parametrize("route", RIGHTS)
def test_people_get_what_their_role_gives(
    app: Flask, database: str, humans: Guests, things: dict[Place, Ids], route: str
) -> None:
    wrong = []
    for place, role, expected in cases_of(route):
        guest, ids = humans.by_role[role], things[place]
        if route in LAST_ACTS and guest.tokens:
            guest = sign_up(app, role)
        elif changes_something(route, expected):
            ids = make(humans, place)
        if route == LOGOUT and guest.tokens:
            guest = with_own_session(database, guest)
        wrong += differs(ask(guest, route, ids, RIGHTS[route].parts), expected, place, role)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("route", FOR_AGENTS)
def test_agents_get_what_their_role_gives(
    robots: Guests, things_of_robots: dict[Place, Ids], route: str
) -> None:
    headers = {"If_Match": FIRST_VERSION} if route in CHANGES else {}
    takes_a_session = contracts()[route].access in (Access.SESSION, Access.ADMIN)
    wrong = []
    for place, role, as_person in cases_of(route):
        owns_nothing = role == "owner" and (place == "in_project" or "agent_id" in route)
        if role == "anonymous" or (owns_nothing and not takes_a_session):
            continue
        guest, ids = robots.by_role[role], things_of_robots[place]
        expected = 403 if takes_a_session else as_person
        if changes_something(route, expected):
            ids = make(robots, place)
        answer = ask(guest, route, ids, RIGHTS[route].parts, **headers)
        wrong += differs(answer, expected, place, role)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("route", PEOPLE_ONLY)
def test_agents_come_to_own_nothing(robots: Guests, route: str) -> None:
    answer = ask(robots.by_role["owner"], route, {}, RIGHTS[route].parts)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "people_only")


def test_administration_is_for_administrators_and_for_them_alone() -> None:
    administration = {route for route, each in contracts().items() if each.access is Access.ADMIN}
    assert administration == {route for route, rights in RIGHTS.items() if rights.admin}


@pytest.mark.parametrize("route", RIGHTS)
def test_an_administrator_is_a_stranger_to_what_people_do(
    app: Flask,
    database: str,
    humans: Guests,
    things: dict[Place, Ids],
    admin: Person,
    route: str,
) -> None:
    wrong = []
    for place, role, as_stranger in cases_of(route):
        if role != "other":
            continue
        guest, ids, expected = admin, things[place], RIGHTS[route].admin or as_stranger
        if route in LAST_ACTS:
            guest = make_admin(app, "Leaving")
        elif route == LOGOUT:
            guest = with_own_session(database, admin)
        if changes_something(route, expected):
            ids = make(humans, place)
        wrong += differs(ask(guest, route, ids, RIGHTS[route].parts), expected, place)
    assert not wrong, "\n".join(wrong)


def test_changes_of_one_thing_take_if_match() -> None:
    conditional = {route for route, each in contracts().items() if each.takes("if_match")}
    assert conditional == set(CHANGES)


def test_agents_must_say_which_version_they_change(
    robots: Guests, things_of_robots: dict[Place, Ids]
) -> None:
    ids = things_of_robots["in_project"]
    refusals = {
        (route, role): refusal(ask(robots.by_role[role], route, ids, RIGHTS[route].parts))
        for route in CHANGES_BY_AGENTS
        for role in SIGNED_IN
    }
    others = {who: what for who, what in refusals.items() if what != (428, "if_match_required")}
    assert others == {}


def assert_gone(person: Person, ids: Ids, routes: list[str]) -> None:
    """For this person there must be nothing of what these routes are about."""
    wrong = []
    for route in routes:
        wrong += differs(ask(person, route, ids, RIGHTS[route].parts), 404, route)
    assert not wrong, "\n".join(wrong)


def test_what_is_in_a_deleted_project_is_gone(humans: Guests) -> None:
    ids = humans.project().complete()
    owner = humans.by_role["owner"]
    assert owner.delete(f"/projects/{ids['project_id']}").status_code == 204
    assert_gone(humans.by_role["viewer"], ids, HIDDEN)
    assert_gone(humans.by_role["editor"], ids, HIDDEN)
    assert_gone(owner, ids, HIDDEN_FROM_OWNERS)


def test_a_removed_member_is_a_stranger(humans: Guests) -> None:
    ids = humans.project().complete()
    editor, owner = humans.by_role["editor"], humans.by_role["owner"]
    assert editor.get(f"/projects/{ids['project_id']}").status_code == 200
    assert owner.delete(f"/projects/{ids['project_id']}/members/{editor.id}").status_code == 204
    assert_gone(editor, ids, HIDDEN)


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
