"""Changing one's e-mail address: both addresses confirm."""

import pytest
from flask import Flask

from models.mail import Letter, Message
from services.mail.transport import MailError
from services.mailer import SUBJECTS, mailer
from services.worker import worker
from tests.clockify import bring_in, export, line, verify
from tests.factories import PASSWORD, Person, add_member, email_of, sign_up
from tests.letters import LETTERS_DUE, last_letter, letters_to
from tests.records import Record, done, event_types, refusal
from tests.sql import rows

LETTERS = 5
INVALID = (400, "mail_token_invalid")


@pytest.fixture
def new() -> str:
    """An address that nobody has."""
    return email_of("New")


def request_change(person: Person, email: str) -> tuple[str, str]:
    """Ask for another address; return what the old one and the new one got."""
    body = {"email": email, "password": PASSWORD}
    assert person.post("/users/me/email", body).status_code == 202
    old = last_letter(person.email, Letter.CHANGE_OLD).token
    return old, last_letter(email, Letter.CHANGE_NEW).token


def confirm(person: Person, token: str) -> Record:
    proved: Record = done(person.post("/auth/verify-email", {"token": token}))
    return proved


def address_of(person: Person) -> tuple[str, bool]:
    me = done(person.get("/users/me"))
    return me["email"], me["verified"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_address_changes_when_both_have_confirmed(
    alice: Person, anonymous: Person, new: str, order: tuple[int, int]
) -> None:
    tokens = request_change(alice, new)
    first, second = (tokens[index] for index in order)
    assert confirm(anonymous, first) == {"complete": False}
    assert address_of(alice) == (alice.email, False)
    assert confirm(anonymous, second) == {"complete": True}
    assert address_of(alice) == (new, True)


def test_a_new_address_that_takes_no_mail_floods_not_the_old_one(
    monkeypatch: pytest.MonkeyPatch, alice: Person, new: str, database: str
) -> None:
    send = mailer._transport.send

    def refuse_new(message: Message, sender: str) -> None:
        if message.to == new:
            raise MailError("There is no such mailbox.")
        send(message, sender)

    monkeypatch.setattr(mailer._transport, "send", refuse_new)
    assert alice.post("/users/me/email", {"email": new, "password": PASSWORD}).status_code == 202
    asked = [last_letter(alice.email, Letter.CHANGE_OLD).token]
    for _ in range(2):
        rows(database, LETTERS_DUE)
        worker.run_once()
    subject = SUBJECTS[Letter.CHANGE_OLD]
    assert [each.token for each in letters_to(alice.email) if each.subject == subject] == asked


def test_one_signs_in_with_the_new_address_then(alice: Person, new: str) -> None:
    for token in request_change(alice, new):
        confirm(alice, token)
    body = {"password": PASSWORD}
    assert alice.post("/auth/login", body | {"email": new}).status_code == 200
    assert alice.post("/auth/login", body | {"email": alice.email}).status_code == 401


def test_a_change_is_told_to_the_old_address(alice: Person, new: str) -> None:
    for token in request_change(alice, new):
        confirm(alice, token)
    assert new in last_letter(alice.email, Letter.ADDRESS_CHANGED).text


def test_a_change_is_told_to_oneself_and_to_one_s_projects(
    alice: Person, bob: Person, project: Record, new: str
) -> None:
    add_member(alice, project, bob, "editor")
    for token in request_change(alice, new):
        confirm(alice, token)
    assert "user.updated" in event_types(alice, f"user:{alice.id}")
    (event,) = done(bob.get(f"/rooms/project:{project['id']}/events"))[-1:]
    assert (event["type"], event["data"]["email"]) == ("member.updated", new)


def test_neither_address_alone_changes_anything(alice: Person, new: str) -> None:
    for token in request_change(alice, new):
        confirm(alice, token)
        assert refusal(alice.post("/auth/verify-email", {"token": token})) == INVALID
        break
    assert address_of(alice)[0] == alice.email


def test_confirmations_of_different_changes_do_not_add_up(alice: Person, new: str) -> None:
    old_token, _ = request_change(alice, new)
    confirm(alice, old_token)
    other = email_of("Other")
    _, other_token = request_change(alice, other)
    assert confirm(alice, other_token) == {"complete": False}
    assert address_of(alice)[0] == alice.email


def test_a_confirmation_counts_for_two_hours(database: str, alice: Person, new: str) -> None:
    old_token, new_token = request_change(alice, new)
    confirm(alice, old_token)
    query = (
        "UPDATE mail_tokens SET expires_at = expires_at - interval '2 h'"
        " WHERE user_id = %(id)s AND purpose = 'change_old'"
    )
    rows(database, query, {"id": alice.id})
    assert confirm(alice, new_token) == {"complete": False}
    assert address_of(alice)[0] == alice.email


def test_a_change_takes_the_password(alice: Person, new: str) -> None:
    body = {"email": new, "password": "not " + PASSWORD}
    assert refusal(alice.post("/users/me/email", body)) == (403, "wrong_password")
    assert letters_to(new) == []


def test_an_address_taken_meanwhile_is_a_conflict(app: Flask, alice: Person, new: str) -> None:
    old_token, new_token = request_change(alice, new)
    confirm(alice, old_token)
    body = {"email": new, "password": PASSWORD, "name": "Carol"}
    done(Person(app.test_client()).post("/users", body))
    answer = alice.post("/auth/verify-email", {"token": new_token})
    assert refusal(answer) == (409, "email_taken")
    assert address_of(alice)[0] == alice.email


def test_letters_of_changes_are_few(alice: Person, bob: Person, new: str) -> None:
    """For who asks, whatever the address, and for an address, whoever asks."""
    for _ in range(LETTERS):
        request_change(alice, new)
    for person, email in ((alice, email_of("Another")), (bob, new)):
        body = {"email": email, "password": PASSWORD}
        assert refusal(person.post("/users/me/email", body)) == (429, "too_many_attempts")


def test_asking_does_not_tell_whether_an_address_is_taken(
    alice: Person, bob: Person, new: str
) -> None:
    free, taken = (
        alice.post("/users/me/email", {"email": email, "password": PASSWORD})
        for email in (new, bob.email)
    )
    assert (free.status, free.data) == (taken.status, taken.data)


def test_what_was_mailed_to_the_old_address_is_void_after_a_change(alice: Person, new: str) -> None:
    assert alice.post("/auth/password-resets", {"email": alice.email}).status_code == 202
    reset = last_letter(alice.email, Letter.RESET).token
    for token in request_change(alice, new):
        confirm(alice, token)
    body = {"token": reset, "password": "battery staple horse"}
    assert refusal(alice.post("/auth/password-resets/redeem", body)) == INVALID


def test_changing_the_password_voids_a_change_of_address(alice: Person, new: str) -> None:
    old_token, _ = request_change(alice, new)
    body = {"current_password": PASSWORD, "new_password": "battery staple horse"}
    assert alice.post("/users/me/password", body).status_code == 204
    assert refusal(alice.post("/auth/verify-email", {"token": old_token})) == INVALID


def test_the_new_address_gets_what_an_import_left_for_it(
    app: Flask, alice: Person, project: Record, new: str
) -> None:
    bring_in(alice, export(line(new)), project_id=project["id"])
    bob = sign_up(app, "Bob")
    for token in request_change(bob, new):
        confirm(bob, token)
    assert len(done(bob.get("/time-entries"))) == 1
    assert done(bob.get(f"/projects/{project['id']}"))["role"] == "editor"
    assert address_of(bob) == (new, True)


def test_the_name_of_whoever_asks_is_told_to_the_old_address_only(app: Flask, new: str) -> None:
    carol = sign_up(app, "Carol")
    verify(app, carol)
    done(carol.patch("/users/me", {"name": "Caroline"}))
    request_change(carol, new)
    assert "Hello Caroline," in last_letter(carol.email, Letter.CHANGE_OLD).text
    new_letter = last_letter(new, Letter.CHANGE_NEW)
    assert "Caroline" not in new_letter.text + new_letter.html
