"""What becomes of somebody's things, and of the others, when they delete their account."""

from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from models.base import Base
from tests.api.access_world import make_agent
from tests.changes import throw_away
from tests.clockify import bring_in, export, line, verify
from tests.factories import PASSWORD, Person, add_member, as_agent, email_of, log_in, sign_up
from tests.records import (
    ELEVEN,
    NOON,
    Record,
    done,
    ids,
    make_comment,
    make_entry,
    make_item,
    make_project,
    make_task,
    refusal,
    start_timer,
)
from tests.sql import connect, number, rows

NAME = "Zebedee"
TABLES = sorted(Base.metadata.tables)
WORK = ("tasks", "items", "comments", "time_entries", "operations", "projects", "memberships")


def delete_account(person: Person, password: str = PASSWORD) -> TestResponse:
    return person.send("DELETE", "/users/me", headers={}, json={"password": password})


def tables_with(database: str, word: str) -> list[str]:
    """Return the tables in which some column of some row has this word."""
    found = []
    with connect(database) as connection:
        for table in TABLES:
            query = f"SELECT FROM {table} AS row WHERE row::text ILIKE %s"
            if connection.execute(query.encode(), [f"%{word}%"]).rowcount:
                found.append(table)
        body = "SELECT FROM idempotency_records WHERE encode(body, 'escape') ILIKE %s"
        if connection.execute(body.encode(), [f"%{word}%"]).rowcount:
            found.append("idempotency_records")
    return found


def purge(app: Flask) -> None:
    result = app.test_cli_runner().invoke(args=["purge"])
    assert result.exit_code == 0, result.output


@pytest.fixture
def shared(alice: Person, bob: Person, project: Record) -> Record:
    """A project of Alice's that Bob may edit."""
    add_member(alice, project, bob, "editor")
    return project


def test_a_wrong_password_deletes_nothing(bob: Person) -> None:
    assert refusal(delete_account(bob, "wrong horse")) == (403, "wrong_password")
    assert bob.get("/users/me").status_code == 200
    newest = done(bob.get("/audit"))[0]
    assert (newest["action"], newest["actor_id"]) == ("confirmation.refused", None)


def test_an_agent_deletes_no_account(alice: Person, database: str) -> None:
    agent = make_agent(alice)
    assert refusal(delete_account(agent)) == (403, "session_only")


def test_who_deleted_their_account_is_signed_out_everywhere(app: Flask, bob: Person) -> None:
    phone = Person(app.test_client(), bob.id, bob.email)
    log_in(phone)
    done(delete_account(bob))
    for device in (bob, phone):
        assert device.get("/users/me").status_code == 401
    sign_in = {"email": bob.email, "password": PASSWORD}
    assert refusal(bob.post("/auth/login", sign_in)) == (401, "wrong_credentials")


def test_the_address_can_sign_up_anew(app: Flask, bob: Person) -> None:
    make_task(bob)
    done(delete_account(bob))
    account = {"email": bob.email, "password": PASSWORD, "name": "Bob"}
    again = Person(app.test_client(), email=bob.email)
    assert done(again.post("/users", account))["id"] != bob.id
    log_in(again)
    assert ids(again.get("/tasks")) == []


def test_what_they_did_with_others_stays_without_their_name(
    alice: Person, bob: Person, shared: Record
) -> None:
    place = {"project_id": shared["id"]}
    task = make_task(bob, assignee_id=bob.id, **place)
    comment = make_comment(bob, task, "Slowly")
    entry = make_entry(bob, task_id=task["id"])
    done(delete_account(bob))
    assert done(alice.get(f"/tasks/{task['id']}")) == task | {"assignee_id": bob.id}
    assert done(alice.get(f"/comments/{comment['id']}")) == comment
    assert done(alice.get(f"/time-entries/{entry['id']}")) == entry
    march = f"project_id={shared['id']}&group_by=user&from=2026-03-01&to=2026-04-01"
    (group,) = done(alice.get(f"/reports/time?{march}"))["groups"]
    assert (group["key"], group["label"], group["seconds"]) == (bob.id, "deleted user", 3600)


def test_they_are_in_no_project_any_more(alice: Person, bob: Person, shared: Record) -> None:
    path = f"/projects/{shared['id']}/members"
    done(delete_account(bob))
    assert [member["user_id"] for member in done(alice.get(path))] == [alice.id]
    answer = alice.post(path, {"user_id": bob.id})
    assert refusal(answer) == (400, "account_not_found")


def test_their_running_timer_stops(alice: Person, bob: Person, shared: Record) -> None:
    entry = start_timer(bob, project_id=shared["id"])
    done(delete_account(bob))
    assert done(alice.get(f"/time-entries/{entry['id']}"))["ended_at"] is not None


def test_what_others_said_to_them_can_still_be_read_and_changed(
    alice: Person, bob: Person, shared: Record
) -> None:
    task = make_task(alice, project_id=shared["id"])
    comment = make_comment(alice, task, "@Bob, look!")
    assert comment["mentions"] == [bob.id]
    done(delete_account(bob))
    assert done(alice.get(f"/comments/{comment['id']}")) == comment
    changed = done(alice.patch(f"/comments/{comment['id']}", {"body": "@Bob, look here!"}))
    assert changed["mentions"] == []


def test_the_last_owner_of_what_others_are_in_stays(alice: Person, bob: Person) -> None:
    owned = make_project(bob)
    add_member(bob, owned, alice, "editor")
    answer = delete_account(bob)
    assert refusal(answer) == (409, "last_owner")
    assert answer.get_json()["project_ids"] == [owned["id"]]
    assert ids(bob.get("/projects")) == [owned["id"]]
    done(bob.patch(f"/projects/{owned['id']}/members/{alice.id}", {"role": "owner"}))
    done(delete_account(bob))
    assert done(alice.get(f"/projects/{owned['id']}"))["role"] == "owner"


def test_a_disabled_owner_is_none(alice: Person, bob: Person, database: str) -> None:
    owned = make_project(bob)
    add_member(bob, owned, alice, "owner")
    rows(database, "UPDATE users SET is_active = false WHERE id = %(id)s", {"id": alice.id})
    assert refusal(delete_account(bob)) == (409, "last_owner")


def test_a_project_of_theirs_in_the_trash_holds_nobody_back(alice: Person, bob: Person) -> None:
    owned = make_project(bob)
    add_member(bob, owned, alice, "editor")
    done(bob.delete(f"/projects/{owned['id']}"))
    done(delete_account(bob))


def test_their_agents_go_along(alice: Person, bob: Person, shared: Record, database: str) -> None:
    agent = make_agent(bob)
    path = f"/projects/{shared['id']}/members"
    done(alice.patch(f"{path}/{bob.id}", {"role": "owner"}))
    done(bob.post(path, {"user_id": agent.id}))
    start_timer(agent, project_id=shared["id"])
    done(delete_account(bob))
    assert agent.get("/users/me").status_code == 401
    assert [member["user_id"] for member in done(alice.get(path))] == [alice.id]
    assert refusal(alice.get(f"/agents/{agent.id}")) == (404, "not_found")


def test_what_was_theirs_alone_is_gone_for_good(
    app: Flask, bob: Person, alice: Person, shared: Record, database: str
) -> None:
    """The word is in all that they wrote where nobody else could read it."""
    own = make_project(bob, name="Wombat shop", description="wombat")
    for place in ({}, {"project_id": own["id"]}):
        task = make_task(bob, title="Feed the wombat", **place)
        make_item(bob, "Wombat food", task_id=task["id"])
        make_comment(bob, task, "What a wombat")
        make_entry(bob, task_id=task["id"], note="Wombat", allow_overlap=True)
        throw_away(bob, f"/tasks/{make_task(bob, title='Old wombat', **place)['id']}")
        throw_away(bob, f"/items/{make_item(bob, 'Old wombat', task_id=task['id'])['id']}")
    make_item(bob, "Call the wombat")
    make_entry(bob, ELEVEN, NOON, note="Wombat", project_id=own["id"])
    throw_away(bob, f"/items/{make_item(bob, 'Old wombat')['id']}")
    gone = make_project(bob, name="Wombat club")
    make_task(bob, project_id=gone["id"], title="Meet the wombat")
    throw_away(bob, f"/projects/{gone['id']}")
    several = [make_task(bob, title="Wombat"), make_task(bob, title="Ox", project_id=shared["id"])]
    changes = [{"kind": "delete", "id": task["id"]} for task in several]
    done(bob.post("/tasks/bulk", {"changes": changes}))
    agent = make_agent(bob)
    make_task(agent, title="Wombat watch")
    assert set(tables_with(database, "wombat")) >= set(WORK) - {"memberships"}
    done(delete_account(bob))
    purge(app)
    assert tables_with(database, "wombat") == []
    theirs = "SELECT count(*) FROM tasks WHERE created_by = %(id)s AND project_id IS NULL"
    assert number(database, theirs, {"id": bob.id}) == 0
    kept = "SELECT count(*) FROM tasks WHERE id = %(id)s"
    assert number(database, kept, several[1]) == 1


def test_the_trash_of_others_stays(app: Flask, alice: Person, bob: Person, shared: Record) -> None:
    operation = throw_away(bob, f"/tasks/{make_task(bob, project_id=shared['id'])['id']}")
    done(delete_account(bob))
    purge(app)
    assert operation in ids(alice.get("/trash"))
    assert done(alice.post(f"/trash/{operation}/restore"))["restored"] == {"task": 1}


def test_who_has_worked_in_a_project_that_is_gone_keeps_the_time(
    app: Flask, alice: Person, bob: Person
) -> None:
    owned = make_project(bob)
    add_member(bob, owned, alice, "editor")
    entry = make_entry(alice, project_id=owned["id"])
    done(alice.delete(f"/projects/{owned['id']}/members/{alice.id}"))
    done(delete_account(bob))
    purge(app)
    assert done(alice.get(f"/time-entries/{entry['id']}")) == entry


def test_nothing_names_who_deleted_their_account(
    app: Flask, alice: Person, project: Record, database: str
) -> None:
    zebedee = sign_up(app, NAME)
    add_member(alice, project, zebedee, "editor")
    own = make_project(zebedee)
    done(zebedee.patch("/users/me", {"name": f"{NAME} the Great"}, Idempotency_Key="rename"))
    done(zebedee.post("/agents", {"name": "Helper", "kind": "ci"}))
    task = make_task(zebedee, project_id=project["id"])
    make_comment(zebedee, task, "Slowly")
    make_entry(zebedee, project_id=own["id"])
    shop = make_project(alice)
    add_member(alice, shop, zebedee, "viewer")
    done(zebedee.delete(f"/projects/{shop['id']}/members/{zebedee.id}"))
    before = tables_with(database, NAME)
    assert set(before) >= {"users", "events", "idempotency_records"}
    done(delete_account(zebedee))
    assert tables_with(database, NAME) == []
    assert tables_with(database, zebedee.email.partition("@")[0]) == []


def test_nothing_tells_what_their_agents_were(
    alice: Person, bob: Person, shared: Record, database: str
) -> None:
    """An agent is often called after whose it is; what it did stays readable without that."""
    body = {
        "name": f"Agent of {NAME}",
        "kind": f"{NAME} 1",
        "description": f"Works for {NAME}",
        "agent_metadata": {"boss": NAME},
    }
    agent = as_agent(bob, done(bob.post("/agents", body))["id"])
    done(alice.patch(f"/projects/{shared['id']}/members/{bob.id}", {"role": "owner"}))
    done(bob.post(f"/projects/{shared['id']}/members", {"user_id": agent.id}))
    task = make_task(agent, project_id=shared["id"])
    done(delete_account(bob))
    assert tables_with(database, NAME) == []
    assert done(alice.get(f"/tasks/{task['id']}"))["created_by"] == agent.id


def test_nothing_tells_by_which_address_an_import_had_named_them(
    app: Flask, alice: Person, project: Record, database: str
) -> None:
    carol = sign_up(app, "Carol")
    bring_in(alice, export(line(carol.email)), project_id=project["id"])
    verify(app, carol)
    done(delete_account(carol))
    assert tables_with(database, carol.email.partition("@")[0]) == []


def test_the_audit_log_keeps_what_happened_but_not_from_where(bob: Person, database: str) -> None:
    done(delete_account(bob))
    kept = rows(database, "SELECT action, ip FROM audit WHERE user_id = %(id)s", {"id": bob.id})
    assert {row["action"] for row in kept} >= {"session.opened", "session.ended", "user.deleted"}
    assert {row["ip"] for row in kept} == {None}


def test_nothing_that_served_to_sign_in_is_kept(bob: Person, database: str) -> None:
    done(bob.post("/ws/tickets"))
    done(delete_account(bob))
    values: dict[str, Any] = {"id": bob.id}
    assert number(database, "SELECT count(*) FROM sessions WHERE user_id = %(id)s", values) == 0
    (row,) = rows(
        database,
        "SELECT email, password_hash, is_active, deleted_at IS NULL AS lives FROM users"
        " WHERE id = %(id)s",
        values,
    )
    expected = {"email": None, "password_hash": None, "is_active": False, "lives": False}
    assert row == expected


def test_who_stands_for_them_in_an_import_stays(app: Flask, alice: Person, project: Record) -> None:
    """Whoever has the address may still take over what others have brought in for it."""
    bring_in(alice, export(line(email := email_of("Carol"))), project_id=project["id"])
    path = f"/projects/{project['id']}/members"
    before = done(alice.get(path))
    assert [member["placeholder"] for member in before] == [False, True]
    carol = Person(app.test_client(), email=email)
    done(carol.post("/users", {"email": email, "password": PASSWORD, "name": "Carol"}))
    log_in(carol)
    done(delete_account(carol))
    assert done(alice.get(path)) == before
