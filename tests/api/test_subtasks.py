"""Subtasks: what is part of what, how deep, and what completing and deleting mean for it."""

from typing import Any

import pytest

from tests.changes import ask_to_move, change, events_of, move, read, room_of
from tests.factories import Person, add_member
from tests.records import Record, done, ids, make_project, make_task, refusal
from utils.trees import LEVELS_MAX


def ask_to_put_under(person: Person, task: Record, parent_id: str | None, way: str) -> Any:
    if way == "move":
        return ask_to_move(person, task, parent_id=parent_id)
    return person.patch(f"/tasks/{task['id']}", {"parent_id": parent_id})


def make_chain(person: Person, length: int, **fields: Any) -> list[Record]:
    """Make tasks of which each is a part of the one before."""
    chain: list[Record] = []
    for _ in range(length):
        parent_id = chain[-1]["id"] if chain else None
        chain.append(make_task(person, parent_id=parent_id, **fields))
    return chain


@pytest.fixture
def task(alice: Person, project: Record) -> Record:
    """A task of Alice's project."""
    return make_task(alice, project_id=project["id"])


@pytest.fixture
def subtask(alice: Person, project: Record, task: Record) -> Record:
    """A part of that task."""
    return make_task(alice, project_id=project["id"], parent_id=task["id"])


# What is part of what


def test_a_task_is_made_as_a_part_of_another(alice: Person, task: Record, subtask: Record) -> None:
    assert subtask["parent_id"] == task["id"]
    assert ids(alice.get(f"/tasks?parent_id={task['id']}")) == [subtask["id"]]


def test_a_personal_task_has_personal_parts(alice: Person) -> None:
    parent, part = make_chain(alice, 2)
    assert (part["parent_id"], part["project_id"]) == (parent["id"], None)


@pytest.mark.parametrize("way", ["patch", "move"])
def test_a_task_becomes_a_part_of_another_and_is_put_out_again(
    alice: Person, project: Record, task: Record, way: str
) -> None:
    other = make_task(alice, project_id=project["id"])
    part = done(ask_to_put_under(alice, other, task["id"], way))
    assert (part["parent_id"], part["version"]) == (task["id"], 2)
    alone = done(ask_to_put_under(alice, other, None, way))
    assert (alone["parent_id"], alone["version"]) == (None, 3)


@pytest.mark.parametrize("way", ["patch", "move"])
def test_a_parent_is_a_task_of_the_same_project(
    alice: Person, bob: Person, project: Record, task: Record, way: str
) -> None:
    gone = make_task(alice, project_id=project["id"])
    done(alice.delete(f"/tasks/{gone['id']}"))
    elsewhere = make_task(alice, project_id=make_project(alice)["id"])
    for parent in (gone, elsewhere, make_task(alice), make_task(bob), {"id": alice.id}):
        answer = ask_to_put_under(alice, task, parent["id"], way)
        assert refusal(answer) == (400, "parent_elsewhere")
    assert read(alice, task) == task


def test_a_task_is_not_made_as_a_part_of_one_elsewhere(alice: Person, task: Record) -> None:
    for body in ({}, {"project_id": make_project(alice)["id"]}):
        answer = alice.post("/tasks", {"title": "x", "parent_id": task["id"]} | body)
        assert refusal(answer) == (400, "parent_elsewhere")


@pytest.mark.parametrize("way", ["patch", "move"])
def test_no_task_is_a_part_of_itself(alice: Person, way: str) -> None:
    first, second, third = make_chain(alice, 3)
    for parent in (first, second, third):
        answer = ask_to_put_under(alice, first, parent["id"], way)
        assert refusal(answer) == (409, "parent_cycle")
    assert read(alice, first) == first


def test_a_part_that_was_put_out_can_become_the_whole(alice: Person) -> None:
    whole, part = make_chain(alice, 2)
    change(alice, part, parent_id=None)
    assert change(alice, whole, parent_id=part["id"])["parent_id"] == part["id"]


# How deep


def test_subtasks_go_five_levels_deep(alice: Person) -> None:
    chain = make_chain(alice, LEVELS_MAX)
    answer = alice.post("/tasks", {"title": "x", "parent_id": chain[-1]["id"]})
    assert (len(chain), refusal(answer)) == (5, (400, "too_deep"))


@pytest.mark.parametrize("way", ["patch", "move"])
@pytest.mark.parametrize(("below", "status"), [(1, 200), (2, 400)])
def test_what_is_below_a_task_counts_where_it_goes(
    alice: Person, way: str, below: int, status: int
) -> None:
    three = make_chain(alice, 3)
    moved = make_chain(alice, 1 + below)[0]
    answer = ask_to_put_under(alice, moved, three[-1]["id"], way)
    assert answer.status_code == status
    if status == 400:
        assert refusal(answer) == (400, "too_deep")


def test_what_is_in_the_trash_does_not_count(alice: Person) -> None:
    three, (moved, _, last) = make_chain(alice, 3), make_chain(alice, 3)
    done(alice.delete(f"/tasks/{last['id']}"))
    assert move(alice, moved, parent_id=three[-1]["id"])["parent_id"] == three[-1]["id"]


def test_a_whole_branch_goes_along_when_its_top_is_moved(alice: Person) -> None:
    target, (top, middle, last) = make_task(alice), make_chain(alice, 3)
    move(alice, top, parent_id=target["id"])
    assert [read(alice, each) for each in (middle, last)] == [middle, last]


# Completing


def test_a_task_with_open_parts_is_completed_with_a_warning(
    alice: Person, task: Record, subtask: Record
) -> None:
    changed = change(alice, task, status="completed")
    (warning,) = changed["warnings"]
    assert (warning["code"], warning["task_ids"]) == ("subtasks_open", [subtask["id"]])
    assert changed["status"] == "completed"
    assert "warnings" not in read(alice, task)


def test_the_event_of_a_change_has_no_warnings(
    alice: Person, project: Record, task: Record, subtask: Record
) -> None:
    assert change(alice, task, status="completed")["warnings"][0]["task_ids"] == [subtask["id"]]
    assert events_of(alice, room_of(project))[-1]["data"] == read(alice, task)


def test_a_strict_project_refuses_to_complete_a_task_with_open_parts(
    alice: Person, project: Record, task: Record, subtask: Record
) -> None:
    settings = {"settings": {"completing_parent": "refuse"}}
    done(alice.patch(f"/projects/{project['id']}", settings))
    answer = alice.patch(f"/tasks/{task['id']}", {"status": "completed"})
    assert refusal(answer) == (409, "subtasks_open")
    assert answer.get_json()["task_ids"] == [subtask["id"]]
    assert read(alice, task) == task


@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_a_task_whose_parts_are_closed_is_completed_without_a_warning(
    alice: Person, task: Record, subtask: Record, status: str
) -> None:
    change(alice, subtask, status=status)
    assert "warnings" not in change(alice, task, status="completed")


def test_parts_in_the_trash_are_not_open(alice: Person, task: Record, subtask: Record) -> None:
    done(alice.delete(f"/tasks/{subtask['id']}"))
    assert "warnings" not in change(alice, task, status="completed")


def test_only_the_next_level_is_asked(alice: Person) -> None:
    top, middle, _ = make_chain(alice, 3)
    change(alice, middle, status="cancelled")
    assert "warnings" not in change(alice, top, status="completed")


@pytest.mark.parametrize("fields", [{"status": "cancelled"}, {"title": "x"}])
def test_only_completing_asks_for_open_parts(
    alice: Person, task: Record, subtask: Record, fields: Record
) -> None:
    assert subtask["parent_id"] == task["id"]
    assert "warnings" not in change(alice, task, **fields)


# Deleting


def test_with_a_task_its_parts_are_gone(alice: Person, project: Record) -> None:
    chain = make_chain(alice, 3, project_id=project["id"])
    kept = make_task(alice, project_id=project["id"])
    done(alice.delete(f"/tasks/{chain[0]['id']}"))
    assert [alice.get(f"/tasks/{each['id']}").status_code for each in chain] == [404] * 3
    assert ids(alice.get(f"/tasks?project_id={project['id']}")) == [kept["id"]]
    told = [
        event for event in events_of(alice, room_of(project)) if event["type"] != "task.created"
    ]
    assert [(event["type"], event["subject"]) for event in told[-3:]] == [
        ("task.deleted", each["id"]) for each in chain
    ]


def test_a_part_is_deleted_alone(alice: Person, task: Record, subtask: Record) -> None:
    done(alice.delete(f"/tasks/{subtask['id']}"))
    assert read(alice, task) == task


def test_parts_and_wholes_are_for_editors(alice: Person, bob: Person, project: Record) -> None:
    add_member(alice, project, bob, "viewer")
    first, second = (make_task(alice, project_id=project["id"]) for _ in range(2))
    for way in ("patch", "move"):
        answer = ask_to_put_under(bob, second, first["id"], way)
        assert refusal(answer) == (403, "forbidden")
