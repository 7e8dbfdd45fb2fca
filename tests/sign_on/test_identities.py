"""Accounts elsewhere that open one's own: linked, listed and unlinked."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from services.identity_providers import identity_providers
from tests.api.access_world import make_agent
from tests.authenticator import Authenticator
from tests.factories import Person
from tests.records import done, refusal
from tests.second_factors import confirm, confirmed_by, register, sign_in_by_passkey
from tests.sign_on.fake_provider import FakeProvider
from tests.sign_on.flow import (
    come_back,
    leave_to_link,
    link,
    refused,
    sign_in,
    signed_in,
    verify,
)
from tests.sql import connect, number, rows
from tests.waiting import wait_until


def identities_of(person: Person) -> list[dict[str, Any]]:
    answer = person.get("/users/me/identities")
    assert answer.status_code == 200, answer.text
    listed: list[dict[str, Any]] = answer.get_json()
    return listed


def another_account(provider: FakeProvider) -> None:
    """Let the provider know its person by another subject from now on."""
    provider.account["sub"] = uuid.uuid4().hex


# By address


def test_a_verified_account_of_the_same_address_is_opened(
    ada: Person, alice: Person, provider: FakeProvider, database: str
) -> None:
    verify(database, alice)
    provider.account["email"] = alice.email.upper()
    assert signed_in(ada, provider).id == alice.id
    assert [each["email"] for each in identities_of(alice)] == [alice.email]


def test_an_account_that_nobody_has_verified_is_not_opened(
    ada: Person, alice: Person, provider: FakeProvider
) -> None:
    provider.account["email"] = alice.email
    said = refused(sign_in(ada, provider), 409, "account_exists")
    assert "with its password and link Example there" in said
    assert identities_of(alice) == []


def test_an_unverified_address_there_opens_no_verified_account(
    ada: Person, alice: Person, provider: FakeProvider, database: str
) -> None:
    verify(database, alice)
    provider.account |= {"email": alice.email, "email_verified": False}
    refused(sign_in(ada, provider), 400, "address_unverified")
    assert identities_of(alice) == []


def test_an_address_that_only_looks_like_another_does_not_open_its_account(
    ada: Person, alice: Person, provider: FakeProvider, database: str
) -> None:
    verify(database, alice)
    rows(
        database,
        "UPDATE users SET email = 'mike-' || email WHERE id = %(id)s",
        {"id": alice.id},
    )
    provider.account["email"] = f"mi\N{KELVIN SIGN}e-{alice.email}"
    refused(sign_in(ada, provider), 400, "address_unverified")
    assert identities_of(alice) == []


def test_a_disabled_account_of_the_same_address_is_not_opened(
    ada: Person, alice: Person, provider: FakeProvider, database: str
) -> None:
    verify(database, alice)
    rows(database, "UPDATE users SET is_active = false WHERE id = %(id)s", {"id": alice.id})
    provider.account["email"] = alice.email
    refused(sign_in(ada, provider), 401, "account_disabled")


def test_an_account_that_is_deleted_at_this_moment_is_not_opened(
    ada: Person, alice: Person, provider: FakeProvider, database: str
) -> None:
    verify(database, alice)
    provider.account["email"] = alice.email
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    gone = "UPDATE users SET email = NULL, is_active = false WHERE id = %s"
    with connect(database) as other, ThreadPoolExecutor(1) as pool:
        with other.transaction():  # what the service does, halfway
            other.execute("SELECT FROM users WHERE id = %s FOR UPDATE", [alice.id])
            other.execute(gone, [alice.id])
            asked = pool.submit(signed_in, ada, provider)
            wait_until(lambda: asked.done() or number(database, waiting) > 0)
        assert asked.result().id != alice.id


def test_an_agent_is_not_opened(
    ada: Person, alice: Person, provider: FakeProvider, database: str
) -> None:
    agent = make_agent(alice)
    address = {"id": agent.id, "email": provider.account["email"]}
    rows(database, "UPDATE users SET email = %(email)s WHERE id = %(id)s", address)
    verify(database, agent)
    refused(sign_in(ada, provider), 409, "account_exists")


# By linking


def test_a_linked_account_opens_one_s_own_whatever_its_address(
    ada: Person, alice: Person, provider: FakeProvider
) -> None:
    answer = come_back(alice, provider.allow(leave_to_link(alice, return_to="/docs")))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/docs")
    assert signed_in(ada, provider).id == alice.id


def test_linking_signs_nobody_in(app: Flask, alice: Person, provider: FakeProvider) -> None:
    answer = link(alice, provider)
    names = [line.split("=")[0] for line in answer.headers.getlist("Set-Cookie")]
    assert names == ["__Host-stint_sign_on"]  # which it deletes


def test_a_link_says_what_it_is(alice: Person, provider: FakeProvider) -> None:
    link(alice, provider)
    (identity,) = identities_of(alice)
    assert set(identity) == {"id", "provider", "email", "created_at", "last_used_at"}
    assert (identity["provider"], identity["email"]) == ("oidc", provider.account["email"])


def test_using_a_link_renews_what_it_says(
    ada: Person, alice: Person, provider: FakeProvider
) -> None:
    link(alice, provider)
    (before,) = identities_of(alice)
    provider.account["email"] = "ada.king@example.org"
    signed_in(ada, provider)
    (after,) = identities_of(alice)
    assert after["email"] == "ada.king@example.org"
    assert after["last_used_at"] > before["last_used_at"] == before["created_at"]


def test_several_accounts_open_one(ada: Person, alice: Person, provider: FakeProvider) -> None:
    for _ in range(2):
        link(alice, provider)
        assert signed_in(ada, provider).id == alice.id
        another_account(provider)
    assert len(identities_of(alice)) == 2
    assert 'rel="next"' in alice.get("/users/me/identities?limit=1").headers["Link"]


def test_linking_twice_is_linking_once(alice: Person, provider: FakeProvider) -> None:
    assert [link(alice, provider).status_code for _ in range(2)] == [303, 303]
    assert len(identities_of(alice)) == 1


def test_what_opens_one_account_opens_no_other(
    alice: Person, bob: Person, provider: FakeProvider
) -> None:
    link(alice, provider)
    refused(link(bob, provider), 409, "identity_taken")
    assert identities_of(bob) == []


def test_only_a_verified_address_is_linked(alice: Person, provider: FakeProvider) -> None:
    provider.account["email_verified"] = False
    refused(link(alice, provider), 400, "address_unverified")
    assert identities_of(alice) == []


def test_linking_and_unlinking_take_a_confirmation(alice: Person, provider: FakeProvider) -> None:
    """Else whoever finds a session leaves a way in that outlasts it."""
    link(alice, provider)
    (identity,) = identities_of(alice)
    for method, path in (
        ("POST", "/users/me/identities/oidc"),
        ("DELETE", f"/users/me/identities/{identity['id']}"),
    ):
        assert refusal(confirm(alice, path, method, password="x")) == (403, "wrong_password")
        answer = alice.send(method, path, headers={}, json={})
        assert refusal(answer) == (403, "confirmation_required")
    assert len(identities_of(alice)) == 1


def test_nobody_links_for_a_session_that_ended_meanwhile(
    alice: Person, provider: FakeProvider
) -> None:
    question = provider.allow(leave_to_link(alice))
    assert alice.delete("/auth/sessions").status_code == 204
    refused(come_back(alice, question), 401, "session_over")


def test_nobody_links_in_the_browser_of_another(
    alice: Person, bob: Person, provider: FakeProvider
) -> None:
    """Else Alice could be brought to let what Bob has there open her account, or the reverse."""
    question = provider.allow(leave_to_link(alice))
    refused(come_back(bob, question), 400, "sign_on_other_browser")


def test_the_same_subject_of_another_issuer_is_somebody_else(
    ada: Person, alice: Person, provider: FakeProvider, database: str
) -> None:
    link(alice, provider)
    query = "UPDATE identities SET issuer = 'https://former.example' WHERE user_id = %(id)s"
    rows(database, query, {"id": alice.id})
    assert signed_in(ada, provider).id != alice.id


# Unlinking


def test_what_was_unlinked_opens_nothing(
    ada: Person, alice: Person, provider: FakeProvider
) -> None:
    link(alice, provider)
    (identity,) = identities_of(alice)
    path = f"/users/me/identities/{identity['id']}"
    assert [confirm(alice, path, "DELETE").status_code for _ in range(2)] == [204, 404]
    assert signed_in(ada, provider).id != alice.id


def test_nobody_unlinks_what_others_have(
    alice: Person, bob: Person, provider: FakeProvider
) -> None:
    link(alice, provider)
    (identity,) = identities_of(alice)
    assert confirm(bob, f"/users/me/identities/{identity['id']}", "DELETE").status_code == 404
    assert len(identities_of(alice)) == 1


def test_the_last_way_in_stays(ada: Person, provider: FakeProvider) -> None:
    account = signed_in(ada, provider)
    (identity,) = identities_of(account)
    answer = account.delete(f"/users/me/identities/{identity['id']}")
    assert "set a password" in refused(answer, 409, "last_way_in")
    assert signed_in(ada, provider).id == account.id


def test_a_link_to_a_provider_that_is_gone_is_no_way_in(
    ada: Person, provider: FakeProvider, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = signed_in(ada, provider)
    rows(
        database,
        "INSERT INTO identities (id, user_id, provider, issuer, subject, email, created_at,"
        " last_used_at) VALUES (gen_random_uuid(), %(id)s::uuid, 'github', 'https://github.com',"
        " %(id)s::text, '', now(), now())",
        {"id": account.id},
    )
    identity = next(each for each in identities_of(account) if each["provider"] == "oidc")
    path = f"/users/me/identities/{identity['id']}"
    refused(account.delete(path), 409, "last_way_in")


def test_of_two_that_are_unlinked_at_once_one_stays(
    ada: Person, provider: FakeProvider, database: str
) -> None:
    account = signed_in(ada, provider)
    another_account(provider)
    assert link(account, provider, password=None).status_code == 303
    first, second = identities_of(account)
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    with connect(database) as other, ThreadPoolExecutor(1) as pool:
        with other.transaction():  # what the service does, halfway
            other.execute("SELECT FROM users WHERE id = %s FOR NO KEY UPDATE", [account.id])
            other.execute("DELETE FROM identities WHERE id = %s", [first["id"]])
            asked = pool.submit(account.delete, f"/users/me/identities/{second['id']}")
            wait_until(lambda: asked.done() or number(database, waiting) > 0)
        refused(asked.result(), 409, "last_way_in")


def test_a_link_to_a_known_provider_can_be_the_last(ada: Person, provider: FakeProvider) -> None:
    account = signed_in(ada, provider)
    assert "oidc" in identity_providers
    another_account(provider)
    link(account, provider, password=None)
    newest, _ = identities_of(account)
    assert account.delete(f"/users/me/identities/{newest['id']}").status_code == 204


# Without a password


def test_who_has_no_password_confirms_by_having_just_signed_in(
    ada: Person, provider: FakeProvider, database: str
) -> None:
    account = signed_in(ada, provider)
    age = "UPDATE sessions SET created_at = now() - interval '5 minutes' WHERE user_id = %(id)s"
    rows(database, age, {"id": account.id})
    for method, path in (("POST", "/users/me/totp"), ("DELETE", "/users/me")):
        assert refusal(account.send(method, path, headers={})) == (403, "sign_in_again")
        assert refusal(confirm(account, path, method)) == (403, "no_password")
    again = signed_in(ada, provider)
    assert refusal(account.delete("/users/me")) == (403, "sign_in_again")  # that session is as old
    done(again.delete("/users/me"))
    assert signed_in(ada, provider).id != account.id


def test_who_signs_in_by_passkey_and_provider_alone_deletes_their_account(
    ada: Person, provider: FakeProvider, database: str
) -> None:
    account = signed_in(ada, provider)
    authenticator = Authenticator()
    options = done(account.post("/users/me/passkeys/options"))["public_key"]
    done(register(account, authenticator.create(options)))
    account.tokens = done(sign_in_by_passkey(ada, authenticator))
    rows(database, "UPDATE sessions SET created_at = now() - interval '1 day'")
    assert refusal(account.delete("/users/me")) == (403, "sign_in_again")
    body = confirmed_by(authenticator, account)
    done(account.send("DELETE", "/users/me", headers={}, json=body))
    assert account.get("/users/me").status_code == 401
