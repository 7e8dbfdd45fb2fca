"""Undoing an action that deleted many things at once."""

import pytest
from flask import Flask

from tests.factories import Person, add_member, sign_up
from tests.records import (
    Record,
    done,
    ids,
    make_comment,
    make_item,
    make_project,
    make_task,
)
from tests.sql import rows

MANY = 200  # the most changes of one call
FEW = 6


FILL_ITEMS = """
    INSERT INTO items (id, task_id, created_by, name, position)
    SELECT gen_random_uuid(), id, %(me)s, 'Line of ' || title, 'i0V'
    FROM tasks WHERE project_id = %(project_id)s
"""
FILL_COMMENTS = """
    INSERT INTO comments (id, task_id, created_by, body)
    SELECT gen_random_uuid(), id, %(me)s, 'About ' || title
    FROM tasks WHERE project_id = %(project_id)s
"""
FILL_TIME = """
    INSERT INTO time_entries (id, user_id, user_number, project_id, task_id, started_at, ended_at,
        timezone, source, allow_overlap)
    SELECT gen_random_uuid(), users.id, users.number, tasks.project_id, tasks.id,
        timestamptz '2026-03-02 09:00Z', timestamptz '2026-03-02 10:00Z', 'UTC', 'manual', true
    FROM tasks, users WHERE tasks.project_id = %(project_id)s AND users.id = %(me)s
"""


def make_many(person: Person, count: int, **fields: object) -> list[Record]:
    """Make tasks in one call, each unlike the others."""
    changes = [
        {"kind": "create", "task": {"title": f"Task {n}", "labels": [f"l{n}"]} | fields}
        for n in range(count)
    ]
    tasks: list[Record] = done(person.post("/tasks/bulk", {"changes": changes}))["tasks"]
    return tasks


def delete_together(person: Person, tasks: list[Record]) -> str:
    """Delete tasks in one call; return what brings them back."""
    changes = [{"kind": "delete", "id": task["id"]} for task in tasks]
    operation: str = done(person.post("/tasks/bulk", {"changes": changes}))["operation_id"]
    return operation


def restore(person: Person, operation: str) -> Record:
    answer: Record = done(person.post(f"/trash/{operation}/restore"))
    return answer


def everything(person: Person, project: Record) -> dict[str, list[Record]]:
    """Return all that is in a project, as people read it."""
    tasks = all_of(person, f"/tasks?project_id={project['id']}&sort=created_at")
    return {
        "tasks": tasks,
        "items": [
            item for task in tasks for item in all_of(person, f"/items?task_id={task['id']}")
        ],
        "comments": [
            comment
            for task in tasks
            for comment in all_of(person, f"/tasks/{task['id']}/comments?")
        ],
        "time": all_of(person, f"/time-entries?project_id={project['id']}"),
    }


def all_of(person: Person, path: str) -> list[Record]:
    found: list[Record] = done(person.get(f"{path}&limit=200"))
    return found


def changed(record: Record) -> Record:
    """Return a record without what every change of it raises."""
    return {name: value for name, value in record.items() if name not in ("version", "updated_at")}


def events(person: Person, room: str, since: int = 0) -> list[Record]:
    """Return all events of a room behind `since`."""
    found: list[Record] = []
    while page := done(person.get(f"/rooms/{room}/events?limit=200&since={since}")):
        found += page
        since = page[-1]["seq"]
    return found


@pytest.fixture
def room(project: Record) -> str:
    return f"project:{project['id']}"


@pytest.fixture
def tasks(database: str, alice: Person, project: Record) -> list[Record]:
    """As many tasks as one call may delete, each with a line, a comment and an hour of time."""
    made = make_many(alice, MANY, project_id=project["id"])
    blocked = {"blocked_by": [made[0]["id"], made[2]["id"]]}
    done(alice.patch(f"/tasks/{made[1]['id']}", blocked | {"metadata": {"a": {"b": [1]}}}))
    values = {"me": alice.id, "project_id": project["id"]}
    rows(database, FILL_ITEMS, values)
    rows(database, FILL_COMMENTS, values)
    rows(database, FILL_TIME, values)
    return made


def test_one_call_brings_back_all_that_a_bulk_deleted(
    alice: Person, project: Record, tasks: list[Record]
) -> None:
    before = everything(alice, project)
    assert [len(of_kind) for of_kind in before.values()] == [MANY] * 4
    operation = delete_together(alice, tasks)
    assert everything(alice, project) == {"tasks": [], "items": [], "comments": []} | {
        "time": before["time"]
    }
    assert restore(alice, operation) == {"restored": {"task": MANY}, "problems": []}
    after = everything(alice, project)
    assert list(map(changed, after["tasks"])) == list(map(changed, before["tasks"]))
    raised = [task["version"] + 2 for task in before["tasks"]]
    assert [task["version"] for task in after["tasks"]] == raised
    assert after | {"tasks": []} == before | {"tasks": []}


def test_everyone_hears_of_each_thing_that_went_and_came_back(
    alice: Person, project: Record, tasks: list[Record], room: str
) -> None:
    before = everything(alice, project)
    known = events(alice, room)
    operation = delete_together(alice, tasks)
    went = events(alice, room, since=len(known))
    restore(alice, operation)
    came = events(alice, room, since=len(known) + len(went))
    whole = [*known, *went, *came]
    assert [event["seq"] for event in whole] == list(range(1, len(whole) + 1))
    assert [event["type"] for event in went] == ["task.deleted"] * MANY
    assert [event["subject"] for event in went] == [task["id"] for task in tasks]
    after = everything(alice, project)
    told = {
        kind: {event["subject"]: event["data"] for event in came if event["type"] == kind}
        for kind in ("task.restored", "item.restored", "comment.restored")
    }
    for kind, records in zip(told.values(), list(after.values())[:3], strict=True):
        assert kind == {record["id"]: record for record in records}
    assert len(came) == 3 * MANY
    assert before["time"] == after["time"]


def test_a_bulk_over_two_projects_comes_back_into_both(alice: Person, project: Record) -> None:
    places = [project, make_project(alice), {"id": None}]
    made = [make_many(alice, FEW, project_id=place["id"]) for place in places]
    operation = delete_together(
        alice, [task for tasks in zip(*made, strict=True) for task in tasks]
    )
    assert restore(alice, operation)["restored"] == {"task": 3 * FEW}
    for tasks, place in zip(made, places, strict=True):
        assert [done(alice.get(f"/tasks/{task['id']}"))["project_id"] for task in tasks] == [
            place["id"]
        ] * FEW
        room = f"project:{place['id']}" if place["id"] else f"user:{alice.id}"
        types = [event["type"] for event in events(alice, room)][-2 * FEW :]
        assert types == ["task.deleted"] * FEW + ["task.restored"] * FEW


def test_what_could_not_come_back_can_be_tried_again(
    alice: Person, bob: Person, project: Record
) -> None:
    add_member(alice, project, bob, "editor")
    inside = make_many(bob, FEW, project_id=project["id"])
    personal = make_many(bob, FEW)
    operation = delete_together(bob, inside + personal)
    done(alice.patch(f"/projects/{project['id']}/members/{bob.id}", {"role": "viewer"}))
    answer = restore(bob, operation)
    assert answer["restored"] == {"task": FEW}
    stayed = [(problem["id"], problem["code"]) for problem in answer["problems"]]
    assert sorted(stayed) == sorted((task["id"], "forbidden") for task in inside)
    (left,) = done(bob.get("/trash"))
    assert (left["id"], left["counts"]) == (operation, {"task": FEW})
    assert bob.post(f"/trash/{operation}/restore").status_code == 403
    done(alice.patch(f"/projects/{project['id']}/members/{bob.id}", {"role": "editor"}))
    assert restore(bob, operation) == {"restored": {"task": FEW}, "problems": []}
    assert set(ids(bob.get("/tasks"))) == {task["id"] for task in inside + personal}
    assert done(bob.get("/trash")) == []


@pytest.mark.parametrize("reason", ["left", "deleted"])
def test_tasks_of_a_project_that_is_out_of_reach_stay_in_the_trash(
    alice: Person, bob: Person, project: Record, reason: str
) -> None:
    add_member(alice, project, bob, "editor")
    inside, personal = make_task(bob, project_id=project["id"]), make_task(bob)
    operation = delete_together(bob, [inside, personal])
    path = f"/projects/{project['id']}"
    done(alice.delete(f"{path}/members/{bob.id}" if reason == "left" else path))
    answer = restore(bob, operation)
    assert answer["restored"] == {"task": 1}
    (problem,) = answer["problems"]
    expected = {"left": "not_found", "deleted": "project_gone"}[reason]
    assert (problem["id"], problem["code"]) == (inside["id"], expected)
    assert ids(bob.get("/tasks")) == [personal["id"]]


def test_subtasks_that_were_deleted_beside_their_parents_come_back_below_them(
    alice: Person, project: Record
) -> None:
    place = {"project_id": project["id"]}
    parents = make_many(alice, FEW, **place)
    parts = [make_task(alice, parent_id=parent["id"], **place) for parent in parents]
    operation = delete_together(alice, parts + parents)
    assert restore(alice, operation) == {"restored": {"task": 2 * FEW}, "problems": []}
    assert [done(alice.get(f"/tasks/{part['id']}"))["parent_id"] for part in parts] == [
        parent["id"] for parent in parents
    ]


def test_a_subtask_whose_parent_moved_before_both_were_deleted_goes_to_the_top(
    alice: Person, project: Record
) -> None:
    place = {"project_id": project["id"]}
    parent = make_task(alice, **place)
    part = make_task(alice, parent_id=parent["id"], **place)
    changes = [
        {"kind": "delete", "id": part["id"]},
        {"kind": "move", "id": parent["id"], "to": {"project_id": None}},
        {"kind": "delete", "id": parent["id"]},
    ]
    operation = done(alice.post("/tasks/bulk", {"changes": changes}))["operation_id"]
    answer = restore(alice, operation)
    assert answer["restored"] == {"task": 2}
    assert [(problem["id"], problem["code"]) for problem in answer["problems"]] == [
        (part["id"], "parent_gone")
    ]
    after = done(alice.get(f"/tasks/{part['id']}"))
    assert (after["project_id"], after["parent_id"]) == (project["id"], None)


def test_what_others_added_meanwhile_stays(app: Flask, alice: Person, project: Record) -> None:
    carol = sign_up(app, "Carol")
    add_member(alice, project, carol, "editor")
    kept = make_task(carol, project_id=project["id"])
    operation = delete_together(alice, make_many(alice, FEW, project_id=project["id"]))
    item, comment = make_item(carol, task_id=kept["id"]), make_comment(carol, kept, "Slowly")
    before = done(alice.get(f"/tasks/{kept['id']}"))
    restore(alice, operation)
    assert done(alice.get(f"/tasks/{kept['id']}")) == before
    assert ids(alice.get(f"/items?task_id={kept['id']}")) == [item["id"]]
    assert ids(alice.get(f"/tasks/{kept['id']}/comments")) == [comment["id"]]
