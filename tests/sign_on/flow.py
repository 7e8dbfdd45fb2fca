"""The way to a provider and back."""

from typing import Any

from werkzeug.test import TestResponse

from tests.factories import PASSWORD, Person
from tests.sign_on.fake_provider import FakeProvider
from tests.sql import rows

STATE_COOKIE = "__Host-stint_sign_on"


def leave(person: Person, provider: str = "oidc", **body: Any) -> str:
    """Start to sign in; returns the address at the provider."""
    return address(person.post(f"/auth/sign-on/{provider}", body))


def leave_to_link(person: Person, provider: str = "oidc", **body: Any) -> str:
    """Start to link, confirmed by the password; returns the address at the provider."""
    confirmed = {"password": PASSWORD} | body
    return address(person.post(f"/users/me/identities/{provider}", confirmed))


def address(answer: TestResponse) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.get_json()["authorization_url"])


def come_back(person: Person, question: str, provider: str = "oidc") -> TestResponse:
    """Be sent back by the provider."""
    return person.get(f"/auth/sign-on/{provider}/callback?{question}")


def sign_in(person: Person, provider: FakeProvider, **body: Any) -> TestResponse:
    """Go there and back again."""
    return come_back(person, provider.allow(leave(person, **body)))


def signed_in(person: Person, provider: FakeProvider) -> Person:
    """Go there and back again; returns the person with their tokens."""
    answer = sign_in(person, provider)
    assert answer.status_code == 200, answer.text
    signed = Person(person.client, tokens=answer.get_json())
    me = signed.get("/users/me").get_json()
    signed.id, signed.email = me["id"], me["email"]
    return signed


def link(person: Person, provider: FakeProvider, **body: Any) -> TestResponse:
    """Link what one has there."""
    return come_back(person, provider.allow(leave_to_link(person, **body)))


def refused(answer: TestResponse, status: int, code: str) -> str:
    """Return what a refusal says, if it is this one."""
    assert (answer.status_code, answer.get_json().get("code")) == (status, code), answer.text
    return str(answer.get_json()["detail"])


def verify(database: str, person: Person) -> None:
    """Let this service have seen that somebody's address is theirs."""
    rows(database, "UPDATE users SET verified = true WHERE id = %(id)s", {"id": person.id})
