"""API tokens over the API: made, shown once, listed, revoked, and what they open."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from models.scope import Scope
from services.api_token_service import TOKENS_MAX
from tests.factories import PASSWORD, Person, add_member, make_token, with_token
from tests.records import Record, ago, done, make_project, moment, refusal
from tests.sql import number, rows
from utils.api_tokens import OF_PEOPLE, RANDOM_LENGTH, checksum

TOKENS = "/users/me/tokens"
BODY = {"name": "Report", "scopes": ["time:read"]}
NOBODYS = OF_PEOPLE + "0" * RANDOM_LENGTH
NOBODYS += checksum(NOBODYS)


def in_days(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


def expire(database: str, token: Record) -> None:
    query = "UPDATE api_tokens SET expires_at = now() WHERE id = %(id)s"
    rows(database, query, {"id": token["id"]})


def last_use(person: Person, token: Record) -> str | None:
    used: str | None = done(person.get(f"{TOKENS}/{token['id']}"))["last_used_at"]
    return used


def acting(person: Person, token: Record) -> Person:
    return Person(person.client, person.id, tokens={"access_token": token["token"]})


# Making one


def test_a_token_speaks_for_who_made_it(alice: Person) -> None:
    assert done(with_token(alice).get("/users/me")) == done(alice.get("/users/me"))


def test_a_token_tells_what_it_is_and_is_shown_once(alice: Person, project: Record) -> None:
    body = BODY | {"project_id": project["id"], "networks": ["192.0.2.0/24", "2001:db8::1"]}
    made = done(alice.post(TOKENS, body))
    token = made.pop("token")
    assert token.startswith("stint_pat_")
    assert {name: made[name] for name in body} == body | {
        "networks": ["192.0.2.0/24", "2001:db8::1/128"]
    }
    assert made["last_used_at"] is None
    assert done(alice.get(f"{TOKENS}/{made['id']}")) == made
    assert done(alice.get(TOKENS)) == [made]


def test_only_the_hash_of_a_token_is_stored(alice: Person, database: str) -> None:
    made = make_token(alice)
    query = "SELECT to_jsonb(api_tokens)::text AS row FROM api_tokens WHERE id = %(id)s"
    (stored,) = rows(database, query, {"id": made["id"]})
    random = made["token"].removeprefix("stint_pat_")[:30]
    assert random not in stored["row"]
    assert hashlib.sha256(made["token"].encode()).hexdigest() in stored["row"]


def test_making_a_token_ignores_an_idempotency_key(alice: Person, database: str) -> None:
    key = f"key-of-{alice.id}"
    first, second = (done(alice.post(TOKENS, BODY, Idempotency_Key=key)) for _ in range(2))
    assert first["token"] != second["token"]
    kept = "SELECT count(*) FROM idempotency_records WHERE key = %(key)s"
    assert number(database, kept, {"key": key}) == 0


@pytest.mark.parametrize(
    ("fields", "days"),
    [({}, 90), ({"expires_in_days": 1}, 1), ({"expires_in_days": 366}, 366)],
)
def test_a_token_expires_after_90_days_unless_told_otherwise(
    alice: Person, fields: Record, days: int
) -> None:
    made = make_token(alice, **fields)
    lifetime = moment(made["expires_at"]) - datetime.now(UTC)
    assert abs(lifetime - timedelta(days=days)) < timedelta(minutes=1)


def test_a_token_expires_when_it_is_told_to(alice: Person) -> None:
    ends = in_days(2)
    assert moment(make_token(alice, expires_at=ends)["expires_at"]) == moment(ends)


@pytest.mark.parametrize("ends", [ago(seconds=1), in_days(366.1)], ids=["past", "late"])
def test_a_token_expires_within_366_days(alice: Person, ends: str) -> None:
    assert refusal(alice.post(TOKENS, BODY | {"expires_at": ends})) == (400, "bad_expiry")


@pytest.mark.parametrize(
    "fields",
    [
        {"name": " "},
        {"scopes": []},
        {"scopes": ["tasks:delete"]},
        {"scopes": ["*"]},
        {"scopes": "tasks:read"},
        {"expires_in_days": 0},
        {"expires_in_days": 367},
        {"expires_in_days": "1"},
        {"expires_in_days": 1, "expires_at": "2026-03-01T00:00:00Z"},
        {"expires_at": "tomorrow"},
        {"project_id": "mine"},
        {"networks": ["192.0.2.1/24"]},
        {"networks": ["example.org"]},
        {"networks": ["192.0.2.0/33"]},
        {"networks": ["192.0.2.0/24"] * 21},
        {"user_id": "01890a5d-ac96-774b-bcce-b302099a8057"},
    ],
    ids=str,
)
def test_a_token_that_does_not_fit_is_refused(alice: Person, fields: Record) -> None:
    assert refusal(alice.post(TOKENS, BODY | fields)) == (422, "invalid_input")


def test_the_same_scope_counts_once(alice: Person) -> None:
    made = make_token(alice, Scope.TASKS_READ, Scope.TASKS_READ)
    assert made["scopes"] == ["tasks:read"]


def test_a_project_of_others_is_refused_like_one_that_does_not_exist(
    alice: Person, bob: Person
) -> None:
    strange = (make_project(bob)["id"], "01890a5d-ac96-774b-bcce-b302099a8057")
    answers = [alice.post(TOKENS, BODY | {"project_id": each}) for each in strange]
    assert [refusal(answer) for answer in answers] == [(404, "not_found")] * 2


def test_one_has_at_most_so_many_tokens_that_work(
    alice: Person, bob: Person, database: str
) -> None:
    made = [make_token(alice) for _ in range(TOKENS_MAX)]
    assert refusal(alice.post(TOKENS, BODY)) == (409, "too_many_api_tokens")
    make_token(bob)
    done(alice.delete(f"{TOKENS}/{made[0]['id']}"))
    make_token(alice)
    expire(database, made[1])
    make_token(alice)
    assert refusal(alice.post(TOKENS, BODY)) == (409, "too_many_api_tokens")


# Lists


def test_tokens_are_listed_newest_first_in_pages(alice: Person, bob: Person) -> None:
    make_token(bob)
    made = [make_token(alice)["id"] for _ in range(3)]
    first = alice.get(f"{TOKENS}?limit=2")
    second = alice.get(first.headers["Link"].partition("/api/v1")[2].partition(">")[0])
    listed = [each["id"] for page in (first, second) for each in done(page)]
    assert listed == made[::-1]


def test_nobody_sees_or_revokes_the_tokens_of_others(alice: Person, bob: Person) -> None:
    path = f"{TOKENS}/{make_token(bob)['id']}"
    assert [refusal(answer) for answer in (alice.get(path), alice.delete(path))] == [
        (404, "not_found")
    ] * 2
    assert bob.get(path).status_code == 200


# The end of one


def test_a_revoked_token_does_not_work_and_is_not_listed(alice: Person) -> None:
    ends, stays = make_token(alice), make_token(alice)
    assert acting(alice, ends).get("/users/me").status_code == 200
    assert alice.delete(f"{TOKENS}/{ends['id']}").status_code == 204
    assert refusal(acting(alice, ends).get("/users/me")) == (401, "token_invalid")
    assert acting(alice, stays).get("/users/me").status_code == 200
    assert [each["id"] for each in done(alice.get(TOKENS))] == [stays["id"]]
    assert alice.delete(f"{TOKENS}/{ends['id']}").status_code == 404


def test_an_expired_token_does_not_work_and_is_not_listed(alice: Person, database: str) -> None:
    token = make_token(alice)
    expire(database, token)
    assert refusal(acting(alice, token).get("/users/me")) == (401, "token_invalid")
    assert done(alice.get(TOKENS)) == []
    assert alice.delete(f"{TOKENS}/{token['id']}").status_code == 404


def test_neither_signing_out_nor_a_new_password_ends_tokens(alice: Person) -> None:
    """Programs depend on them: whoever has to end them says so."""
    robot = with_token(alice)
    body = {"current_password": PASSWORD, "new_password": PASSWORD[::-1]}
    done(alice.post("/users/me/password", body))
    done(alice.delete("/auth/sessions"))
    assert robot.get("/users/me").status_code == 200


def test_all_tokens_of_a_user_and_their_agents_end_at_once(
    alice: Person, bob: Person, agent: Record
) -> None:
    made = [make_token(alice), make_token(alice), make_token(alice, agent_id=agent["id"])]
    others = with_token(bob)
    for each in made:
        assert acting(alice, each).get("/users/me").status_code == 200
    done(alice.delete(TOKENS))
    answers = [acting(alice, each).get("/users/me") for each in made]
    assert [refusal(answer) for answer in answers] == [(401, "token_invalid")] * 3
    assert others.get("/users/me").status_code == 200
    revoked = done(alice.get("/audit?action=token.revoked"))
    assert {each["subject_id"] for each in revoked} == {each["id"] for each in made}


def test_switching_an_agent_off_is_written_down_as_the_end_of_its_tokens(
    alice: Person, agent: Record
) -> None:
    made = make_token(alice, agent_id=agent["id"])
    done(alice.patch(f"/agents/{agent['id']}", {"is_active": False}))
    (revoked,) = done(alice.get("/audit?action=token.revoked"))
    assert revoked["subject_id"] == made["id"]


def test_tokens_that_ended_are_purged(app: Flask, alice: Person, database: str) -> None:
    revoked, expired, kept = (make_token(alice) for _ in range(3))
    done(alice.delete(f"{TOKENS}/{revoked['id']}"))
    expire(database, expired)
    result = app.test_cli_runner().invoke(args=["purge"])
    assert result.exit_code == 0, result.output
    left = "SELECT id::text AS id FROM api_tokens WHERE user_id = %(id)s"
    assert rows(database, left, {"id": alice.id}) == [{"id": kept["id"]}]


# What it is presented as


@pytest.mark.parametrize(
    "token", [NOBODYS, "stint_pat_", "stint_agt_x", "stint_pat_" + "A" * 7_000]
)
def test_a_token_that_was_never_made_is_refused(anonymous: Person, token: str) -> None:
    answer = anonymous.get("/users/me", Authorization=f"Bearer {token}")
    assert refusal(answer) == (401, "token_invalid")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "stint_" not in answer.text


def test_a_token_with_a_typing_error_asks_the_database_nothing(
    anonymous: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(_digest: str) -> None:
        raise AssertionError("it was looked up")

    monkeypatch.setattr("api.middleware.auth.credential_service.find_api_token", ask)
    wrong = NOBODYS[:-1] + "0"
    answer = anonymous.get("/users/me", Authorization=f"Bearer {wrong}")
    assert refusal(answer) == (401, "token_invalid")


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_a_token_in_a_cookie_does_not_count(app: Flask, alice: Person, method: str) -> None:
    """Browsers send cookies by themselves, and no CSRF token belongs to an API token."""
    token = make_token(alice)["token"]
    assert acting(alice, {"token": token}).get("/users/me").status_code == 200
    browser = Person(app.test_client())
    browser.client.set_cookie("__Host-stint_access", token)
    answer = browser.send(method, "/users/me", headers={}, json={"name": "Mallory"})
    assert refusal(answer) == (401, "token_invalid")


def test_a_token_is_no_refresh_token(anonymous: Person, alice: Person) -> None:
    body = {"refresh_token": make_token(alice)["token"]}
    assert refusal(anonymous.post("/auth/refresh", body)) == (401, "token_invalid")


# Networks


def from_address(person: Person, address: str) -> Person:
    client = person.client.application.test_client()
    client.environ_base["REMOTE_ADDR"] = address
    return Person(client, person.id, tokens=person.tokens)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.7", 200),
        ("::ffff:192.0.2.7", 200),
        ("2001:db8::7", 200),
        ("192.0.3.7", 403),
        ("2001:db9::7", 403),
        ("", 403),
    ],
)
def test_a_token_works_from_its_networks_only(alice: Person, address: str, expected: int) -> None:
    robot = with_token(alice, networks=["192.0.2.0/24", "2001:db8::/32"])
    for _ in range(2):  # also when the worker knows it already
        assert from_address(robot, address).get("/users/me").status_code == expected


def test_an_address_is_looked_at_on_every_request(alice: Person, database: str) -> None:
    robot = with_token(alice, networks=["192.0.2.0/24"])
    inside, outside = from_address(robot, "192.0.2.1"), from_address(robot, "192.0.3.1")
    assert inside.get("/users/me").status_code == 200
    assert refusal(outside.get("/users/me")) == (403, "network_not_allowed")
    assert inside.get("/users/me").status_code == 200


# Last use


def test_a_use_is_noted_also_of_a_read(alice: Person) -> None:
    token = make_token(alice)
    assert last_use(alice, token) is None
    done(acting(alice, token).get("/users/me"))
    used = last_use(alice, token)
    assert used is not None
    assert abs(moment(used) - datetime.now(UTC)) < timedelta(seconds=10)


def test_a_use_is_noted_even_if_the_request_comes_to_nothing(alice: Person) -> None:
    token = make_token(alice)
    assert acting(alice, token).post("/tasks", {}).status_code == 422
    assert last_use(alice, token) is not None


def test_a_use_from_elsewhere_is_none(alice: Person) -> None:
    token = make_token(alice, networks=["192.0.2.0/24"])
    assert acting(alice, token).get("/users/me").status_code == 403
    assert last_use(alice, token) is None


def test_uses_within_a_minute_are_written_once(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[str] = []
    monkeypatch.setattr("api.middleware.auth.api_token_service.note_use", noted.append)
    token = make_token(alice)
    for _ in range(5):
        done(acting(alice, token).get("/users/me"))
    assert noted == [token["id"]]


@pytest.mark.parametrize(("seconds", "is_noted"), [(59, False), (61, True)])
def test_of_several_workers_one_writes_each_minute(
    alice: Person, database: str, seconds: int, *, is_noted: bool
) -> None:
    token = make_token(alice)
    query = (
        "UPDATE api_tokens SET last_used_at = now() - make_interval(secs => %(seconds)s)"
        " WHERE id = %(id)s RETURNING last_used_at AS at"
    )
    (before,) = rows(database, query, {"id": token["id"], "seconds": seconds})
    done(acting(alice, token).get("/users/me"))  # this worker has noted no use of it yet
    after = moment(last_use(alice, token) or "")
    assert (after > before["at"]) == is_noted


# Those of agents


@pytest.fixture
def agent(alice: Person) -> Record:
    made: Record = done(alice.post("/agents", {"name": "Builder", "kind": "ci"}))
    return made


def test_a_token_of_an_agent_speaks_for_the_agent(alice: Person, agent: Record) -> None:
    made = make_token(alice, agent_id=agent["id"])
    assert made["token"].startswith("stint_agt_")
    assert done(acting(alice, made).get("/users/me"))["id"] == agent["id"]


def test_an_owner_lists_and_revokes_the_tokens_of_an_agent(alice: Person, agent: Record) -> None:
    own, made = make_token(alice), make_token(alice, agent_id=agent["id"])
    path = f"/agents/{agent['id']}/tokens"
    assert [each["id"] for each in done(alice.get(path))] == [made["id"]]
    assert alice.delete(f"{path}/{own['id']}").status_code == 404
    done(alice.delete(f"{path}/{made['id']}"))
    assert refusal(acting(alice, made).get("/users/me")) == (401, "token_invalid")
    assert done(alice.get(path)) == []


def test_a_token_of_an_agent_is_limited_to_projects_of_the_agent(
    alice: Person, agent: Record, project: Record
) -> None:
    path, body = f"/agents/{agent['id']}/tokens", BODY | {"project_id": project["id"]}
    assert refusal(alice.post(path, body)) == (404, "not_found")
    add_member(alice, project, Person(alice.client, agent["id"]), "editor")
    assert done(alice.post(path, body))["project_id"] == project["id"]


@pytest.mark.parametrize("path", [TOKENS, "/agents/{id}/tokens"])
def test_a_token_makes_no_tokens(alice: Person, agent: Record, path: str) -> None:
    answer = with_token(alice).post(path.format(**agent), BODY)
    assert refusal(answer) == (403, "session_only")


def test_the_tokens_of_a_disabled_account_end(alice: Person, agent: Record, database: str) -> None:
    robots = [with_token(alice), acting(alice, make_token(alice, agent_id=agent["id"]))]
    query = "UPDATE users SET is_active = false WHERE id = %(id)s"
    rows(database, query, {"id": alice.id})
    assert [refusal(each.get("/users/me")) for each in robots] == [(401, "token_invalid")] * 2


def test_a_token_goes_with_its_project_and_is_never_without_its_limit(
    alice: Person, project: Record, database: str
) -> None:
    made: dict[str, Any] = make_token(alice, project_id=project["id"])
    query = (
        "SELECT confdeltype::text AS action FROM pg_constraint"
        " WHERE conname = 'fk_api_tokens_project_id'"
    )
    assert rows(database, query) == [{"action": "c"}]  # CASCADE
    done(alice.delete(f"/projects/{project['id']}"))
    answer = acting(alice, made).get(f"/projects/{project['id']}")
    assert answer.status_code == 404
