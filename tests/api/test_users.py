"""Accounts over the API."""

import pytest
from flask import Flask

from tests.factories import PASSWORD, Person, email_of, log_in, sign_up
from tests.records import Record, done, refusal


def account(**fields: str) -> Record:
    return {"email": email_of("Carol"), "password": PASSWORD, "name": "Carol"} | fields


def test_a_new_account_has_defaults(anonymous: Person) -> None:
    body = account()
    user = done(anonymous.post("/users", body))
    made_by_the_server = {name: user[name] for name in ("id", "created_at", "updated_at")}
    assert user == made_by_the_server | {
        "email": body["email"],
        "name": "Carol",
        "timezone": "UTC",
        "kind": "person",
        "role": "member",
        "verified": False,
        "version": 1,
    }


def test_an_account_never_shows_its_password(alice: Person) -> None:
    assert not [name for name in done(alice.get("/users/me")) if "password" in name]


def test_one_address_is_one_account_however_it_is_written(anonymous: Person) -> None:
    body = account()
    done(anonymous.post("/users", body))
    again = account(email=body["email"].upper(), name="Mallory")
    assert refusal(anonymous.post("/users", again)) == (409, "email_taken")


def test_an_address_is_kept_in_lower_case(anonymous: Person) -> None:
    body = account(email=email_of("Carol").upper())
    assert done(anonymous.post("/users", body))["email"] == body["email"].lower()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "carol"),
        ("password", "too short"),
        ("name", "  "),
        ("timezone", "Mars/Olympus"),
        ("role", "admin"),
        ("verified", "true"),
    ],
)
def test_an_account_that_does_not_fit_is_refused_and_says_where(
    anonymous: Person, field: str, value: str
) -> None:
    answer = anonymous.post("/users", account(**{field: value}))
    assert answer.status_code == 422
    assert [error["field"] for error in answer.get_json()["errors"]] == [f"body.{field}"]


def test_a_common_password_is_refused(anonymous: Person) -> None:
    answer = anonymous.post("/users", account(password="password123"))
    assert refusal(answer) == (400, "common_password")


def test_somebody_reads_their_own_account(app: Flask) -> None:
    berliner = sign_up(app, "Carol", "Europe/Berlin")
    me = done(berliner.get("/users/me"))
    assert (me["id"], me["email"], me["timezone"]) == (
        berliner.id,
        berliner.email,
        "Europe/Berlin",
    )


def test_somebody_changes_their_own_profile(alice: Person) -> None:
    before = done(alice.get("/users/me"))
    after = done(alice.patch("/users/me", {"name": "Alicia", "timezone": "Asia/Kolkata"}))
    assert after == before | {
        "name": "Alicia",
        "timezone": "Asia/Kolkata",
        "version": 2,
        "updated_at": after["updated_at"],
    }
    assert done(alice.get("/users/me")) == after


def test_a_new_zone_counts_with_the_next_sign_in(alice: Person) -> None:
    done(alice.patch("/users/me", {"timezone": "Asia/Kolkata"}))
    log_in(alice)
    report = done(alice.get("/reports/time?from=2026-03-01&to=2026-03-02"))
    assert report["tz"] == "Asia/Kolkata"


@pytest.mark.parametrize(
    "body", [{"email": "new@example.org"}, {"role": "admin"}, {"verified": True}, {"name": None}]
)
def test_nobody_changes_anything_else_about_themselves(alice: Person, body: Record) -> None:
    before = done(alice.get("/users/me"))
    assert refusal(alice.patch("/users/me", body)) == (422, "invalid_input")
    assert done(alice.get("/users/me")) == before


def test_each_change_raises_the_version_by_one(alice: Person) -> None:
    versions = [done(alice.patch("/users/me", {"name": name}))["version"] for name in "abc"]
    assert versions == [2, 3, 4]


def test_a_change_to_another_version_is_refused_and_shows_the_current_one(alice: Person) -> None:
    current = done(alice.patch("/users/me", {"name": "Newer"}))
    answer = alice.patch("/users/me", {"name": "Older"}, If_Match='"v1"')
    assert refusal(answer) == (412, "version_mismatch")
    assert answer.get_json()["current"] == current


def test_a_seen_version_is_not_sent_again(alice: Person) -> None:
    etag = alice.get("/users/me").headers["ETag"]
    answer = alice.get("/users/me", If_None_Match=etag)
    assert (answer.status_code, answer.data) == (304, b"")
