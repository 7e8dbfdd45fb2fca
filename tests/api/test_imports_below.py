"""Imports of subtasks whose parents are here already: moved deep down, or on their way out."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from tests.archives import bring_back, export
from tests.changes import change, read
from tests.clockify import bring_in
from tests.factories import Person, sign_up
from tests.records import Record, done, make_project, make_task
from tests.sql import connect, number
from tests.ticktick import Cells, backup, task
from tests.waiting import wait_until

BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE %(holder)s = ANY(pg_blocking_pids(pid))"
LOCK_GRAPH = "SELECT pg_advisory_xact_lock(hashtextextended(%(scope)s, 0))"
DELETE = """
    UPDATE tasks SET deleted_at = now(), deleted_by = %(me)s, operation_id = gen_random_uuid()
    WHERE id = %(task_id)s
"""

WHOLE = task("Whole", taskId="1")
PART, PART_OF_PART = task("Part", taskId="2", parentId="1"), task("Rest", taskId="3", parentId="2")


@pytest.fixture
def carol(app: Flask) -> Person:
    """Somebody whose account is empty."""
    return sign_up(app, "Carol")


def bring(person: Person, *tasks: Cells) -> Record:
    return bring_in(person, backup(*tasks), format="ticktick")


def found(person: Person, title: str) -> Record:
    """Return the only task of this title."""
    (only,) = [each for each in done(person.get("/tasks")) if each["title"] == title]
    return dict(only)


def put_deep(person: Person, task: Record) -> str:
    """Make a task one of the fifth level; return the id of its parent."""
    parent_id = None
    for _ in range(4):
        place = {"project_id": task["project_id"], "parent_id": parent_id}
        parent_id = make_task(person, title="Above", **place)["id"]
    change(person, task, parent_id=parent_id)
    return str(parent_id)


def while_it_is_deleted(
    database: str, person: Person, task: Record, work: Callable[[], Any]
) -> None:
    """Do something while a task of the person's, alone in its subtree, goes into the trash."""
    values = {"task_id": task["id"], "me": person.id, "scope": task["project_id"] or person.id}
    with connect(database) as other, ThreadPoolExecutor(1) as thread:
        with other.transaction():
            other.execute(LOCK_GRAPH, values)
            other.execute(DELETE, values)
            doing = thread.submit(work)
            holder = {"holder": other.info.backend_pid}
            wait_until(lambda: doing.done() or number(database, BLOCKED, holder) == 1)
        doing.result()


def test_subtasks_of_a_task_that_lies_deep_by_now_are_beside_it(alice: Person) -> None:
    bring(alice, WHOLE)
    above = put_deep(alice, found(alice, "Whole"))
    result = bring(alice, WHOLE, PART, PART_OF_PART)
    assert [found(alice, title)["parent_id"] for title in ("Part", "Rest")] == [above] * 2
    assert result["skipped"] == 0
    told = [(error["column"], error["severity"]) for error in result["errors"]]
    assert told == [("parentId", "warning")] * 2


def test_a_subtask_of_a_task_that_is_deleted_meanwhile_is_below_none_in_the_trash(
    database: str, alice: Person
) -> None:
    bring(alice, WHOLE)
    whole = found(alice, "Whole")
    while_it_is_deleted(database, alice, whole, lambda: bring(alice, WHOLE, PART))
    assert found(alice, "Part")["parent_id"] == found(alice, "Whole")["id"] != whole["id"]


def test_subtasks_of_an_archive_below_a_task_that_lies_deep_by_now_are_beside_it(
    alice: Person, carol: Person
) -> None:
    whole = make_task(alice, title="Whole", project_id=make_project(alice)["id"])
    bring_back(carol, export(alice))
    above = put_deep(carol, found(carol, "Whole"))
    make_task(alice, title="Part", project_id=whole["project_id"], parent_id=whole["id"])
    result = bring_back(carol, export(alice))
    assert found(carol, "Part")["parent_id"] == above
    assert (result["skipped"], result["counts"]["tasks"]) == (0, 1)
    told = [(error["column"], error["severity"]) for error in result["errors"]]
    assert told == [("tasks.jsonl", "warning")]


def test_a_subtask_of_an_archive_is_below_no_task_that_is_deleted_meanwhile(
    database: str, alice: Person, carol: Person
) -> None:
    whole = make_task(alice, title="Whole", project_id=make_project(alice)["id"])
    bring_back(carol, export(alice))
    make_task(alice, title="Part", project_id=whole["project_id"], parent_id=whole["id"])
    content = export(alice)
    copy = found(carol, "Whole")
    while_it_is_deleted(database, carol, copy, lambda: bring_back(carol, content))
    assert found(carol, "Part")["parent_id"] is None


def test_what_is_not_too_deep_stays_below_its_parent(alice: Person) -> None:
    bring(alice, WHOLE)
    whole = found(alice, "Whole")
    assert bring(alice, WHOLE, PART)["errors"] == []
    assert found(alice, "Part")["parent_id"] == whole["id"]
    assert read(alice, whole) == whole
