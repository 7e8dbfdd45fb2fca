"""Dependencies: what waits for what, without circles, and what that means for completing."""

from typing import Any

import pytest

from tests.changes import change, events_of, move, read, room_of
from tests.factories import Person
from tests.records import Record, done, ids, make_project, make_task, refusal


@pytest.fixture
def blocker(alice: Person, project: Record) -> Record:
    """A task that another waits for."""
    return make_task(alice, project_id=project["id"], title="Think")


@pytest.fixture
def task(alice: Person, project: Record, blocker: Record) -> Record:
    """A task that waits."""
    return make_task(alice, project_id=project["id"], blocked_by=[blocker["id"]])


def ask_to_wait(person: Person, task: Record, *blockers: Record) -> Any:
    return person.patch(f"/tasks/{task['id']}", {"blocked_by": [each["id"] for each in blockers]})


def wait(person: Person, task: Record, *blockers: Record) -> Record:
    waiting: Record = done(ask_to_wait(person, task, *blockers))
    return waiting


def delete(person: Person, task: Record) -> None:
    done(person.delete(f"/tasks/{task['id']}"))


# What waits for what


def test_a_task_is_made_waiting(alice: Person, task: Record, blocker: Record) -> None:
    assert task["blocked_by"] == [blocker["id"]]
    assert ids(alice.get(f"/tasks?blocked_by={blocker['id']}")) == [task["id"]]
    assert read(alice, blocker) == blocker


def test_a_task_waits_for_others_and_no_longer(
    alice: Person, project: Record, task: Record
) -> None:
    first, second = (make_task(alice, project_id=project["id"]) for _ in range(2))
    waiting = wait(alice, task, second, first)
    assert (waiting["blocked_by"], waiting["version"]) == ([second["id"], first["id"]], 2)
    assert wait(alice, task)["blocked_by"] == []


def test_a_blocker_that_is_named_twice_counts_once(
    alice: Person, task: Record, blocker: Record
) -> None:
    other = make_task(alice, project_id=task["project_id"])
    assert wait(alice, task, blocker, other, blocker, other)["blocked_by"] == [
        blocker["id"],
        other["id"],
    ]


def test_personal_tasks_wait_for_personal_tasks(alice: Person) -> None:
    first, second = make_task(alice), make_task(alice)
    assert wait(alice, first, second)["blocked_by"] == [second["id"]]


def test_a_task_waits_only_for_tasks_of_its_project(
    alice: Person, bob: Person, project: Record, task: Record, blocker: Record
) -> None:
    gone = make_task(alice, project_id=project["id"])
    delete(alice, gone)
    elsewhere = make_task(alice, project_id=make_project(alice)["id"])
    for other in (gone, elsewhere, make_task(alice), make_task(bob), {"id": alice.id}):
        answer = ask_to_wait(alice, task, blocker, other)
        assert refusal(answer) == (400, "blocker_elsewhere")
        assert answer.get_json()["task_ids"] == [other["id"]]
    assert read(alice, task) == task


def test_a_task_is_not_made_waiting_for_one_elsewhere(alice: Person, blocker: Record) -> None:
    answer = alice.post("/tasks", {"title": "x", "blocked_by": [blocker["id"]]})
    assert refusal(answer) == (400, "blocker_elsewhere")


def test_a_task_waits_for_fifty_at_most(alice: Person, task: Record) -> None:
    blocked_by = [f"0198c2f4-7d1b-7c3a-9f6e-{number:012}" for number in range(51)]
    answer = alice.patch(f"/tasks/{task['id']}", {"blocked_by": blocked_by})
    assert refusal(answer) == (422, "invalid_input")


# Blockers in the trash


def test_a_blocker_in_the_trash_may_be_sent_back(
    alice: Person, task: Record, blocker: Record
) -> None:
    delete(alice, blocker)
    kept = change(alice, task, blocked_by=task["blocked_by"], title="Read")
    assert (kept["blocked_by"], kept["title"]) == ([blocker["id"]], "Read")
    other = make_task(alice, project_id=task["project_id"])
    assert wait(alice, task, other, blocker)["blocked_by"] == [other["id"], blocker["id"]]


def test_a_blocker_in_the_trash_that_was_taken_out_does_not_come_in_again(
    alice: Person, task: Record, blocker: Record
) -> None:
    delete(alice, blocker)
    wait(alice, task)
    assert refusal(ask_to_wait(alice, task, blocker)) == (400, "blocker_elsewhere")


def test_a_blocker_in_the_trash_holds_nothing_up(
    alice: Person, task: Record, blocker: Record
) -> None:
    delete(alice, blocker)
    assert change(alice, task, status="completed")["blocked_by"] == [blocker["id"]]


# Circles


def test_no_task_waits_for_itself(alice: Person, task: Record) -> None:
    assert refusal(ask_to_wait(alice, task, task)) == (409, "dependency_cycle")


def test_two_tasks_do_not_wait_for_each_other(alice: Person, task: Record, blocker: Record) -> None:
    assert refusal(ask_to_wait(alice, blocker, task)) == (409, "dependency_cycle")
    assert read(alice, blocker) == blocker


def test_three_tasks_do_not_wait_in_a_circle(alice: Person, task: Record, blocker: Record) -> None:
    first = make_task(alice, project_id=task["project_id"])
    innocent = make_task(alice, project_id=task["project_id"])
    wait(alice, blocker, first)
    assert refusal(ask_to_wait(alice, first, innocent, task)) == (409, "dependency_cycle")


def test_two_ways_to_one_task_are_no_circle(alice: Person, task: Record, blocker: Record) -> None:
    first, last = (make_task(alice, project_id=task["project_id"]) for _ in range(2))
    wait(alice, blocker, first)
    wait(alice, last, blocker, first, task)
    assert wait(alice, task, blocker, first)["version"] == 2


def test_a_circle_through_the_trash_is_one(alice: Person, task: Record, blocker: Record) -> None:
    first = make_task(alice, project_id=task["project_id"])
    wait(alice, blocker, first)
    delete(alice, blocker)
    assert refusal(ask_to_wait(alice, first, task)) == (409, "dependency_cycle")


def test_a_parent_may_wait_for_its_part(alice: Person) -> None:
    parent = make_task(alice)
    part = make_task(alice, parent_id=parent["id"])
    assert wait(alice, parent, part)["blocked_by"] == [part["id"]]


# Completing


def test_a_blocked_task_is_not_completed(alice: Person, task: Record, blocker: Record) -> None:
    answer = alice.patch(f"/tasks/{task['id']}", {"status": "completed"})
    assert refusal(answer) == (409, "task_blocked")
    assert answer.get_json()["task_ids"] == [blocker["id"]]
    assert read(alice, task) == task


def test_a_blocked_personal_task_is_not_completed(alice: Person) -> None:
    blocker, task = make_task(alice), make_task(alice)
    wait(alice, task, blocker)
    answer = alice.patch(f"/tasks/{task['id']}", {"status": "completed"})
    assert refusal(answer) == (409, "task_blocked")


def test_a_lenient_project_completes_a_blocked_task_with_a_warning(
    alice: Person, project: Record, task: Record, blocker: Record
) -> None:
    settings = {"settings": {"completing_blocked": "warn"}}
    done(alice.patch(f"/projects/{project['id']}", settings))
    changed = change(alice, task, status="completed")
    (warning,) = changed["warnings"]
    assert (warning["code"], warning["task_ids"]) == ("task_blocked", [blocker["id"]])
    assert read(alice, task)["status"] == "completed"


def test_both_rules_warn_at_once(alice: Person, project: Record, task: Record) -> None:
    settings = {"settings": {"completing_blocked": "warn"}}
    done(alice.patch(f"/projects/{project['id']}", settings))
    make_task(alice, project_id=project["id"], parent_id=task["id"])
    warnings = change(alice, task, status="completed")["warnings"]
    assert [warning["code"] for warning in warnings] == ["task_blocked", "subtasks_open"]


@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_a_closed_blocker_holds_nothing_up(
    alice: Person, task: Record, blocker: Record, status: str
) -> None:
    change(alice, blocker, status=status)
    assert "warnings" not in change(alice, task, status="completed")


def test_the_blockers_that_a_change_leaves_are_those_that_count(
    alice: Person, task: Record, blocker: Record
) -> None:
    changed = change(alice, task, status="completed", blocked_by=[])
    assert (changed["status"], changed["blocked_by"]) == ("completed", [])
    body = {"status": "completed", "blocked_by": [blocker["id"]]}
    reopened = change(alice, task, status="pending")
    answer = alice.patch(f"/tasks/{task['id']}", body)
    assert refusal(answer) == (409, "task_blocked")
    assert read(alice, task) == reopened


def test_a_completed_task_may_begin_to_wait(alice: Person, project: Record) -> None:
    task = make_task(alice, project_id=project["id"], status="completed")
    waiting = wait(alice, task, make_task(alice, project_id=project["id"]))
    assert (waiting["status"], "warnings" in waiting) == ("completed", False)


def test_a_task_is_not_made_completed_and_blocked(
    alice: Person, project: Record, blocker: Record
) -> None:
    body = {"title": "x", "status": "completed", "blocked_by": [blocker["id"]]}
    answer = alice.post("/tasks", body | {"project_id": project["id"]})
    assert refusal(answer) == (409, "task_blocked")


# Moving to another project


def test_who_stays_no_longer_waits_for_who_goes(
    alice: Person, project: Record, task: Record, blocker: Record
) -> None:
    known = len(events_of(alice, room_of(project)))
    move(alice, blocker, project_id=None)
    released = read(alice, task)
    assert (released["blocked_by"], released["version"]) == ([], 2)
    told = events_of(alice, room_of(project), known)
    assert [event["type"] for event in told] == ["task.updated", "task.moved"]
    assert told[0]["data"] == released


def test_who_goes_no_longer_waits_for_who_stays(alice: Person, task: Record) -> None:
    assert move(alice, task, project_id=None)["blocked_by"] == []


def test_who_goes_together_goes_on_waiting(alice: Person, project: Record, task: Record) -> None:
    parts = [make_task(alice, project_id=project["id"], parent_id=task["id"]) for _ in range(2)]
    wait(alice, parts[0], parts[1])
    move(alice, task, project_id=None)
    part = read(alice, parts[0])
    assert (part["project_id"], part["blocked_by"]) == (None, [parts[1]["id"]])


def test_who_is_in_the_trash_no_longer_waits_for_who_goes_either(
    alice: Person, project: Record, task: Record, blocker: Record
) -> None:
    delete(alice, task)
    known = len(events_of(alice, room_of(project)))
    move(alice, blocker, project_id=None)
    told = events_of(alice, room_of(project), known)
    assert [event["type"] for event in told] == ["task.moved"]
    (operation,) = done(alice.get("/trash"))
    done(alice.post(f"/trash/{operation['id']}/restore"))
    assert read(alice, task)["blocked_by"] == []
