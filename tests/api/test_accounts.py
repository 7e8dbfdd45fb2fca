"""What administrators do with the accounts of others."""

from functools import partial

import pytest
from flask import Flask

from config import settings
from tests.api.access_world import make_agent
from tests.factories import PASSWORD, Person, log_in, make_admin, sign_up
from tests.records import Record, done, ids, refusal, start_timer
from tests.sql import rows
from tests.waiting import wait_until


@pytest.fixture
def admin(app: Flask) -> Person:
    """Somebody who administers the installation."""
    return make_admin(app, "Admin")


@pytest.fixture
def only_admin(admin: Person, database: str) -> Person:
    """Somebody who does that alone."""
    others = "UPDATE users SET role = 'member' WHERE role = 'admin' AND id <> %(id)s"
    rows(database, others, {"id": admin.id})
    return admin


def account_of(admin: Person, person: Person) -> Record:
    account: Record = done(admin.get(f"/users/{person.id}"))
    return account


def test_an_account_tells_who_it_is_and_nothing_of_what_they_do(
    admin: Person, alice: Person
) -> None:
    account = account_of(admin, alice)
    assert (account["email"], account["name"]) == (alice.email, "Alice")
    assert account.keys() == {
        "id",
        "email",
        "name",
        "role",
        "is_active",
        "verified",
        "created_at",
        "updated_at",
        "version",
    }


def test_accounts_are_listed_newest_first(admin: Person, alice: Person, bob: Person) -> None:
    assert ids(admin.get("/users?limit=2")) == [bob.id, alice.id]


def test_accounts_are_found_by_name_address_role_and_state(
    app: Flask, admin: Person, alice: Person
) -> None:
    carol = sign_up(app, "Carolin")
    assert ids(admin.get("/users?search=AROLI&limit=1")) == [carol.id]
    assert ids(admin.get(f"/users?search={carol.email.upper()}")) == [carol.id]
    assert ids(admin.get(f"/users?search={alice.email[1:]}")) == []
    assert admin.id in ids(admin.get("/users?role=admin"))
    assert alice.id not in ids(admin.get("/users?role=admin&limit=200"))
    assert carol.id not in ids(admin.get("/users?is_active=false&limit=200"))


def test_agents_are_no_accounts(admin: Person, alice: Person) -> None:
    agent = done(alice.post("/agents", {"name": "Builder", "kind": "ci"}))
    assert refusal(admin.get(f"/users/{agent['id']}")) == (404, "not_found")
    assert agent["id"] not in ids(admin.get("/users?limit=3"))


def test_a_disabled_account_is_signed_out_and_cannot_sign_in(admin: Person, alice: Person) -> None:
    assert done(admin.patch(f"/users/{alice.id}", {"is_active": False}))["is_active"] is False
    assert alice.get("/users/me").status_code == 401
    sign_in = {"email": alice.email, "password": PASSWORD}
    assert refusal(alice.post("/auth/login", sign_in)) == (401, "wrong_credentials")
    assert (
        refusal(alice.post("/auth/refresh", {"refresh_token": alice.tokens["refresh_token"]}))[0]
        == 401
    )


def test_an_enabled_account_signs_in_again_and_finds_its_work(admin: Person, alice: Person) -> None:
    task = done(alice.post("/tasks", {"title": "Write"}))
    done(admin.patch(f"/users/{alice.id}", {"is_active": False}))
    done(admin.patch(f"/users/{alice.id}", {"is_active": True}))
    assert alice.get("/users/me").status_code == 401
    log_in(alice)
    assert ids(alice.get("/tasks")) == [task["id"]]


def test_an_administrator_signs_somebody_out_and_changes_nothing_else(
    admin: Person, alice: Person, bob: Person
) -> None:
    before = account_of(admin, alice)
    done(admin.delete(f"/users/{alice.id}/sessions"))
    refresh = alice.post("/auth/refresh", {"refresh_token": alice.tokens["refresh_token"]})
    assert refusal(refresh) == (401, "session_over")
    assert refusal(alice.get("/users/me")) == (401, "session_over")
    assert bob.get("/users/me").status_code == 200
    log_in(alice)
    assert account_of(admin, alice) == before
    ended = done(alice.get("/audit?action=session.ended"))
    assert [(each["actor_id"], each["ip"]) for each in ended] == [(admin.id, None)]


def test_agents_are_not_signed_out(admin: Person, alice: Person) -> None:
    agent = done(alice.post("/agents", {"name": "Builder", "kind": "ci"}))
    assert refusal(admin.delete(f"/users/{agent['id']}/sessions")) == (404, "not_found")


def test_timers_of_a_disabled_account_stop(admin: Person, alice: Person, database: str) -> None:
    entry = start_timer(alice)
    done(admin.patch(f"/users/{alice.id}", {"is_active": False}))
    running = "SELECT ended_at IS NULL AS runs FROM time_entries WHERE id = %(id)s"
    assert rows(database, running, entry) == [{"runs": False}]


def test_timers_of_their_agents_stop_too(admin: Person, alice: Person, database: str) -> None:
    entries = [start_timer(make_agent(alice)) for _ in range(2)]
    done(admin.patch(f"/users/{alice.id}", {"is_active": False}))
    query = "SELECT ended_at IS NULL AS runs FROM time_entries WHERE id = ANY(%(ids)s::uuid[])"
    found = rows(database, query, {"ids": [entry["id"] for entry in entries]})
    assert found == [{"runs": False}] * 2


def test_agents_act_again_once_their_owner_is_enabled(admin: Person, alice: Person) -> None:
    """Programs depend on their tokens: those are not made anew for every mistake."""
    agent = make_agent(alice)
    for is_active, status in ((True, 200), (False, 401), (True, 200)):
        done(admin.patch(f"/users/{alice.id}", {"is_active": is_active}))
        wait_until(partial(has_status, agent, status), seconds=3)


def has_status(person: Person, status: int) -> bool:
    return person.get("/users/me").status_code == status


def test_a_promoted_account_administers_at_once(admin: Person, alice: Person) -> None:
    answer = alice.get("/users")
    assert refusal(answer) == (403, "admin_only")
    assert "`flask make-admin ADDRESS`" in answer.get_json()["detail"]
    done(admin.patch(f"/users/{alice.id}", {"role": "admin"}))
    assert alice.get("/users").status_code == 200
    done(admin.patch(f"/users/{alice.id}", {"role": "member"}))
    assert refusal(alice.get("/users")) == (403, "admin_only")


def test_a_change_of_an_older_version_is_refused(admin: Person, alice: Person) -> None:
    account = account_of(admin, alice)
    done(alice.patch("/users/me", {"name": "Alicia"}))
    answer = admin.patch(f"/users/{alice.id}", {"role": "admin"}, If_Match='"v1"')
    assert refusal(answer) == (412, "version_mismatch")
    assert answer.get_json()["current"]["version"] == account["version"] + 1


@pytest.mark.parametrize("changes", [{"role": "member"}, {"is_active": False}])
def test_the_last_administrator_stays_one(
    only_admin: Person, alice: Person, changes: Record
) -> None:
    path = f"/users/{only_admin.id}"
    assert refusal(only_admin.patch(path, changes)) == (409, "last_admin")
    assert account_of(only_admin, only_admin)["role"] == "admin"
    done(only_admin.patch(f"/users/{alice.id}", {"role": "admin"}))
    done(only_admin.patch(path, changes))


def test_the_last_administrator_does_not_delete_their_account(
    only_admin: Person, alice: Person
) -> None:
    answer = only_admin.send("DELETE", "/users/me", headers={}, json={"password": PASSWORD})
    assert refusal(answer) == (409, "last_admin")
    assert only_admin.get("/users").status_code == 200


def test_what_administrators_do_is_in_the_audit_log(admin: Person, alice: Person) -> None:
    for changes in ({"role": "admin"}, {"is_active": False}, {"is_active": True}):
        done(admin.patch(f"/users/{alice.id}", changes))
    log_in(alice)
    found = [each for each in done(alice.get("/audit")) if each["actor_id"] == admin.id]
    assert [each["action"] for each in found] == [
        "user.enabled",
        "session.ended",
        "user.disabled",
        "user.role_changed",
    ]
    assert {(each["ip"], each["credential_id"]) for each in found} == {(None, None)}


def test_make_admin_says_what_it_did(app: Flask, alice: Person) -> None:
    result = app.test_cli_runner().invoke(args=["make-admin", alice.email.upper()])
    assert result.stdout == f"{alice.email} is an administrator.\n"
    assert done(alice.get("/users/me"))["role"] == "admin"
    (entry,) = done(alice.get("/audit?action=user.role_changed"))
    assert entry["actor_id"] is None


def test_make_admin_of_nobody_fails(app: Flask) -> None:
    result = app.test_cli_runner().invoke(args=["make-admin", "nobody@example.org"])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: No account uses nobody@example.org")


def test_who_signs_up_is_no_administrator(alice: Person) -> None:
    assert done(alice.get("/users/me"))["role"] == "member"


def test_the_details_of_health_tell_how_the_installation_does(admin: Person, database: str) -> None:
    details = done(admin.get("/health/details"))
    (server,) = rows(database, "SELECT current_setting('server_version') AS version")
    assert details["database_version"] == server["version"]
    assert details["schema_revision"] == done(admin.get("/health/ready"))["schema_revision"]
    assert details["pool"]["size"] == settings.database_pool_size
    assert 1 <= details["pool"]["in_use"] <= details["pool"]["size"]
    assert details["bus"] == {"channel": "postgres", "is_connected": False}  # nothing serves here
    assert details["sockets"] == 0


def test_the_details_of_health_tell_when_nobody_purges(
    app: Flask, admin: Person, alice: Person, database: str
) -> None:
    app.test_cli_runner().invoke(args=["purge"])
    assert done(admin.get("/health/details"))["purge_overdue_since"] is None
    old = "UPDATE events SET at = now() - interval '40 days' WHERE room = %(room)s"
    rows(database, old, {"room": f"user:{alice.id}"})
    assert done(admin.get("/health/details"))["purge_overdue_since"] is not None
    app.test_cli_runner().invoke(args=["purge"])
    assert done(admin.get("/health/details"))["purge_overdue_since"] is None
