"""The history of a task: who changed what, for those who see the task where it is."""

from typing import Any

import pytest

from models.scope import Scope
from tests.changes import change, move, throw_away
from tests.factories import Person, add_member, with_token
from tests.records import (
    Record,
    done,
    make_comment,
    make_entry,
    make_item,
    make_project,
    make_task,
    refusal,
)
from tests.sql import rows


def history(person: Person, task: Record, question: str = "") -> list[Record]:
    found: list[Record] = done(person.get(f"/tasks/{task['id']}/history?{question}"))
    return found


def told(entries: list[Record]) -> list[tuple[str, Any]]:
    """What each entry says, in short."""
    return [
        (
            each["type"],
            each["changes"] and {c["field"]: (c["old"], c["new"]) for c in each["changes"]},
        )
        for each in entries
    ]


@pytest.fixture
def task(alice: Person, project: Record) -> Record:
    return make_task(alice, title="Write", project_id=project["id"])


def test_it_tells_what_each_field_was_and_became(
    alice: Person, bob: Person, project: Record, task: Record
) -> None:
    add_member(alice, project, bob, "editor")
    change(bob, task, title="Rewrite", labels=["slow"])
    change(alice, task, priority="high")
    entries = history(alice, task)
    assert told(entries) == [
        ("task.updated", {"priority": ("none", "high")}),
        ("task.updated", {"title": ("Write", "Rewrite"), "labels": ([], ["slow"])}),
        ("task.created", []),
    ]
    assert [each["actor"] for each in entries] == [alice.id, bob.id, alice.id]
    assert [each["title"] for each in entries] == ["Rewrite", "Rewrite", "Write"]
    assert [each["version"] for each in entries] == [3, 2, 1]
    assert {each["subject"] for each in entries} == {task["id"]}


def test_its_checklist_and_comments_belong_to_it(alice: Person, task: Record) -> None:
    first, second = (make_item(alice, name, task_id=task["id"]) for name in ("Think", "Draw"))
    done(alice.patch(f"/items/{first['id']}", {"status": "done"}))
    done(alice.patch(f"/items/{second['id']}", {"name": "Draw it"}))
    comment = make_comment(alice, task, "Nonsense")
    done(alice.patch(f"/comments/{comment['id']}", {"body": "Done"}))
    done(alice.delete(f"/items/{first['id']}"))
    entries = history(alice, task)
    assert told(entries)[:-1] == [
        ("item.deleted", []),
        ("comment.updated", []),
        ("comment.created", []),
        ("item.updated", {"name": ("Draw", "Draw it")}),
        ("item.updated", {"status": ("open", "done")}),
        ("item.created", []),
        ("item.created", []),
    ]
    assert [each["title"] for each in entries[:4]] == ["Think", None, None, "Draw it"]


def test_what_was_said_once_and_taken_back_is_not_told(alice: Person, task: Record) -> None:
    comment = make_comment(alice, task, "Nonsense")
    done(alice.delete(f"/comments/{comment['id']}"))
    answer = alice.get(f"/tasks/{task['id']}/history")
    assert "comment.deleted" in answer.text
    assert "Nonsense" not in answer.text


def test_it_tells_neither_of_other_tasks_nor_of_time(
    alice: Person, project: Record, task: Record
) -> None:
    other = make_task(alice, title="Read", project_id=project["id"])
    make_item(alice, task_id=other["id"])
    make_entry(alice, task_id=task["id"])
    assert told(history(alice, task)) == [("task.created", [])]


def test_deleting_and_restoring_are_told(alice: Person, task: Record) -> None:
    operation = throw_away(alice, f"/tasks/{task['id']}")
    assert refusal(alice.get(f"/tasks/{task['id']}/history")) == (404, "not_found")
    done(alice.post(f"/trash/{operation}/restore"))
    assert [kind for kind, _ in told(history(alice, task))] == [
        "task.restored",
        "task.deleted",
        "task.created",
    ]


def test_what_a_task_was_elsewhere_is_for_those_who_are_there(
    alice: Person, bob: Person, task: Record
) -> None:
    change(alice, task, description="Between us")
    elsewhere = make_project(alice, name="Elsewhere")
    add_member(alice, elsewhere, bob, "editor")
    move(alice, task, project_id=elsewhere["id"])
    change(bob, task, description="For all")
    assert told(history(bob, task)) == [
        ("task.updated", {"description": ("Between us", "For all")}),
        ("task.updated", None),
    ]


def test_a_task_that_comes_back_does_not_tell_what_changed_elsewhere(
    alice: Person, project: Record, task: Record
) -> None:
    move(alice, task, project_id=None)
    change(alice, task, title="Read")
    move(alice, task, project_id=project["id"])
    assert told(history(alice, task)) == [
        ("task.updated", None),
        ("task.moved", []),
        ("task.created", []),
    ]


def test_it_goes_back_as_far_as_the_log(alice: Person, task: Record, database: str) -> None:
    change(alice, task, title="Read")
    change(alice, task, title="Reread")
    gone = "DELETE FROM events WHERE subject_id = %(id)s AND version = 1"
    rows(database, gone, {"id": task["id"]})
    assert told(history(alice, task)) == [
        ("task.updated", {"title": ("Read", "Reread")}),
        ("task.updated", None),
    ]


def test_what_changed_is_known_at_the_end_of_a_page(alice: Person, task: Record) -> None:
    change(alice, task, title="Read")
    make_item(alice, task_id=task["id"])
    change(alice, task, title="Reread")
    (last,) = history(alice, task, "limit=1")
    assert told([last]) == [("task.updated", {"title": ("Read", "Reread")})]


def test_a_token_that_reads_tasks_reads_their_history(alice: Person, task: Record) -> None:
    reader = with_token(alice, Scope.TASKS_READ)
    assert history(reader, task) == history(alice, task)
