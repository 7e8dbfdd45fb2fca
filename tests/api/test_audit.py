"""The audit log: what happened to an account or in a project, told to whom it concerns."""

from typing import LiteralString

import jwt
import pytest
from flask import Flask

from models.audit import AuditAction
from services.audit_service import audit_service
from services.db_client import db
from services.mail.transport import MailError
from services.mailer import mailer
from services.worker import worker
from tests.api.access_world import link_identity, make_agent
from tests.changes import throw_away
from tests.factories import PASSWORD, Person, add_member, email_of, log_in, make_token
from tests.letters import LETTERS_DUE
from tests.records import Record, ago, done, refusal
from tests.second_factors import (
    add_passkey,
    confirm,
    sign_in_by_passkey,
    sign_in_with,
    stranger,
    turn_on_app,
)
from tests.sql import number, rows

ENTRIES: LiteralString = "SELECT count(*) FROM audit WHERE user_id = %(id)s AND action = %(action)s"
AGE: LiteralString = "UPDATE audit SET at = at - make_interval(days => %(days)s) WHERE id = %(id)s"


def entries(person: Person, question: str = "") -> list[Record]:
    found: list[Record] = done(person.get(f"/audit?{question}"))
    return found


def actions(person: Person, question: str = "") -> list[str]:
    """Return what happened, newest first."""
    return [each["action"] for each in entries(person, question)]


def session_of(person: Person) -> str:
    token = person.tokens["access_token"]
    return str(jwt.decode(token, options={"verify_signature": False})["sid"])


def guess(person: Person, email: str) -> None:
    answer = person.post("/auth/login", {"email": email, "password": "wrong horse"})
    assert answer.status_code == 401


def test_a_sign_in_is_written_down_with_where_from(alice: Person) -> None:
    (entry,) = entries(alice)
    assert entry["action"] == "session.opened"
    assert entry["actor_id"] == entry["user_id"] == alice.id
    assert (entry["subject_id"], entry["ip"]) == (session_of(alice), "127.0.0.1")
    assert entry["ways"] == ["password"]


def test_the_end_of_a_session_is_written_down_with_the_session_that_ended_it(
    app: Flask, alice: Person
) -> None:
    phone = Person(app.test_client(), alice.id, alice.email)
    log_in(phone)
    done(alice.delete(f"/auth/sessions/{session_of(phone)}"))
    newest, *_ = entries(alice)
    assert (newest["action"], newest["subject_id"]) == ("session.ended", session_of(phone))
    assert newest["credential_id"] == session_of(alice)


def test_a_refresh_token_that_was_used_twice_is_written_down(
    alice: Person, anonymous: Person, database: str
) -> None:
    spent = {"refresh_token": alice.tokens["refresh_token"]}
    done(anonymous.post("/auth/refresh", spent))
    late = "UPDATE sessions SET last_used_at = now() - interval '1 minute' WHERE user_id = %(id)s"
    rows(database, late, {"id": alice.id})
    assert anonymous.post("/auth/refresh", spent).status_code == 401
    stolen = session_of(alice)
    log_in(alice)
    (entry,) = entries(alice, "action=session.refresh_reused")
    assert (entry["subject_id"], entry["actor_id"]) == (stolen, None)


def test_many_wrong_passwords_are_one_entry_that_counts_them(
    alice: Person, anonymous: Person
) -> None:
    for _ in range(5):
        guess(anonymous, alice.email)
    found = entries(alice, "action=session.refused")
    assert sum(entry["count"] for entry in found) == 5
    assert len(found) <= 2  # a minute may have ended meanwhile
    assert {(entry["actor_id"], entry["ip"]) for entry in found} == {(None, "127.0.0.1")}


def test_wrong_addresses_are_not_written_down(anonymous: Person, database: str) -> None:
    everything = "SELECT count(*) FROM audit"
    before = number(database, everything)
    guess(anonymous, email_of("Nobody"))
    assert number(database, everything) == before


def test_entries_of_refusals_sort_among_the_others_by_time(
    alice: Person, anonymous: Person
) -> None:
    guess(anonymous, alice.email)
    log_in(alice)
    assert actions(alice) == ["session.opened", "session.refused", "session.opened"]


def test_owners_see_who_changed_who_belongs_to_their_project(
    alice: Person, bob: Person, project: Record
) -> None:
    add_member(alice, project, bob, "editor")
    path = f"/projects/{project['id']}/members/{bob.id}"
    done(alice.patch(path, {"role": "viewer"}))
    done(bob.delete(path))
    removed, updated, added, founded = entries(alice, f"project_id={project['id']}")
    assert [each["action"] for each in (removed, updated, added, founded)] == [
        "member.removed",
        "member.updated",
        "member.added",
        "member.added",
    ]
    assert [each["actor_id"] for each in (removed, updated, added)] == [bob.id, alice.id, alice.id]
    assert removed["user_id"] == updated["user_id"] == added["user_id"] == bob.id
    assert founded["user_id"] == alice.id


def test_where_somebody_sits_is_told_to_nobody_else(
    alice: Person, bob: Person, project: Record
) -> None:
    add_member(alice, project, bob, "editor")
    done(bob.delete(f"/projects/{project['id']}/members/{bob.id}"))
    removed, *_ = entries(alice, f"project_id={project['id']}")
    assert (removed["ip"], removed["credential_id"]) == (None, None)
    own, added, _ = entries(bob)
    assert (own["ip"], own["credential_id"]) == ("127.0.0.1", session_of(bob))
    assert (added["actor_id"], added["ip"], added["credential_id"]) == (alice.id, None, None)


def test_deleting_and_restoring_a_project_is_written_down(alice: Person, project: Record) -> None:
    operation = throw_away(alice, f"/projects/{project['id']}")
    done(alice.post(f"/trash/{operation}/restore"))
    assert actions(alice, f"project_id={project['id']}")[:2] == [
        "project.restored",
        "project.deleted",
    ]


def test_a_project_is_told_of_to_its_owners_alone(
    alice: Person, bob: Person, project: Record
) -> None:
    path = f"/audit?project_id={project['id']}"
    assert refusal(bob.get(path)) == (404, "not_found")
    add_member(alice, project, bob, "editor")
    assert refusal(bob.get(path)) == (403, "forbidden")


def test_an_account_is_told_of_to_nobody_else(alice: Person, bob: Person) -> None:
    assert {entry["user_id"] for entry in entries(alice)} == {alice.id}
    assert {entry["user_id"] for entry in entries(bob)} == {bob.id}


def test_the_log_is_filtered_by_action_and_time(alice: Person, database: str) -> None:
    log_in(alice)
    done(alice.post("/projects", {"name": "Website"}))
    newest, *_, oldest = entries(alice)
    rows(database, AGE, {"id": oldest["id"], "days": 10})
    assert actions(alice, "action=member.added") == ["member.added"]
    nine_days_ago = ago(days=9).replace("+00:00", "Z")
    assert [each["id"] for each in entries(alice, f"to={nine_days_ago}")] == [oldest["id"]]
    assert newest["id"] in [each["id"] for each in entries(alice, f"from={nine_days_ago}")]
    assert oldest["id"] not in [each["id"] for each in entries(alice, f"from={nine_days_ago}")]


def test_the_log_comes_in_pages(alice: Person) -> None:
    for _ in range(3):
        log_in(alice)
    everything = [entry["id"] for entry in entries(alice)]
    first = alice.get("/audit?limit=2")
    link = first.headers["Link"].partition("/api/v1")[2].partition(">")[0]
    second = done(alice.get(link))
    assert [entry["id"] for entry in [*done(first), *second]] == everything


def test_entries_go_after_a_year(app: Flask, alice: Person, database: str) -> None:
    log_in(alice)
    newer, older = entries(alice)
    rows(database, AGE, {"id": newer["id"], "days": 364})
    rows(database, AGE, {"id": older["id"], "days": 366})
    result = app.test_cli_runner().invoke(args=["purge"])
    assert "audit entries: " in result.stdout
    assert [entry["id"] for entry in entries(alice)] == [newer["id"]]


def test_what_is_undone_is_not_written_down(alice: Person, database: str) -> None:
    def fail() -> None:
        audit_service.record(AuditAction.TOKEN_CREATED, user_id=alice.id, actor_id=alice.id)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        db.transaction(fail)
    assert number(database, ENTRIES, {"id": alice.id, "action": "token.created"}) == 0


# What opens an account


def test_tokens_of_one_s_own_and_of_one_s_agents_are_written_down(alice: Person) -> None:
    token = make_token(alice)
    done(alice.delete(f"/users/me/tokens/{token['id']}"))
    of_agent = make_token(alice, agent_id=make_agent(alice).id)
    found = [(each["action"], each["subject_id"]) for each in entries(alice)]
    assert ("token.created", of_agent["id"]) in found
    assert found.index(("token.revoked", token["id"])) < found.index(("token.created", token["id"]))


def test_second_factors_and_what_was_done_with_them_are_written_down(
    app: Flask, alice: Person
) -> None:
    _, codes = turn_on_app(alice)
    sign_in_with(stranger(app, alice), recovery_code=codes[0])
    sign_in_with(stranger(app, alice), recovery_code=codes[0])
    done(confirm(alice, "/users/me/totp", "DELETE"))
    assert {
        "factor.added",
        "recovery_codes.made",
        "recovery_code.used",
        "factor.refused",
        "factor.removed",
    } <= set(actions(alice))


def test_entries_of_sign_ins_and_refusals_name_the_way(app: Flask, alice: Person) -> None:
    passkey = add_passkey(alice)
    device = stranger(app, alice)
    guess(device, alice.email)
    done(sign_in_by_passkey(device, passkey))
    assert sign_in_with(device, code="123456").status_code == 401
    passkey.origin = "https://evil.example"
    assert refusal(sign_in_by_passkey(device, passkey)) == (401, "passkey_refused")
    found = [(each["action"], each["ways"], each["actor_id"]) for each in entries(alice)]
    assert found[:4] == [
        ("session.refused", ["passkey"], None),
        ("factor.refused", ["totp"], None),
        ("session.opened", ["passkey"], alice.id),
        ("session.refused", ["password"], None),
    ]
    assert {tuple(each[1]) for each in found[4:]} == {(), ("password",)}
    codes = done(confirm(alice, "/users/me/recovery-codes"))["recovery_codes"]
    device.tokens = done(sign_in_with(device, recovery_code=codes[0]))
    newest, *_ = entries(device)
    assert newest["ways"] == ["password", "recovery_code"]


def test_a_passkey_of_nobody_s_is_not_written_down(
    app: Flask, alice: Person, database: str
) -> None:
    passkey = add_passkey(alice)
    done(
        confirm(
            alice, f"/users/me/passkeys/{done(alice.get('/users/me/passkeys'))[0]['id']}", "DELETE"
        )
    )
    everything = "SELECT count(*) FROM audit"
    before = number(database, everything)
    assert refusal(sign_in_by_passkey(stranger(app, alice), passkey)) == (401, "passkey_refused")
    assert number(database, everything) == before


def test_what_else_opens_an_account_is_written_down(alice: Person) -> None:
    identity = link_identity(alice)
    (linked,) = entries(alice, "action=identity.linked")
    assert linked["subject_id"] == identity


def test_a_changed_password_is_written_down(alice: Person) -> None:
    body = {"current_password": PASSWORD, "new_password": PASSWORD[::-1]}
    done(alice.post("/users/me/password", body))
    assert "password.changed" in actions(alice)


def test_asking_for_a_new_password_is_written_down_as_done_by_nobody_known(
    monkeypatch: pytest.MonkeyPatch, alice: Person, anonymous: Person, database: str
) -> None:
    def refuse(*_message: object) -> None:
        raise MailError("The mail server is away.")

    worker.run_once()  # whatever waits
    monkeypatch.setattr(mailer._transport, "send", refuse)
    answer = anonymous.post("/auth/password-resets", {"email": alice.email})
    assert answer.status_code == 202
    for _ in range(2):  # the letter is tried again, but was asked for once
        worker.run_once()
        rows(database, LETTERS_DUE)
    (asked,) = entries(alice, "action=password.reset_asked")
    assert asked["ip"] == "127.0.0.1"
    assert asked["actor_id"] is None
