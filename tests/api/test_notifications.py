"""Notifications over REST, by which ways they come, and messages to others."""

import uuid

import pytest
from flask import Flask
from limits import parse

from models.notification import NotificationKind
from models.scope import Scope
from services.rate_limiter import RateKind, rate_limiter
from tests.factories import PASSWORD, Person, add_member, as_agent, make_admin, sign_up, with_token
from tests.records import Record, done, ids, refusal
from tests.sql import rows

PREFERENCES = "/users/me/notification-preferences"


def write(sender: Person, **to: str) -> tuple[int, Record]:
    answer = sender.post("/notify", to | {"subject": "Milk", "message": "Buy\nsome."})
    return answer.status_code, answer.get_json()


@pytest.fixture
def shared(alice: Person, bob: Person, project: Record) -> Record:
    """A project in which Bob is, too."""
    add_member(alice, project, bob, "viewer")
    return project


def test_members_of_one_project_write_to_each_other(
    alice: Person, bob: Person, shared: Record
) -> None:
    for sender, to in ((bob, {"email": alice.email}), (alice, {"user_id": bob.id})):
        status, queued = write(sender, **to)
        assert (status, queued["status"]) == (202, "queued")
        reader = alice if sender is bob else bob
        newest, *_ = done(reader.get("/notifications"))
        assert (newest["id"], newest["kind"]) == (queued["id"], "message")
        assert (newest["title"], newest["message"]) == ("Milk", "Buy\nsome.")
        assert newest["actor_id"] == sender.id


def test_who_shares_no_project_is_answered_like_nobody(
    app: Flask, alice: Person, bob: Person, database: str
) -> None:
    answers = [
        write(alice, **to)
        for to in (
            {"user_id": bob.id},
            {"email": bob.email},
            {"user_id": str(uuid.uuid4())},
            {"email": "nobody@example.org"},
        )
    ]
    said = {
        (status, problem["code"], problem["title"], problem["detail"])
        for status, problem in answers
    }
    assert len(said) == 1
    assert said.pop()[:2] == (404, "not_found")
    assert write(make_admin(app, "Admin"), email=bob.email)[0] == 202


def test_who_has_left_and_agents_get_no_message(
    app: Flask, alice: Person, bob: Person, shared: Record
) -> None:
    agent = done(alice.post("/agents", {"name": "Builder", "kind": "ci"}))
    done(alice.post(f"/projects/{shared['id']}/members", {"user_id": agent["id"]}))
    assert write(bob, user_id=agent["id"])[0] == 404
    assert write(as_agent(alice, agent["id"]), user_id=bob.id)[0] == 202
    done(bob.delete(f"/projects/{shared['id']}/members/{bob.id}"))
    assert write(alice, user_id=bob.id)[0] == 404


def test_a_token_writes_with_its_scope_no_further_than_whose_it_is(
    app: Flask, alice: Person, bob: Person, shared: Record
) -> None:
    token = with_token(alice, Scope.NOTIFY_WRITE)
    assert write(token, user_id=bob.id)[0] == 202
    assert write(token, user_id=sign_up(app, "Carol").id)[0] == 404
    assert write(with_token(alice, Scope.NOTIFY_READ), user_id=bob.id)[0] == 403


def test_messages_are_limited(
    monkeypatch: pytest.MonkeyPatch, alice: Person, bob: Person, shared: Record
) -> None:
    monkeypatch.setitem(rate_limiter._rates, RateKind.MESSAGES, parse("2 per day"))
    assert [write(alice, user_id=bob.id)[0] for _ in range(3)] == [202, 202, 429]
    answer = alice.post("/notify", {"user_id": bob.id, "subject": "A", "message": "B"})
    assert refusal(answer) == (429, "rate_limited")
    assert int(answer.headers["Retry-After"]) > 0
    assert write(bob, user_id=alice.id)[0] == 202


def test_one_reads_ones_own_notifications(alice: Person, bob: Person, shared: Record) -> None:
    made = [write(bob, user_id=alice.id)[1]["id"] for _ in range(3)]
    assert ids(alice.get("/notifications")) == made[::-1]
    read = done(alice.post(f"/notifications/{made[1]}/read"))
    assert read["read_at"] is not None
    assert ids(alice.get("/notifications?unread=true")) == [made[2], made[0]]
    assert ids(alice.get("/notifications?unread=false")) == [made[1]]
    assert bob.post(f"/notifications/{made[0]}/read").status_code == 404
    assert done(alice.post("/notifications/read-all")) == {"count": 2}
    assert ids(alice.get("/notifications?unread=true")) == []
    assert done(alice.post(f"/notifications/{made[1]}/read")) == read


def test_preferences_are_what_one_made_them(alice: Person) -> None:
    answer = alice.get(PREFERENCES)
    before = done(answer)
    assert set(before["kinds"]) == set(NotificationKind)
    assert before["kinds"]["assigned"] == {"in_app": True, "email": True, "digest": True}
    assert before["kinds"]["due_soon"] == {"in_app": True, "email": False, "digest": True}
    tag = answer.headers["ETag"]
    change = {"kinds": {"assigned": {"email": False}}}
    after = done(alice.patch(PREFERENCES, change, If_Match=tag))
    assert after["kinds"]["assigned"] == {"in_app": True, "email": False, "digest": True}
    assert after["version"] > before["version"]
    assert refusal(alice.patch(PREFERENCES, change, If_Match=tag)) == (412, "version_mismatch")
    further = {"kinds": {"assigned": {"digest": False}, "overdue": {"in_app": False}}}
    done(alice.patch(PREFERENCES, further))
    kinds = done(alice.get(PREFERENCES))["kinds"]
    assert kinds["assigned"] == {"in_app": True, "email": False, "digest": False}
    assert kinds["overdue"]["in_app"] is False
    assert alice.patch(PREFERENCES, {"kinds": {"overdue": {"in_app": None}}}).status_code == 422
    assert alice.patch(PREFERENCES, {"kinds": {"unheard_of": {}}}).status_code == 422


def test_all_of_it_goes_with_the_account(bob: Person, database: str) -> None:
    assert write(bob, user_id=bob.id)[0] == 202
    done(bob.patch(PREFERENCES, {"kinds": {"message": {"email": False}}}))
    rows(database, "INSERT INTO digests VALUES (%(id)s, now())", {"id": bob.id})
    kept = """
        SELECT user_id FROM notifications WHERE user_id = %(id)s
        UNION ALL SELECT user_id FROM notification_preferences WHERE user_id = %(id)s
        UNION ALL SELECT user_id FROM digests WHERE user_id = %(id)s
    """
    assert len(rows(database, kept, {"id": bob.id})) == 3
    done(bob.send("DELETE", "/users/me", headers={}, json={"password": PASSWORD}))
    assert rows(database, kept, {"id": bob.id}) == []
