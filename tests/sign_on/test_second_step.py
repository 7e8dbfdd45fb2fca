"""Signing in elsewhere asks for the second factor here, where there is one."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.factories import Person
from tests.records import done
from tests.second_factors import finish, turn_on_app
from tests.sign_on.fake_provider import FakeProvider
from tests.sign_on.flow import sign_in, verify

ACCESS_COOKIE = "__Host-stint_access"


@pytest.fixture
def codes(alice: Person, provider: FakeProvider, database: str) -> list[str]:
    """Alice's recovery codes: she has an app here, and an account at the provider."""
    verify(database, alice)
    provider.account["email"] = alice.email
    _, codes = turn_on_app(alice)
    return codes


def test_a_program_is_asked_for_it(
    ada: Person, provider: FakeProvider, alice: Person, codes: list[str]
) -> None:
    answer = sign_in(ada, provider)
    problem = answer.get_json()
    assert (answer.status_code, problem["code"]) == (401, "second_factor_required")
    ada.tokens = done(finish(ada, problem["challenge"], recovery_code=codes[0]))
    assert done(ada.get("/users/me"))["id"] == alice.id
    opened, *_ = done(ada.get("/audit?action=session.opened"))
    assert opened["ways"] == ["oidc", "recovery_code"]


def test_a_browser_takes_the_question_along(
    ada: Person, provider: FakeProvider, alice: Person, codes: list[str]
) -> None:
    answer = sign_in(ada, provider, cookies=True, return_to="/docs?a=b#top")
    place = urlsplit(answer.headers["Location"])
    asked = parse_qs(place.fragment)
    assert (answer.status_code, place.path, place.query) == (303, "/docs", "a=b")
    assert asked["methods"] == ["totp,recovery_code"]
    assert ada.client.get_cookie(ACCESS_COOKIE) is None
    (challenge,) = asked["second_factor"]
    done(finish(ada, challenge, recovery_code=codes[0], cookies=True))
    assert done(ada.get("/users/me"))["id"] == alice.id
