"""Confirming that an address is one's own."""

import pytest
from flask import Flask

from models.mail import Letter
from services.worker import worker
from tests.clockify import bring_in, export, line, verify
from tests.factories import PASSWORD, Person, email_of
from tests.letters import last_letter, letters_to
from tests.records import Record, done, event_types, refusal
from tests.sql import rows

LETTERS = 5
INVALID = (400, "mail_token_invalid")


def token_of(person: Person) -> str:
    return last_letter(person.email, Letter.VERIFY).token


def confirm(person: Person, token: str) -> Record:
    proved: Record = done(person.post("/auth/verify-email", {"token": token}))
    return proved


def is_verified(person: Person) -> bool:
    return bool(done(person.get("/users/me"))["verified"])


def expire(database: str, person: Person) -> None:
    query = "UPDATE mail_tokens SET expires_at = now() WHERE user_id = %(id)s"
    rows(database, query, {"id": person.id})


def test_signing_up_sends_a_token_that_verifies_the_address(
    alice: Person, anonymous: Person
) -> None:
    assert confirm(anonymous, token_of(alice)) == {"complete": True}
    assert is_verified(alice)
    assert event_types(alice, f"user:{alice.id}")[-1] == "user.verified"


def test_the_link_keeps_its_token_from_servers(alice: Person) -> None:
    letter = last_letter(alice.email, Letter.VERIFY)
    assert f"http://127.0.0.1:8000/#verify={letter.token}\n" in letter.text
    assert f'href="http://127.0.0.1:8000/#verify={letter.token}"' in letter.html


def test_links_do_not_follow_what_a_client_calls_the_service(anonymous: Person) -> None:
    address = email_of("Carol")
    body = {"email": address, "password": PASSWORD, "name": "Carol"}
    headers = {"Host": "evil.example", "X_Forwarded_Host": "evil.example"}
    done(anonymous.post("/users", body, **headers))
    assert "evil" not in last_letter(address, Letter.VERIFY).text


def test_only_a_hash_of_the_token_is_kept(database: str, alice: Person) -> None:
    token = token_of(alice)
    stored = rows(database, "SELECT * FROM mail_tokens WHERE user_id = %(id)s", {"id": alice.id})
    assert len(stored) == 1
    assert token not in repr(stored)


def test_a_token_works_for_two_days(database: str, alice: Person) -> None:
    worker.run_once()
    (token,) = rows(
        database,
        "SELECT extract(epoch FROM expires_at - now()) AS left FROM mail_tokens"
        " WHERE user_id = %(id)s",
        {"id": alice.id},
    )
    assert 48 * 3600 - 60 < token["left"] <= 48 * 3600


def test_a_token_works_once(alice: Person) -> None:
    token = token_of(alice)
    confirm(alice, token)
    assert refusal(alice.post("/auth/verify-email", {"token": token})) == INVALID


def test_verifications_are_few(alice: Person) -> None:
    for _ in range(LETTERS):
        assert alice.post("/users/me/verification").status_code == 202
    assert refusal(alice.post("/users/me/verification")) == (429, "too_many_attempts")
    assert confirm(alice, token_of(alice)) == {"complete": True}


def test_an_expired_token_is_refused(database: str, alice: Person) -> None:
    token = token_of(alice)
    expire(database, alice)
    assert refusal(alice.post("/auth/verify-email", {"token": token})) == INVALID
    assert not is_verified(alice)


def test_a_newer_token_voids_the_older(alice: Person) -> None:
    older = token_of(alice)
    assert alice.post("/users/me/verification").status_code == 202
    newer = token_of(alice)
    assert refusal(alice.post("/auth/verify-email", {"token": older})) == INVALID
    assert confirm(alice, newer) == {"complete": True}


def test_a_token_for_something_else_is_refused_and_not_spent(alice: Person) -> None:
    verification = token_of(alice)
    assert alice.post("/auth/password-resets", {"email": alice.email}).status_code == 202
    reset = last_letter(alice.email, Letter.RESET).token
    assert refusal(alice.post("/auth/verify-email", {"token": reset})) == INVALID
    body = {"token": verification, "password": "battery staple"}
    assert refusal(alice.post("/auth/password-resets/redeem", body)) == INVALID
    assert confirm(alice, verification) == {"complete": True}
    redeemed = alice.post("/auth/password-resets/redeem", body | {"token": reset})
    assert redeemed.status_code == 204


@pytest.mark.parametrize("token", ["", "guessed", "\0", "x" * 200, "ä"])
def test_a_guess_is_refused(alice: Person, token: str) -> None:
    assert refusal(alice.post("/auth/verify-email", {"token": token})) == INVALID


def test_a_verified_address_needs_no_further_message(alice: Person) -> None:
    confirm(alice, token_of(alice))
    assert refusal(alice.post("/users/me/verification")) == (409, "already_verified")
    assert len(letters_to(alice.email)) == 1


def test_an_address_taken_at_sign_up_gets_no_message(anonymous: Person, alice: Person) -> None:
    body = {"email": alice.email, "password": PASSWORD, "name": "Mallory"}
    assert refusal(anonymous.post("/users", body)) == (409, "email_taken")
    assert len(letters_to(alice.email)) == 1


def test_a_repeated_sign_up_sends_one_message(anonymous: Person) -> None:
    address = email_of("Carol")
    body = {"email": address, "password": PASSWORD, "name": "Carol"}
    for _ in range(2):
        done(anonymous.post("/users", body, Idempotency_Key=address))
    assert len(letters_to(address)) == 1


def test_whoever_signs_up_with_a_strangers_address_cannot_write_to_them(
    anonymous: Person,
) -> None:
    stranger = email_of("Stranger")
    body = {"email": stranger, "password": PASSWORD, "name": "Win a prize at evil.example"}
    done(anonymous.post("/users", body))
    letter = last_letter(stranger, Letter.VERIFY)
    assert "prize" not in letter.text + letter.html


def test_verifying_hands_over_what_an_import_left(
    app: Flask, alice: Person, bob: Person, project: Record
) -> None:
    verify(app, alice)
    bring_in(alice, export(line(bob.email)), project_id=project["id"])
    assert done(bob.get("/time-entries")) == []
    confirm(bob, token_of(bob))
    assert len(done(bob.get("/time-entries"))) == 1
    assert bob.get(f"/projects/{project['id']}").status_code == 200


def test_purge_deletes_expired_tokens_and_no_others(
    app: Flask, database: str, alice: Person, bob: Person
) -> None:
    worker.run_once()
    expire(database, alice)
    assert app.test_cli_runner().invoke(args=["purge"]).exit_code == 0
    query = "SELECT user_id::text FROM mail_tokens WHERE user_id IN (%(alice)s, %(bob)s)"
    left = rows(database, query, {"alice": alice.id, "bob": bob.id})
    assert left == [{"user_id": bob.id}]
