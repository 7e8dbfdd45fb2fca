"""Scopes: a route lets pass the scope that it declares, and writing includes reading.

Every route is asked with every scope, by somebody who sees nothing of what it is about.
"""

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from api.contract import Access
from models.scope import Scope
from tests.api.access_world import Guests, Ids, ask, people
from tests.api.rights import RIGHTS, contracts
from tests.factories import Person, sign_up, with_token
from tests.records import refusal
from tests.sql import rows

SCOPED = [route for route, contract in contracts().items() if isinstance(contract.access, Scope)]
WITHOUT_TOKENS = [
    route
    for route, contract in contracts().items()
    if contract.access in (Access.SESSION, Access.ADMIN)
]


@pytest.fixture(scope="module")
def humans(app: Flask) -> Guests:
    return people(app)


@pytest.fixture(scope="module")
def things(humans: Guests) -> Ids:
    return humans.project()


@pytest.fixture(scope="module")
def strangers(humans: Guests) -> dict[Scope, Person]:
    """Somebody who belongs to no project, with a token of each scope."""
    return {scope: with_token(humans.by_role["other"], scope) for scope in Scope}


@pytest.fixture(scope="module")
def owners(humans: Guests) -> dict[Scope, Person]:
    """The owner of things, with a token of each scope."""
    return {scope: with_token(humans.host, scope) for scope in Scope}


def lets_pass(scope: Scope, wanted: Scope) -> bool:
    """What is said of scopes, in other words than the service's."""
    return scope == wanted or scope == wanted.replace(":read", ":write")


@pytest.mark.parametrize("route", SCOPED)
def test_a_route_takes_its_scope_and_no_other(
    strangers: dict[Scope, Person], things: Ids, route: str
) -> None:
    wanted = contracts()[route].access
    assert isinstance(wanted, Scope)
    for scope, stranger in strangers.items():
        answer = ask(stranger, route, things, RIGHTS[route].parts)
        if lets_pass(scope, wanted):
            assert answer.status_code == RIGHTS[route].in_project[1], (scope, answer.text)
        else:
            assert refusal(answer) == (403, "scope_missing"), scope
            assert wanted in answer.get_json()["detail"]


@pytest.mark.parametrize("route", SCOPED)
def test_one_scope_is_enough_for_all_that_a_route_does(
    humans: Guests, owners: dict[Scope, Person], things: Ids, route: str
) -> None:
    wanted = contracts()[route].access
    assert isinstance(wanted, Scope)
    ids = things if route.startswith("GET") else humans.project()
    answer = ask(owners[wanted], route, ids, RIGHTS[route].parts)
    assert answer.status_code == RIGHTS[route].in_project[4], answer.text


def test_a_scope_to_read_changes_nothing() -> None:
    scopes = {route: contracts()[route].access for route in SCOPED}
    writes = {route for route, each in scopes.items() if isinstance(each, Scope) and each.is_write}
    assert writes == {route for route in SCOPED if not route.startswith("GET")}


@pytest.fixture(scope="module")
def admin(app: Flask, database: str) -> Person:
    """An administrator with a token of all scopes."""
    person = sign_up(app, "Admin")
    rows(database, "UPDATE users SET role = 'admin' WHERE id = %(id)s", {"id": person.id})
    return with_token(person)


def test_no_token_does_what_takes_a_session(admin: Person, things: Ids) -> None:
    answers = {route: ask(admin, route, things, RIGHTS[route].parts) for route in WITHOUT_TOKENS}
    others = {each: answer.text for each, answer in answers.items() if not is_for_sessions(answer)}
    assert others == {}


def is_for_sessions(answer: TestResponse) -> bool:
    return refusal(answer) == (403, "session_only")


def test_every_scope_is_of_use() -> None:
    """One that no route declares could be given and would promise nothing."""
    assert set(Scope) <= {contract.access for contract in contracts().values()}
