"""GitHub, which signs nothing and is asked who somebody is."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from services.identity_providers import identity_providers
from services.sign_on.github import GitHubProvider
from tests.factories import Person, email_of
from tests.sign_on.conftest import CLIENT
from tests.sign_on.fake_provider import FakeProvider, in_json
from tests.sign_on.flow import come_back, leave, refused
from tests.sql import rows


@pytest.fixture
def github(provider: FakeProvider, monkeypatch: pytest.MonkeyPatch, database: str) -> FakeProvider:
    """What stands in for GitHub: an account there that nobody knows yet."""
    known = GitHubProvider(CLIENT, site=provider.url, api=provider.url)
    monkeypatch.setitem(identity_providers, "github", known)
    provider.github_addresses = [
        address(email_of("Second"), primary=False),
        address(email_of("Ada")),
    ]
    return provider


def address(email: str, **fields: bool) -> dict[str, Any]:
    return {"email": email, "primary": True, "verified": True, "visibility": None} | fields


def sign_in(person: Person, github: FakeProvider) -> Any:
    return come_back(person, github.allow(leave(person, "github")), "github")


def test_who_comes_back_from_github_is_signed_in_by_the_primary_address(
    ada: Person, github: FakeProvider
) -> None:
    question = github.allow(leave(ada, "github")) + f"&iss={github.url}/login/oauth"
    tokens = come_back(ada, question, "github").get_json()
    me = ada.get("/users/me", Authorization=f"Bearer {tokens['access_token']}").get_json()
    assert me["email"] == github.github_addresses[1]["email"]
    assert (me["name"], me["verified"]) == ("ada", True)


def test_who_comes_again_from_github_is_known_by_number(
    ada: Person, github: FakeProvider, database: str
) -> None:
    for _ in range(2):
        assert sign_in(ada, github).status_code == 200
        github.github_addresses[1]["email"] = email_of("Renamed")
    query = "SELECT subject FROM identities WHERE issuer = %(issuer)s"
    assert rows(database, query, {"issuer": github.url}) == [{"subject": str(github.github_id)}]


def test_github_is_asked_with_pkce(ada: Person, github: FakeProvider) -> None:
    url = urlsplit(leave(ada, "github"))
    query = dict(parse_qsl(url.query))
    assert url.path == "/login/oauth/authorize"
    assert query["code_challenge_method"] == "S256"
    assert "user:email" in query["scope"]


@pytest.mark.parametrize(
    "addresses",
    [
        [],
        [address("a@example.org", verified=False)],
        [address("a@example.org", primary=False)],
    ],
)
def test_an_address_that_github_has_not_verified_opens_nothing(
    ada: Person, github: FakeProvider, addresses: list[dict[str, Any]]
) -> None:
    github.github_addresses = addresses
    refused(sign_in(ada, github), 400, "address_unverified")


def test_a_code_that_github_does_not_know_is_refused(ada: Person, github: FakeProvider) -> None:
    error = {"error": "bad_verification_code", "error_description": "The code has expired."}
    github.answers["/login/oauth/access_token"] = in_json(error)  # with 200, as GitHub does
    refused(sign_in(ada, github), 400, "sign_on_failed")


@pytest.mark.parametrize("path", ["/user", "/user/emails"])
@pytest.mark.parametrize("answer", [in_json({}), in_json({"message": "Bad"}, 403)])
def test_a_github_that_answers_nonsense_is_away(
    ada: Person, github: FakeProvider, path: str, answer: Any
) -> None:
    github.answers[path] = answer
    refused(sign_in(ada, github), 503, "provider_away")
