"""Changing one's password, and setting a new one when the old one is forgotten."""

import pytest
from flask import Flask

from config import settings
from models.mail import Letter
from services.attempt_service import AttemptService
from services.db_client import db
from services.password_change_service import password_change_service
from services.user_service import user_service
from tests.api.access_world import link_identity, make_agent
from tests.clockify import verify
from tests.factories import PASSWORD, Person, as_agent, email_of, log_in, with_token
from tests.letters import last_letter, letters_of, letters_to
from tests.records import done, refusal
from tests.second_factors import add_passkey, begin, sign_in_by_passkey, stranger
from tests.sql import rows
from tests.statements import recorded_statements

NEW = "battery staple horse"
LETTERS = 5
INVALID = (400, "mail_token_invalid")


@pytest.fixture
def elsewhere(app: Flask, alice: Person) -> Person:
    """Alice on another device."""
    person = Person(app.test_client(), alice.id, alice.email)
    log_in(person)
    return person


def sign_in(person: Person, password: str) -> int:
    body = {"email": person.email, "password": password}
    return person.post("/auth/login", body).status_code


def reset_token(person: Person) -> str:
    assert person.post("/auth/password-resets", {"email": person.email}).status_code == 202
    return last_letter(person.email, Letter.RESET).token


def redeem(person: Person, token: str, password: str = NEW) -> tuple[int, str]:
    body = {"token": token, "password": password}
    answer = person.post("/auth/password-resets/redeem", body)
    return refusal(answer) if answer.status_code != 204 else (204, "")


def change(person: Person, current: str = PASSWORD, new: str = NEW, **headers: str) -> int:
    body = {"current_password": current, "new_password": new}
    return person.post("/users/me/password", body, **headers).status_code


# Forgotten


def test_a_reset_sets_a_new_password(alice: Person, anonymous: Person) -> None:
    assert redeem(anonymous, reset_token(alice)) == (204, "")
    assert (sign_in(alice, PASSWORD), sign_in(alice, NEW)) == (401, 200)


def test_a_reset_is_asked_for_however_the_address_is_written(
    alice: Person, anonymous: Person
) -> None:
    body = {"email": alice.email.upper()}
    assert anonymous.post("/auth/password-resets", body).status_code == 202
    assert last_letter(alice.email, Letter.RESET).to == alice.email


def test_a_reset_signs_out_everywhere(alice: Person, elsewhere: Person, anonymous: Person) -> None:
    assert redeem(anonymous, reset_token(alice)) == (204, "")
    for person in (alice, elsewhere):
        assert refusal(person.get("/users/me")) == (401, "session_over")


def test_a_reset_signs_nobody_in(alice: Person, anonymous: Person) -> None:
    body = {"token": reset_token(alice), "password": NEW}
    answer = anonymous.post("/auth/password-resets/redeem", body)
    assert (answer.data, answer.headers.getlist("Set-Cookie")) == (b"", [])


def test_a_reset_is_told_to_the_address(alice: Person, anonymous: Person) -> None:
    redeem(anonymous, reset_token(alice))
    assert NEW not in last_letter(alice.email, Letter.PASSWORD_CHANGED).text


def test_a_reset_token_works_for_half_an_hour(database: str, alice: Person) -> None:
    reset_token(alice)
    (token,) = rows(
        database,
        "SELECT extract(epoch FROM expires_at - now()) AS left FROM mail_tokens"
        " WHERE user_id = %(id)s AND purpose = 'reset'",
        {"id": alice.id},
    )
    assert 30 * 60 - 60 < token["left"] <= 30 * 60


def test_a_reset_token_works_once(alice: Person) -> None:
    token = reset_token(alice)
    assert redeem(alice, token) == (204, "")
    assert redeem(alice, token, "another password") == INVALID
    assert sign_in(alice, NEW) == 200


def test_an_expired_reset_token_is_refused(database: str, alice: Person) -> None:
    token = reset_token(alice)
    query = "UPDATE mail_tokens SET expires_at = now() WHERE user_id = %(id)s"
    rows(database, query, {"id": alice.id})
    assert redeem(alice, token) == INVALID
    assert sign_in(alice, PASSWORD) == 200


def test_a_newer_reset_token_voids_the_older(alice: Person) -> None:
    older, newer = reset_token(alice), reset_token(alice)
    assert (redeem(alice, older), redeem(alice, newer)) == (INVALID, (204, ""))


def test_a_password_that_is_refused_spends_no_token(alice: Person) -> None:
    token = reset_token(alice)
    assert redeem(alice, token, "password123") == (400, "common_password")
    assert redeem(alice, token) == (204, "")


def test_who_signed_up_with_the_address_of_another_keeps_no_way_in(
    app: Flask, alice: Person, elsewhere: Person
) -> None:
    """Alice here is whoever was first; whoever has the mailbox resets the password."""
    link_identity(alice)
    authenticator = add_passkey(alice)
    programs = [with_token(alice), as_agent(alice, make_agent(alice).id)]
    assert redeem(elsewhere, reset_token(alice)) == (204, "")
    assert [refusal(each.get("/users/me")) for each in programs] == [(401, "token_invalid")] * 2
    answer = sign_in_by_passkey(stranger(app, alice), authenticator)
    assert refusal(answer) == (401, "passkey_refused")
    body = {"email": alice.email, "password": NEW}
    alice.tokens = done(stranger(app, alice).post("/auth/login", body))
    assert done(alice.get("/users/me/identities")) == []
    assert done(alice.get("/users/me"))["verified"] is True
    assert len(done(alice.get("/audit?action=credentials.ended"))) == 1


def test_a_reset_of_a_proven_account_leaves_what_else_opens_it(
    app: Flask, alice: Person, elsewhere: Person
) -> None:
    verify(app, alice)
    identity = link_identity(alice)
    program = with_token(alice)
    authenticator = add_passkey(alice)
    assert redeem(elsewhere, reset_token(alice)) == (204, "")
    assert program.get("/users/me").status_code == 200
    assert begin(stranger(app, alice), NEW)["methods"] == ["passkey", "recovery_code"]
    alice.tokens = done(sign_in_by_passkey(stranger(app, alice), authenticator))
    assert [each["id"] for each in done(alice.get("/users/me/identities"))] == [identity]


def test_a_reset_changes_the_version_of_nothing(app: Flask, alice: Person) -> None:
    verify(app, alice)
    before = done(alice.get("/users/me"))
    redeem(alice, reset_token(alice))
    sign_in(alice, NEW)
    body = {"email": alice.email, "password": NEW}
    alice.tokens = done(alice.post("/auth/login", body))
    assert done(alice.get("/users/me")) == before


def test_a_disabled_account_gets_no_token_and_uses_none(database: str, alice: Person) -> None:
    token = reset_token(alice)
    rows(database, "UPDATE users SET is_active = false WHERE id = %(id)s", {"id": alice.id})
    assert redeem(alice, token) == INVALID
    alice.post("/auth/password-resets", {"email": alice.email})
    assert len(letters_to(alice.email)) == 2


def test_an_agent_gets_no_token(database: str, alice: Person) -> None:
    address = email_of("Agent")
    values = {"id": make_agent(alice).id, "email": address}
    rows(database, "UPDATE users SET email = %(email)s WHERE id = %(id)s", values)
    assert alice.post("/auth/password-resets", {"email": address}).status_code == 202
    assert letters_to(address) == []


def test_whoever_forgot_their_password_need_not_wait_for_their_guesses(alice: Person) -> None:
    while sign_in(alice, "not this one") == 401:
        pass
    assert redeem(alice, reset_token(alice)) == (204, "")
    assert sign_in(alice, NEW) == 200


# Unknown and known addresses


def test_unknown_and_known_addresses_get_the_same_answer(alice: Person, anonymous: Person) -> None:
    answers = [
        anonymous.post("/auth/password-resets", {"email": email})
        for email in (alice.email, email_of("Nobody"))
    ]
    known, unknown = (
        (answer.status, answer.data, set(answer.headers.keys())) for answer in answers
    )
    assert known == unknown
    assert known[:2] == ("202 ACCEPTED", b"")


def test_asking_for_a_reset_does_the_same_for_both_and_looks_up_neither(
    alice: Person, anonymous: Person
) -> None:
    """What tells them apart happens in the letter's job, after the answer."""

    def asked_for(email: str) -> list[str]:
        with recorded_statements() as asked:
            answer = anonymous.post("/auth/password-resets", {"email": email})
        assert answer.status_code == 202
        return [text for text, _ in asked]

    known = asked_for(alice.email)
    assert known == asked_for(email_of("Nobody"))
    assert sum("INTO attempts" in each for each in known) == 2  # for the network and the address
    assert not [each for each in known if "users" in each]


def test_letters_to_one_address_are_few_whether_an_account_uses_it_or_not(
    alice: Person, anonymous: Person
) -> None:
    told = []
    for email in (alice.email, email_of("Nobody")):
        body = {"email": email}
        answers = [anonymous.post("/auth/password-resets", body) for _ in range(LETTERS + 1)]
        assert [each.status_code for each in answers] == [202] * LETTERS + [429]
        problem = answers[-1].get_json() | {"request_id": ""}
        told.append((problem, sorted(dict(answers[-1].headers))))
    assert told[0] == told[1]
    letters = letters_of(alice.email, Letter.RESET)
    redeemed = [redeem(anonymous, each.token) for each in letters]  # they are written all at once
    assert sorted(redeemed) == [(204, ""), *[INVALID] * (LETTERS - 1)]


def test_letters_from_one_network_are_few(
    database: str, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many processes it asks: they count together, in the database."""
    strict = AttemptService(db, settings.model_copy(update={"attempts_per_address": 2}))
    monkeypatch.setattr(password_change_service, "_attempts", strict)
    monkeypatch.setattr(user_service, "_attempts", strict)
    rows(database, "DELETE FROM attempts")
    for expected in (202, 202, 429):
        answer = alice.post("/auth/password-resets", {"email": email_of("Anybody")})
        assert answer.status_code == expected
    for expected in (201, 409, 429):  # so nobody finds out here who has an account
        account = {"email": f"another.{alice.email}", "password": PASSWORD, "name": "Alice"}
        assert alice.post("/users", account).status_code == expected


# Changed


def test_somebody_changes_their_password(alice: Person) -> None:
    assert change(alice) == 204
    assert (sign_in(alice, PASSWORD), sign_in(alice, NEW)) == (401, 200)


def test_changing_the_password_ends_the_other_sessions(alice: Person, elsewhere: Person) -> None:
    assert change(alice) == 204
    assert alice.get("/users/me").status_code == 200
    assert refusal(elsewhere.get("/users/me")) == (401, "session_over")


def test_changing_the_password_is_told_to_the_address(app: Flask, alice: Person) -> None:
    verify(app, alice)
    assert change(alice) == 204
    letter = last_letter(alice.email, Letter.PASSWORD_CHANGED)
    assert letter.text.startswith("Hello Alice,")
    assert NEW not in letter.text


def test_a_wrong_password_changes_nothing(alice: Person, elsewhere: Person) -> None:
    body = {"current_password": "not " + PASSWORD, "new_password": NEW}
    assert refusal(alice.post("/users/me/password", body)) == (403, "wrong_password")
    assert elsewhere.get("/users/me").status_code == 200
    assert sign_in(alice, PASSWORD) == 200
    assert len(letters_to(alice.email)) == 1


def test_a_common_password_is_refused(alice: Person) -> None:
    body = {"current_password": PASSWORD, "new_password": "password123"}
    assert refusal(alice.post("/users/me/password", body)) == (400, "common_password")


def test_a_repeated_change_gets_the_first_answer(alice: Person) -> None:
    assert [change(alice, Idempotency_Key="change") for _ in range(2)] == [204, 204]
    assert change(alice, Idempotency_Key="another") == 403


@pytest.mark.parametrize("new", ["Alice123456", "stint-STINT-2026", "{email}1"])
def test_a_password_made_of_what_everybody_knows_is_refused(alice: Person, new: str) -> None:
    new, guessable = new.format(email=alice.email), (400, "guessable_password")
    body = {"current_password": PASSWORD, "new_password": new}
    assert refusal(alice.post("/users/me/password", body)) == guessable
    assert redeem(alice, token := reset_token(alice), new) == guessable
    account = {"email": f"another.{alice.email}", "name": "Alice", "password": new}
    assert refusal(alice.post("/users", account)) == guessable
    assert redeem(alice, token, f"{new} and more words") == (204, "")


def test_changing_the_password_voids_what_was_mailed_before(alice: Person) -> None:
    token = reset_token(alice)
    assert change(alice) == 204
    assert redeem(alice, token, "another password") == INVALID
    assert sign_in(alice, NEW) == 200


def test_nobody_without_a_password_has_one_that_fits(database: str, alice: Person) -> None:
    rows(database, "UPDATE users SET password_hash = NULL WHERE id = %(id)s", {"id": alice.id})
    assert change(alice) == 403
    assert redeem(alice, reset_token(alice)) == (204, "")  # the way to have one
    assert sign_in(alice, NEW) == 200
