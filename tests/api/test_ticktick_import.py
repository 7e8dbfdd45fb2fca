"""Imports of TickTick's backups over the API: lists, tasks, subtasks and checklists."""

from operator import itemgetter
from typing import Any

import pytest
from flask import Flask

from tests.clockify import NOTHING, bring_in, send_file
from tests.factories import Person, add_member
from tests.records import Record, done, event_types, ids, make_project, make_task, refusal
from tests.sql import rows
from tests.ticktick import DATA, Cells, backup, checklist, real_backup, task

STATE = """
    SELECT (SELECT count(*) FROM tasks) + (SELECT count(*) FROM items)
         + (SELECT count(*) FROM projects) + (SELECT count(*) FROM events)
"""
ITEMS = """
    SELECT name, description, status, task_id::text FROM items
    WHERE created_by = %(me)s ORDER BY position
"""


def bring(person: Person, *tasks: Cells, **form: Any) -> Record:
    return bring_in(person, backup(*tasks), format="ticktick", **form)


def bring_real(person: Person, **form: Any) -> Record:
    return bring_in(person, real_backup(), format="ticktick", **form)


def fields_of(record: Record, *names: str) -> list[Any]:
    return [record[name] for name in names]


def tasks_of(person: Person, project: str | None = None) -> list[Record]:
    """Return all tasks of the project with this name, or else the personal ones, in their order."""
    projects = {each["id"]: each["name"] for each in done(person.get("/projects"))}
    tasks = done(person.get("/tasks?limit=200"))
    found = [each for each in tasks if projects.get(each["project_id"]) == project]
    return sorted(found, key=itemgetter("position"))


def titles_of(person: Person, project: str | None = None) -> list[str]:
    return [each["title"] for each in tasks_of(person, project)]


# A file that TickTick wrote


def test_a_real_file_comes_in_whole(alice: Person) -> None:
    expected = {"created": 11, "projects_created": 2, "tasks_created": 11}
    assert bring_real(alice) == NOTHING | expected
    assert {project["name"] for project in done(alice.get("/projects"))} == {
        "Project Alpha",
        "Shopping",
    }
    counts = [len(tasks_of(alice, name)) for name in ("Project Alpha", "Shopping", None)]
    assert counts == [4, 2, 5]


def test_subtasks_of_a_real_file_are_those_of_their_parent(alice: Person) -> None:
    bring_real(alice)
    first, parent, *subtasks = tasks_of(alice, "Project Alpha")
    assert first["title"] == "Task with repeating schedule"
    assert parent["title"] == "Task with reminder and dates"
    assert [each["title"] for each in subtasks] == ["Subtask example", "Another subtask"]
    assert [each["parent_id"] for each in subtasks] == [parent["id"]] * 2
    assert fields_of(parent, "parent_id", "due_at", "labels") == [
        None,
        "2018-12-11T23:00:00Z",
        ["work", "reminder"],
    ]


def test_the_inbox_of_a_real_file_becomes_personal_tasks(alice: Person) -> None:
    bring_real(alice)
    done_one, done_two, due, welcome, last = tasks_of(alice)
    assert [done_one["status"], done_two["status"]] == ["completed"] * 2
    assert done_one["completed_at"] == done_two["completed_at"] == "2025-11-25T10:39:31Z"
    assert fields_of(due, "status", "completed_at") == ["pending", None]
    assert fields_of(due, "labels", "due_at") == [
        ["important", "deadline"],
        "2023-03-28T22:00:00Z",
    ]
    assert welcome["description"].startswith("Welcome to the task management system.")
    assert fields_of(last, "title", "created_by") == ["Checklist example", alice.id]


def test_a_real_file_may_go_into_one_project(alice: Person, project: Record) -> None:
    assert bring_real(alice, project_id=project["id"]) == NOTHING | {
        "created": 11,
        "tasks_created": 11,
    }
    assert len(tasks_of(alice, project["name"])) == 11
    assert bring_real(alice, project_id=project["id"]) == NOTHING | {"matched": 11}


# Tasks


def test_every_cell_of_a_line_arrives(alice: Person) -> None:
    cells = {"Due Date": "2026-03-02T09:00:00", "Is All Day": "false", "Folder Name": "Work"}
    line = task(
        "Water",
        Tags="home, deep",
        Content="All of them",
        Priority="5",
        Repeat="RRULE:FREQ=DAILY",
        Reminder="-PT30M",
        taskId="7",
    )
    bring(alice, line | cells, timezone="Europe/Berlin")
    (found,) = tasks_of(alice)
    key = found["metadata"]["ticktick"].pop("key")
    assert len(key) == 32
    assert fields_of(found, "title", "description") == ["Water", "All of them"]
    assert fields_of(found, "priority", "labels") == ["high", ["home", "deep"]]
    assert fields_of(found, "status", "due_at") == ["pending", "2026-03-02T08:00:00Z"]
    assert found["metadata"] == {
        "ticktick": {
            "folder": "Work",
            "list": "Inbox",
            "kind": "TEXT",
            "created": "2022-10-09T15:09:48+0000",
            "is_all_day": "false",
            "reminder": "-PT30M",
            "repeat": "RRULE:FREQ=DAILY",
            "id": "7",
        }
    }


def test_priorities_and_statuses_arrive(alice: Person) -> None:
    numbers = {"none": "0", "low": "1", "medium": "3", "high": "5"}
    lines = [task(name, Priority=number) for name, number in numbers.items()]
    bring(alice, *lines, task("cancelled", Status="-1"), task("completed", Status="1"))
    *pending, cancelled, completed = tasks_of(alice)
    assert [each["priority"] for each in pending] == list(numbers)
    assert {each["status"] for each in pending} == {"pending"}
    assert (cancelled["status"], completed["status"]) == ("cancelled", "completed")


def test_tasks_are_in_the_order_of_their_list_behind_those_that_were_there(alice: Person) -> None:
    make_task(alice, title="First")
    bring(alice, task("Last", Order="9"), task("Second", Order="-9"), task("Third", Order="-8"))
    make_task(alice, title="The very last")
    assert titles_of(alice) == ["First", "Second", "Third", "Last", "The very last"]


def test_a_checklist_becomes_items(alice: Person, database: str) -> None:
    result = bring(alice, checklist("For the week\n▫Milk\n▪Bread"))
    assert fields_of(result, "created", "items_created") == [1, 2]
    (found,) = tasks_of(alice)
    assert found["description"] == "For the week"
    assert rows(database, ITEMS, {"me": alice.id}) == [
        {"name": "Milk", "description": "", "status": "open", "task_id": found["id"]},
        {"name": "Bread", "description": "", "status": "done", "task_id": found["id"]},
    ]


def test_a_deep_subtask_comes_in_below_the_fourth_level(alice: Person) -> None:
    lines = [task(str(n), taskId=str(n), parentId=str(n - 1) if n > 1 else "") for n in range(1, 8)]
    result = bring(alice, *reversed(lines))
    assert fields_of(result, "created", "skipped") == [7, 0]
    assert [error["severity"] for error in result["errors"]] == ["warning"] * 2
    found = {each["title"]: each for each in tasks_of(alice)}
    parents = [found[title]["parent_id"] for title in "234567"]
    assert parents == [found[title]["id"] for title in "123444"]


def test_a_subtask_without_its_parent_comes_in_with_a_warning(alice: Person) -> None:
    result = bring(alice, task("Low", parentId="9"))
    assert fields_of(result, "created", "skipped") == [1, 0]
    (warning,) = result["errors"]
    assert fields_of(warning, "line", "column", "severity") == [8, "parentId", "warning"]
    assert tasks_of(alice)[0]["parent_id"] is None


# Places


def test_lists_are_matched_with_projects_of_ones_own(alice: Person, bob: Person) -> None:
    add_member(bob, make_project(bob, name="Garden"), alice, "editor")
    home = make_project(alice, name="Home")
    lines = [task(**{"List Name": name}) for name in ("Home", "Garden", "")]
    assert bring(alice, *lines)["projects_created"] == 1
    assert len(ids(alice.get(f"/tasks?project_id={home['id']}"))) == 1
    assert (len(titles_of(bob, "Garden")), titles_of(alice)) == (0, ["Write"])


@pytest.mark.parametrize(("role", "status"), [(None, 404), ("viewer", 403), ("editor", 403)])
def test_only_owners_import_into_a_project(
    alice: Person, bob: Person, project: Record, role: str | None, status: int
) -> None:
    if role is not None:
        add_member(alice, project, bob, role)
    answer = send_file(bob, backup(task()), format="ticktick", project_id=project["id"])
    assert answer.status_code == status
    assert titles_of(alice, project["name"]) == []


def test_personal_tasks_are_nobody_elses(alice: Person, bob: Person) -> None:
    bring(alice, task())
    assert (titles_of(alice), titles_of(bob)) == (["Write"], [])
    assert bring(bob, task())["created"] == 1


def test_everyone_who_sees_a_task_hears_of_it(alice: Person) -> None:
    bring(alice, task("Home", **{"List Name": "Home"}), checklist("▫Milk"))
    (project,) = done(alice.get("/projects"))
    heard = event_types(alice, f"project:{project['id']}")
    assert heard == ["project.created", "member.added", "task.created"]
    heard = event_types(alice, f"user:{alice.id}")[-3:]
    assert heard == ["task.created", "item.created", "member.added"]


def test_events_carry_the_task_as_it_is_read(alice: Person) -> None:
    bring(alice, task("High", taskId="1"), task("Low", parentId="1", Order="-1"))
    events = done(alice.get(f"/rooms/user:{alice.id}/events"))
    high, low = (event["data"] for event in events[-2:])
    assert high == done(alice.get(f"/tasks/{high['id']}"))
    assert (low["title"], low["parent_id"]) == ("Low", high["id"])


# Again


def test_the_same_file_again_creates_nothing(alice: Person, database: str) -> None:
    bring_real(alice)
    before = rows(database, STATE)
    assert bring_real(alice) == NOTHING | {"matched": 11}
    assert rows(database, STATE) == before


def test_a_longer_file_brings_what_is_new_to_its_place(alice: Person) -> None:
    bring(alice, task("Parent", taskId="1"))
    longer = bring(alice, task("New", taskId="1", parentId="2"), task("Parent", taskId="2"))
    assert fields_of(longer, "created", "matched") == [1, 1]
    parent, new = tasks_of(alice)
    assert (parent["title"], new["parent_id"]) == ("Parent", parent["id"])


def test_a_task_that_was_changed_since_is_left_as_it_is(alice: Person) -> None:
    bring(alice, task())
    (found,) = tasks_of(alice)
    changed = done(alice.patch(f"/tasks/{found['id']}", {"title": "Rewrite"}))
    assert bring(alice, task())["matched"] == 1
    assert tasks_of(alice) == [changed]


def test_a_task_in_the_trash_comes_in_again(alice: Person) -> None:
    bring(alice, task())
    done(alice.delete(f"/tasks/{tasks_of(alice)[0]['id']}"))
    assert bring(alice, task())["created"] == 1


# Trying first


def test_a_dry_run_says_what_would_happen_and_writes_nothing(alice: Person, database: str) -> None:
    lines = [task(**{"List Name": "Home"}), checklist("▫Milk"), task("")]
    before = rows(database, STATE)
    rehearsed = bring(alice, *lines, dry_run="true")
    assert rows(database, STATE) == before
    assert fields_of(rehearsed, "created", "items_created", "skipped") == [2, 1, 1]
    assert bring(alice, *lines) == rehearsed


# Lines and files


def test_a_bad_line_takes_no_good_ones_along(alice: Person) -> None:
    bad = task("Bad", Status="7", **{"Due Date": "soon"})
    result = bring(alice, task("A"), bad, task("B"))
    assert fields_of(result, "created", "skipped") == [2, 1]
    assert [fields_of(error, "line", "column") for error in result["errors"]] == [
        [9, "Status"],
        [9, "Due Date"],
    ]
    assert titles_of(alice) == ["A", "B"]


def test_columns_that_are_not_read_are_named(alice: Person) -> None:
    content = backup(task()).replace(b"Folder Name", b"Mood")
    result = bring_in(alice, content, format="ticktick")
    assert fields_of(result, "created", "unknown_columns") == [1, ["Mood"]]


def test_another_file_is_refused_with_a_reason(alice: Person) -> None:
    answer = send_file(alice, b"User,Project,Tags\nAnn,Website,deep\n", format="ticktick")
    assert refusal(answer) == (422, "unreadable_file")
    assert "no column Title. In TickTick" in answer.get_json()["detail"]


def test_more_tasks_than_one_statement_writes_come_in_whole(alice: Person) -> None:
    lines = [task(f"Task {n}", taskId=f"{n}", parentId=f"{n % 10 or ''}") for n in range(600)]
    result = bring(alice, *lines)
    assert fields_of(result, "created", "skipped") == [600, 0]
    assert bring(alice, *lines)["matched"] == 600


def test_the_command_line_takes_it_too(app: Flask, alice: Person) -> None:
    arguments = [str(DATA / "ticktick-1.csv"), "--as", alice.email, "--format", "ticktick"]
    result = app.test_cli_runner().invoke(args=["import-time", *arguments])
    assert (result.exit_code, "created: 11" in result.stdout.splitlines()) == (0, True)
