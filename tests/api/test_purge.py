"""What `flask purge` deletes for good, and what stays."""

from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from tests.agents import claim_one, make_agent
from tests.factories import Person, add_member
from tests.records import (
    ELEVEN,
    TEN,
    Record,
    done,
    event_types,
    ids,
    make_comment,
    make_entry,
    make_item,
    make_project,
    make_task,
)
from tests.sql import number, rows

MANY = 3_000

AGE = """
    UPDATE operations SET deleted_at = deleted_at - make_interval(days => %(days)s)
    WHERE id = %(operation)s
"""
TITLE = "SELECT title FROM tasks WHERE id = %(id)s"
TABLES = ("tasks", "items", "comments", "time_entries", "operations")


def purge(app: Flask) -> Result:
    result = app.test_cli_runner().invoke(args=["purge"])
    assert result.exit_code == 0, result.output
    return result


def newest(person: Person) -> str:
    """Return the operation of what somebody has just deleted."""
    operation: str = done(person.get("/trash?limit=1"))[0]["id"]
    return operation


def age(database: str, operation: str, days: int = 31) -> None:
    """Let an operation lie so many days back."""
    rows(database, AGE, {"operation": operation, "days": days})


def delete_long_ago(database: str, person: Person, path: str) -> str:
    done(person.delete(path))
    operation = newest(person)
    age(database, operation)
    return operation


def stored(database: str, table: str, record: Record) -> list[dict[str, Any]]:
    """Return the row of something, past the service."""
    query = {
        "tasks": "SELECT * FROM tasks WHERE id = %(id)s",
        "items": "SELECT * FROM items WHERE id = %(id)s",
        "comments": "SELECT * FROM comments WHERE id = %(id)s",
        "time_entries": "SELECT * FROM time_entries WHERE id = %(id)s",
        "projects": "SELECT * FROM projects WHERE id = %(id)s",
    }[table]
    return rows(database, query, {"id": record["id"]})


@pytest.fixture
def task(alice: Person, project: Record) -> Record:
    """A task of Alice's project."""
    return make_task(alice, project_id=project["id"], description="At length", labels=["often"])


# What goes


def test_what_has_lain_in_the_trash_for_30_days_goes(
    app: Flask, database: str, alice: Person, task: Record
) -> None:
    item, comment, entry = make_item(alice), make_comment(alice, task, "So"), make_entry(alice)
    paths = [
        f"/items/{item['id']}",
        f"/comments/{comment['id']}",
        f"/time-entries/{entry['id']}",
        f"/tasks/{task['id']}",
    ]
    operations = [delete_long_ago(database, alice, path) for path in paths]
    purge(app)
    gone = {"items": item, "comments": comment, "time_entries": entry, "tasks": task}
    assert [stored(database, table, record) for table, record in gone.items()] == [[]] * 4
    kept = "SELECT count(*) FROM operations WHERE id = ANY(%(ids)s)"
    assert number(database, kept, {"ids": operations}) == 0


def test_what_is_newer_stays_and_can_come_back(
    app: Flask, database: str, alice: Person, task: Record
) -> None:
    comment = make_comment(alice, task, "Slowly")
    done(alice.delete(f"/tasks/{task['id']}"))
    operation = newest(alice)
    age(database, operation, days=29)
    purge(app)
    assert done(alice.post(f"/trash/{operation}/restore"))["restored"] == {"task": 1}
    assert ids(alice.get(f"/tasks/{task['id']}/comments")) == [comment["id"]]


def test_what_was_never_deleted_stays(app: Flask, alice: Person, task: Record) -> None:
    make_item(alice, task_id=task["id"])
    make_comment(alice, task, "Slowly")
    make_entry(alice, task_id=task["id"])
    paths = [f"/tasks/{task['id']}", f"/items?task_id={task['id']}", "/time-entries", "/trash"]
    before = [done(alice.get(path)) for path in paths]
    purge(app)
    assert [done(alice.get(path)) for path in paths] == before


def test_what_is_older_is_out_of_the_trash_before_it_is_purged(
    database: str, alice: Person, task: Record
) -> None:
    operation = delete_long_ago(database, alice, f"/tasks/{task['id']}")
    assert done(alice.get("/trash")) == []
    assert alice.post(f"/trash/{operation}/restore").status_code == 404


def test_purging_again_changes_nothing(
    app: Flask, database: str, alice: Person, task: Record
) -> None:
    make_entry(alice, task_id=task["id"])
    delete_long_ago(database, alice, f"/tasks/{task['id']}")
    purge(app)
    first = stored(database, "tasks", task)
    assert {line.split(": ")[1] for line in purge(app).stdout.splitlines()} == {"0"}
    assert stored(database, "tasks", task) == first


def test_a_task_takes_its_lines_and_comments_along_those_in_the_trash_too(
    app: Flask, database: str, alice: Person, task: Record
) -> None:
    items = [make_item(alice, task_id=task["id"]) for _ in range(2)]
    comments = [make_comment(alice, task, "Slowly") for _ in range(2)]
    done(alice.delete(f"/items/{items[0]['id']}"))
    done(alice.delete(f"/comments/{comments[0]['id']}"))
    delete_long_ago(database, alice, f"/tasks/{task['id']}")
    purge(app)
    assert not [item for item in items if stored(database, "items", item)]
    assert not [comment for comment in comments if stored(database, "comments", comment)]


def test_subtasks_go_with_their_parent(
    app: Flask, database: str, alice: Person, task: Record
) -> None:
    part = make_task(alice, project_id=task["project_id"], parent_id=task["id"])
    delete_long_ago(database, alice, f"/tasks/{task['id']}")
    purge(app)
    assert (stored(database, "tasks", task), stored(database, "tasks", part)) == ([], [])


@pytest.mark.parametrize("first", ["parent", "part"])
def test_a_subtask_and_its_parent_go_in_either_order(
    app: Flask, database: str, alice: Person, task: Record, first: str
) -> None:
    part = make_task(alice, project_id=task["project_id"], parent_id=task["id"])
    done(alice.delete(f"/tasks/{part['id']}"))
    of_part = newest(alice)
    done(alice.delete(f"/tasks/{task['id']}"))
    of_parent = newest(alice)
    for operation in (of_parent, of_part) if first == "parent" else (of_part, of_parent):
        age(database, operation)
        purge(app)
    assert (stored(database, "tasks", task), stored(database, "tasks", part)) == ([], [])


def test_a_subtask_comes_back_from_a_parent_that_was_purged(
    app: Flask, database: str, alice: Person, task: Record
) -> None:
    part = make_task(alice, project_id=task["project_id"], parent_id=task["id"])
    done(alice.delete(f"/tasks/{part['id']}"))
    of_part = newest(alice)
    delete_long_ago(database, alice, f"/tasks/{task['id']}")
    purge(app)
    assert done(alice.post(f"/trash/{of_part}/restore"))["restored"] == {"task": 1}
    assert done(alice.get(f"/tasks/{part['id']}"))["parent_id"] is None


def test_a_project_goes_with_all_that_is_in_it_and_stays_as_a_name(
    app: Flask, database: str, alice: Person, bob: Person
) -> None:
    project = make_project(alice, name="Shop", description="At length")
    add_member(alice, project, bob, "owner")
    task = make_task(alice, project_id=project["id"])
    item, comment = make_item(alice, task_id=task["id"]), make_comment(alice, task, "Slowly")
    delete_long_ago(database, alice, f"/projects/{project['id']}")
    purge(app)
    gone = {"tasks": task, "items": item, "comments": comment}
    assert [stored(database, table, record) for table, record in gone.items()] == [[]] * 3
    (kept,) = stored(database, "projects", project)
    assert (kept["name"], kept["description"]) == ("Shop", "")
    members = "SELECT count(*) FROM memberships WHERE project_id = %(id)s"
    assert number(database, members, {"id": project["id"]}) == 0
    assert (done(alice.get("/trash")), done(bob.get("/trash"))) == ([], [])


# What stays as a name


def report(person: Person) -> list[tuple[str, int]]:
    groups = done(person.get("/reports/time?from=2026-03-01&to=2026-04-01&group_by=task"))["groups"]
    return [(group["label"], group["seconds"]) for group in groups]


def test_time_stays_with_the_name_of_its_task(
    app: Flask, database: str, alice: Person, task: Record
) -> None:
    entry = make_entry(alice, task_id=task["id"])
    delete_long_ago(database, alice, f"/tasks/{task['id']}")
    purge(app)
    assert done(alice.get(f"/time-entries/{entry['id']}")) == entry
    assert report(alice) == [("Write", 3600)]


@pytest.mark.parametrize("deleted", ["tasks", "projects"])
def test_a_task_that_time_names_keeps_nothing_but_its_name(
    app: Flask, database: str, alice: Person, project: Record, task: Record, deleted: str
) -> None:
    make_entry(alice, task_id=task["id"])
    done(alice.patch(f"/tasks/{task['id']}", {"metadata": {"a": 1}, "assignee_id": alice.id}))
    item, comment = make_item(alice, task_id=task["id"]), make_comment(alice, task, "Slowly")
    path = {"tasks": f"/tasks/{task['id']}", "projects": f"/projects/{project['id']}"}[deleted]
    delete_long_ago(database, alice, path)
    purge(app)
    (kept,) = stored(database, "tasks", task)
    assert (kept["title"], kept["description"], kept["labels"]) == ("Write", "", [])
    assert (kept["metadata"], kept["discussion"], kept["assignee_id"]) == ({}, "", None)
    assert kept["deleted_at"] is not None
    assert (stored(database, "items", item), stored(database, "comments", comment)) == ([], [])


def test_what_agents_said_about_a_purged_task_goes(
    app: Flask, database: str, alice: Person, project: Record, task: Record
) -> None:
    agent = make_agent(alice, project)
    lease = claim_one(agent)
    done(agent.post(f"/leases/{lease['id']}/heartbeat", {"message": "Reading the letter to Bob"}))
    done(agent.post(f"/leases/{lease['id']}/fail", {"reason": "Bob's address is secret"}))
    delete_long_ago(database, alice, f"/tasks/{task['id']}")
    purge(app)
    (kept,) = done(alice.get("/leases"))
    assert (kept["id"], kept["message"], kept["reason"]) == (lease["id"], "", "")


def test_a_subtask_with_time_outlives_its_parent(
    app: Flask, database: str, alice: Person, task: Record
) -> None:
    part = make_task(alice, project_id=task["project_id"], parent_id=task["id"])
    make_entry(alice, task_id=part["id"])
    delete_long_ago(database, alice, f"/tasks/{task['id']}")
    purge(app)
    (kept,) = stored(database, "tasks", part)
    assert (stored(database, "tasks", task), kept["parent_id"]) == ([], None)


def test_a_name_goes_with_the_last_time_that_it_was_kept_for(
    app: Flask, database: str, alice: Person, task: Record
) -> None:
    hours = [make_entry(alice, *span, task_id=task["id"]) for span in [(), (TEN, ELEVEN)]]
    delete_long_ago(database, alice, f"/tasks/{task['id']}")
    left = []
    for hour in hours:
        delete_long_ago(database, alice, f"/time-entries/{hour['id']}")
        purge(app)
        left.append(len(stored(database, "tasks", task)))
    assert left == [1, 0]


def test_a_line_that_became_a_purged_task_stays_as_it_was(
    app: Flask, database: str, alice: Person, bob: Person, project: Record
) -> None:
    add_member(alice, project, bob, "editor")
    item = make_item(bob, "Write")
    place = {"project_id": project["id"]}
    task = done(bob.post(f"/items/{item['id']}/promote", place))
    before, heard = done(bob.get(f"/items/{item['id']}")), event_types(bob, f"user:{bob.id}")
    delete_long_ago(database, alice, f"/tasks/{task['id']}")
    purge(app)
    assert done(bob.get(f"/items/{item['id']}")) == before
    assert event_types(bob, f"user:{bob.id}") == heard
    assert rows(database, TITLE, task) == [{"title": "Write"}]
    delete_long_ago(database, bob, f"/items/{item['id']}")
    purge(app)
    assert rows(database, TITLE, task) == []


# Many


FILL = """
    INSERT INTO tasks (id, title, created_by, project_id, position)
    SELECT gen_random_uuid(), 'Task', %(me)s, %(project)s, 'i0V' FROM generate_series(1, %(many)s)
"""
FILL_TIME = """
    INSERT INTO time_entries (id, user_id, user_number, project_id, task_id, started_at, ended_at,
        timezone, source, allow_overlap)
    SELECT gen_random_uuid(), users.id, users.number, %(project)s, tasks.id, now(),
        now() + interval '1 hour', 'UTC', 'manual', true
    FROM tasks, users
    WHERE tasks.project_id = %(project)s AND users.id = %(me)s
      AND tasks.id < '80000000-0000-0000-0000-000000000000'
"""
FILL_COMMENTS = """
    INSERT INTO comments (id, task_id, created_by, body)
    SELECT gen_random_uuid(), id, %(me)s, 'Slowly' FROM tasks WHERE project_id = %(project)s
"""


def test_thousands_of_tasks_go_by_portions(
    app: Flask, database: str, alice: Person, project: Record
) -> None:
    values = {"me": alice.id, "project": project["id"], "many": MANY}
    for statement in (FILL, FILL_TIME, FILL_COMMENTS):
        rows(database, statement, values)
    with_time = number(
        database, "SELECT count(*) FROM time_entries WHERE project_id = %(project)s", values
    )
    delete_long_ago(database, alice, f"/projects/{project['id']}")
    counts = dict(line.split(": ") for line in purge(app).stdout.splitlines())
    left = "SELECT count(*) FROM tasks WHERE project_id = %(project)s"
    assert number(database, left, values) == with_time
    expected = {"names kept": with_time, "tasks": MANY - with_time, "comments": MANY}
    assert {name: int(counts[name]) for name in expected} == expected


@pytest.mark.parametrize("portion", [1, 2])
def test_what_hangs_on_one_task_goes_by_portions(
    app: Flask,
    database: str,
    alice: Person,
    task: Record,
    monkeypatch: pytest.MonkeyPatch,
    portion: int,
) -> None:
    monkeypatch.setattr("services.trash.purge.PORTION", portion)
    hour = make_entry(alice, task_id=task["id"])
    delete_long_ago(database, alice, f"/time-entries/{hour['id']}")
    for _ in range(3):
        make_item(alice, task_id=task["id"])
        make_comment(alice, task, "Slowly")
    delete_long_ago(database, alice, f"/tasks/{task['id']}")
    counts = dict(line.split(": ") for line in purge(app).stdout.splitlines())
    assert stored(database, "tasks", task) == []
    assert [counts[name] for name in ("comments", "items", "time entries", "tasks")] == [
        *("3", "3", "1", "1")
    ]
