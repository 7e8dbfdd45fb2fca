"""Signing up, in and out, and renewing a session."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import jwt
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from config import settings
from tests.api.access_world import make_agent
from tests.crowd import at_once, crowd
from tests.factories import PASSWORD, Person, email_of, log_in
from tests.server import Client, Server
from tests.sql import rows
from tests.waiting import wait_until
from utils.helpers import utc_now


def refresh(person: Person, token: str) -> TestResponse:
    return person.post("/auth/refresh", {"refresh_token": token})


def attempt(person: Person, **credentials: Any) -> TestResponse:
    """Sign in with somebody's credentials, or others."""
    return person.post("/auth/login", {"email": person.email, "password": PASSWORD} | credentials)


def outcome(answer: TestResponse) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Everything that one learns from an answer, without what differs each time."""
    problem: dict[str, Any] = answer.get_json()
    headers = {name: value for name, value in answer.headers.items() if name != "X-Request-Id"}
    del problem["request_id"]
    return answer.status_code, problem, headers


def assert_signed_out(answer: TestResponse) -> None:
    assert (answer.status_code, answer.get_json()["code"]) == (401, "session_over")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@contextmanager
def everywhere(server: Server, person: Person) -> Iterator[list[Client]]:
    """Connections to both workers, which both know this person's session."""
    with crowd(server, 4) as clients:
        for client in clients:
            client.headers["Authorization"] = f"Bearer {person.tokens['access_token']}"
        assert statuses(clients) == {200}
        yield clients


def statuses(clients: list[Client]) -> set[int]:
    return {client.get("/users/me").status_code for client in clients}


def disable(database: str, person: Person) -> None:
    rows(database, "UPDATE users SET is_active = false WHERE id = %(id)s", {"id": person.id})


# Signing up


@pytest.mark.parametrize("password", ["1234567890", "PASSWORD123", "mcdonalds1"])
def test_a_common_password_is_refused_however_it_is_written(
    anonymous: Person, password: str
) -> None:
    account = {"email": email_of("Ada"), "password": password, "name": "Ada"}
    answer = anonymous.post("/users", account)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "common_password")


@pytest.mark.parametrize("password", ["", "nine char", "x" * 201, "ten chars\0", None, 1234567890])
def test_a_password_that_does_not_fit_is_refused(anonymous: Person, password: Any) -> None:
    account = {"email": email_of("Ada"), "password": password, "name": "Ada"}
    answer = anonymous.post("/users", account)
    assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, "body.password")


def test_a_refused_password_is_not_repeated(anonymous: Person) -> None:
    answer = anonymous.post("/users", {"email": "x", "password": "canary", "name": "Ada"})
    assert answer.status_code == 422
    assert "canary" not in answer.text


def test_a_new_account_can_sign_in_only_with_its_password(alice: Person) -> None:
    assert attempt(alice).status_code == 200
    assert attempt(alice, password=PASSWORD + " ").status_code == 401


# Signing in


def test_signing_in_returns_tokens_that_work(alice: Person) -> None:
    tokens = attempt(alice).get_json()
    answer = alice.get("/users/me", Authorization=f"Bearer {tokens['access_token']}")
    assert answer.get_json()["id"] == alice.id


def test_signing_in_tells_how_long_the_token_lives(alice: Person) -> None:
    tokens = attempt(alice).get_json()
    lifetime = settings.access_token_minutes * 60
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", lifetime)


def test_signing_in_takes_the_address_however_it_is_written(alice: Person) -> None:
    assert attempt(alice, email=alice.email.upper()).status_code == 200


def test_a_wrong_password_is_refused(alice: Person) -> None:
    answer = attempt(alice, password="not " + PASSWORD)
    assert (answer.status_code, answer.get_json()["code"]) == (401, "wrong_credentials")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_unknown_and_known_accounts_get_the_same_answer(alice: Person) -> None:
    known = attempt(alice, password="not " + PASSWORD)
    unknown = attempt(alice, email=email_of("Nobody"))
    assert outcome(unknown) == outcome(known)


def test_a_disabled_account_gets_the_answer_of_an_unknown_one(database: str, alice: Person) -> None:
    unknown = attempt(alice, email=email_of("Nobody"))
    disable(database, alice)
    assert outcome(attempt(alice)) == outcome(unknown)


def test_an_agent_cannot_sign_in(database: str, alice: Person) -> None:
    agent = replace(make_agent(alice), email=email_of("Agent"))
    query = "UPDATE users SET email = %(email)s WHERE id = %(id)s"
    rows(database, query, {"email": agent.email, "id": agent.id})
    assert outcome(attempt(agent)) == outcome(attempt(agent, email=email_of("Nobody")))


def test_signing_in_ignores_an_idempotency_key(alice: Person) -> None:
    body = {"email": alice.email, "password": PASSWORD}
    first, second = (
        alice.post("/auth/login", body, Idempotency_Key=f"key-of-{alice.id}") for _ in range(2)
    )
    assert first.get_json()["refresh_token"] != second.get_json()["refresh_token"]
    assert "Idempotency-Replayed" not in second.headers


# Renewing


def refresh_id(tokens: dict[str, Any]) -> str:
    claims = jwt.decode(tokens["refresh_token"], options={"verify_signature": False})
    return str(claims["jti"])


def forget_grace(database: str, person: Person) -> None:
    """Let it be a while since somebody's session was refreshed."""
    query = "UPDATE sessions SET last_used_at = now() - interval '11 s' WHERE user_id = %(id)s"
    rows(database, query, {"id": person.id})


def within_hours(moment: str, hours: int) -> bool:
    return utc_now() < datetime.fromisoformat(moment) < utc_now() + timedelta(hours=hours)


def test_refreshing_returns_tokens_that_work(alice: Person) -> None:
    renewed = refresh(alice, alice.tokens["refresh_token"]).get_json()
    assert renewed["refresh_token"] != alice.tokens["refresh_token"]
    alice.tokens = renewed
    assert alice.get("/users/me").status_code == 200
    assert refresh(alice, renewed["refresh_token"]).status_code == 200


def test_refreshing_takes_no_access_token(app: Flask, alice: Person) -> None:
    stranger = Person(app.test_client())
    assert refresh(stranger, alice.tokens["refresh_token"]).status_code == 200


def test_a_client_that_lost_the_answer_refreshes_again_within_seconds(alice: Person) -> None:
    spent = alice.tokens["refresh_token"]
    lost, got = (refresh(alice, spent).get_json() for _ in range(2))
    assert refresh_id(lost) == refresh_id(got)
    assert refresh(alice, got["refresh_token"]).status_code == 200


def test_a_refresh_token_spent_a_while_ago_ends_its_session(database: str, alice: Person) -> None:
    spent = alice.tokens["refresh_token"]
    alice.tokens = refresh(alice, spent).get_json()
    forget_grace(database, alice)
    answer = refresh(alice, spent)
    assert (answer.status_code, answer.get_json()["code"]) == (401, "refresh_token_reused")
    assert_signed_out(alice.get("/users/me"))
    assert_signed_out(refresh(alice, alice.tokens["refresh_token"]))


def test_a_refresh_token_spent_twice_over_has_no_grace(alice: Person) -> None:
    spent = alice.tokens["refresh_token"]
    again = refresh(alice, spent).get_json()
    assert refresh(alice, again["refresh_token"]).status_code == 200
    assert refresh(alice, spent).get_json()["code"] == "refresh_token_reused"


def test_a_session_ends_however_often_it_is_refreshed(database: str, alice: Person) -> None:
    rows(
        database,
        "UPDATE sessions SET created_at = now() - %(days)s * interval '1 day' + interval '1 h'"
        " WHERE user_id = %(id)s",
        {"id": alice.id, "days": settings.session_days},
    )
    assert refresh(alice, alice.tokens["refresh_token"]).status_code == 200
    (session,) = alice.get("/auth/sessions").get_json()
    assert within_hours(session["expires_at"], 1)


def test_refreshes_at_once_leave_at_most_one_lineage(server: Server, alice: Person) -> None:
    body = {"refresh_token": alice.tokens["refresh_token"]}
    with crowd(server, 8) as clients:
        answers = at_once([partial(each.post, "/auth/refresh", json=body) for each in clients])
    assert {answer.status_code for answer in answers} <= {200, 401}
    renewed = [answer.json() for answer in answers if answer.status_code == 200]
    assert len({refresh_id(tokens) for tokens in renewed}) <= 1


@pytest.mark.parametrize("ending", ["expires_at = now()", "revoked_at = now()"])
def test_a_session_that_is_over_cannot_be_renewed(
    database: str, alice: Person, ending: str
) -> None:
    query = f"UPDATE sessions SET {ending} WHERE user_id = %(id)s"  # noqa: S608 - a constant
    rows(database, query, {"id": alice.id})
    assert_signed_out(refresh(alice, alice.tokens["refresh_token"]))


def test_renewing_puts_off_the_end_of_a_session(database: str, alice: Person) -> None:
    me = {"id": alice.id}
    rows(database, "UPDATE sessions SET expires_at = now() + '1 h' WHERE user_id = %(id)s", me)
    assert refresh(alice, alice.tokens["refresh_token"]).status_code == 200
    query = (
        "SELECT extract(day FROM expires_at - now()) AS days FROM sessions WHERE user_id = %(id)s"
    )
    (left,) = rows(database, query, me)
    assert left["days"] == settings.refresh_token_days - 1  # and some hours


# Signing out


def test_signing_out_voids_the_access_token(alice: Person) -> None:
    assert alice.post("/auth/logout").status_code == 204
    assert_signed_out(alice.get("/users/me"))


def test_signing_out_voids_the_refresh_token(alice: Person) -> None:
    assert alice.post("/auth/logout").status_code == 204
    assert_signed_out(refresh(alice, alice.tokens["refresh_token"]))


def test_signing_out_voids_tokens_from_before_a_refresh(alice: Person) -> None:
    earlier = f"Bearer {alice.tokens['access_token']}"
    alice.tokens = refresh(alice, alice.tokens["refresh_token"]).get_json()
    assert alice.get("/users/me", Authorization=earlier).status_code == 200
    assert alice.post("/auth/logout").status_code == 204
    assert_signed_out(alice.get("/users/me", Authorization=earlier))


def test_signing_out_ends_one_session_only(alice: Person) -> None:
    elsewhere = Person(alice.client, alice.id, alice.email)
    log_in(elsewhere)
    assert alice.post("/auth/logout").status_code == 204
    assert elsewhere.get("/users/me").status_code == 200


def test_signing_out_counts_at_every_worker(server: Server, alice: Person) -> None:
    with everywhere(server, alice) as clients:
        assert clients[0].post("/auth/logout").status_code == 204
        wait_until(lambda: statuses(clients) == {401})


def test_a_disabled_account_is_signed_out_everywhere(
    database: str, server: Server, alice: Person
) -> None:
    with everywhere(server, alice) as clients:
        disable(database, alice)
        wait_until(lambda: statuses(clients) == {401})


def test_an_account_enabled_again_goes_on_where_it_was(database: str, alice: Person) -> None:
    disable(database, alice)
    wait_until(lambda: alice.get("/users/me").status_code == 401)
    rows(database, "UPDATE users SET is_active = true WHERE id = %(id)s", {"id": alice.id})
    assert alice.get("/users/me").status_code == 200


def test_a_disabled_account_cannot_refresh(database: str, alice: Person) -> None:
    disable(database, alice)
    assert_signed_out(refresh(alice, alice.tokens["refresh_token"]))
