"""Bringing things back from the trash, and what stands in the way."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.api.access_world import make_agent
from tests.changes import throw_away
from tests.clockify import bring_in, export, line
from tests.factories import Person, add_member, email_of, sign_up
from tests.records import (
    NINE,
    NOON,
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
    refusal,
    start_timer,
)

LEVELS = 5


def restore(person: Person, operation: str) -> Record:
    answer: Record = done(person.post(f"/trash/{operation}/restore"))
    return answer


def problems(person: Person, operation: str) -> list[tuple[str, str]]:
    """Try to bring something back; return what stood in the way of what."""
    return [
        (problem["kind"], problem["code"]) for problem in restore(person, operation)["problems"]
    ]


def place_of(task: Record) -> str:
    return f"/tasks/{task['id']}"


def change_role(owner: Person, project: Record, person: Person, role: str) -> None:
    done(owner.patch(f"/projects/{project['id']}/members/{person.id}", {"role": role}))


def remove(owner: Person, project: Record, person: Person) -> None:
    done(owner.delete(f"/projects/{project['id']}/members/{person.id}"))


@pytest.fixture
def place(project: Record) -> Record:
    """What puts things into Alice's project."""
    return {"project_id": project["id"]}


@pytest.fixture
def task(alice: Person, place: Record) -> Record:
    """A task of Alice's project."""
    return make_task(alice, **place)


# Every kind comes back as it was


Make = Callable[[Person, Record], str]

THINGS: dict[str, Make] = {
    "project": lambda _, task: f"/projects/{task['project_id']}",
    "task": lambda _, task: place_of(task),
    "item": lambda person, task: f"/items/{make_item(person, task_id=task['id'])['id']}",
    "comment": lambda person, task: f"/comments/{make_comment(person, task, 'So')['id']}",
    "time_entry": lambda person, task: f"/time-entries/{make_entry(person, **of(task))['id']}",
}


def of(task: Record) -> Record:
    return {"task_id": task["id"]}


@pytest.mark.parametrize("kind", THINGS)
def test_what_was_deleted_comes_back_as_it_was(alice: Person, task: Record, kind: str) -> None:
    path = THINGS[kind](alice, task)
    before = done(alice.get(path))
    operation = throw_away(alice, path)
    assert restore(alice, operation) == {"restored": {kind: 1}, "problems": []}
    after = done(alice.get(path))
    assert after == before | {"version": 3, "updated_at": after["updated_at"]}
    types = event_types(alice, f"project:{task['project_id']}")
    assert types[-2:] == [f"{kind}.deleted", f"{kind}.restored"]
    assert done(alice.get("/trash")) == []


@pytest.mark.parametrize("kind", THINGS)
def test_what_came_back_is_not_in_the_trash_any_more(
    alice: Person, task: Record, kind: str
) -> None:
    path = THINGS[kind](alice, task)
    operation = throw_away(alice, path)
    restore(alice, operation)
    before = done(alice.get(path))
    assert alice.post(f"/trash/{operation}/restore").status_code == 404
    assert done(alice.get(path)) == before


def test_what_came_back_can_be_deleted_and_come_back_again(alice: Person, task: Record) -> None:
    operations = []
    for _ in range(2):
        operations.append(throw_away(alice, place_of(task)))
        restore(alice, operations[-1])
    assert operations[0] != operations[1]
    assert done(alice.get(place_of(task)))["version"] == 5


def test_a_task_comes_back_with_its_subtasks_lines_and_comments(
    alice: Person, task: Record, place: Record
) -> None:
    part = make_task(alice, parent_id=task["id"], **place)
    item, comment = make_item(alice, **of(part)), make_comment(alice, part, "Slowly")
    gone = make_item(alice, **of(part))
    done(alice.delete(f"/items/{gone['id']}"))
    operation = throw_away(alice, place_of(task))
    assert restore(alice, operation)["restored"] == {"task": 2}
    assert done(alice.get(place_of(part)))["parent_id"] == task["id"]
    assert done(alice.get(f"/items?task_id={part['id']}")) == [item]
    assert done(alice.get(f"{place_of(part)}/comments")) == [comment]
    assert event_types(alice, f"project:{task['project_id']}")[-4:] == [
        *["task.restored"] * 2,
        "item.restored",
        "comment.restored",
    ]


def test_a_line_of_the_inbox_comes_back(alice: Person) -> None:
    item = make_item(alice)
    restore(alice, throw_away(alice, f"/items/{item['id']}"))
    assert ids(alice.get("/items")) == [item["id"]]
    assert event_types(alice, f"user:{alice.id}")[-1] == "item.restored"


def test_a_task_is_found_again_by_the_comment_that_came_back(alice: Person, task: Record) -> None:
    operation = throw_away(alice, f"/comments/{make_comment(alice, task, 'Xylophone')['id']}")
    assert ids(alice.get("/tasks?search=xylophone")) == []
    restore(alice, operation)
    assert ids(alice.get("/tasks?search=xylophone")) == [task["id"]]


def test_a_project_comes_back_with_all_that_was_in_it_and_everyone(
    alice: Person, bob: Person, project: Record, task: Record
) -> None:
    add_member(alice, project, bob, "viewer")
    entry = make_entry(alice, **of(task))
    paths = [place_of(task), f"/projects/{project['id']}/members", f"/time-entries/{entry['id']}"]
    before = [done(bob.get(path)) for path in paths]
    operation = throw_away(alice, f"/projects/{project['id']}")
    assert [bob.get(path).status_code for path in paths] == [404] * 3
    restore(alice, operation)
    assert [done(bob.get(path)) for path in paths] == before


def test_time_comes_back_although_its_task_is_in_the_trash(alice: Person, task: Record) -> None:
    entry = make_entry(alice, **of(task))
    operation = throw_away(alice, f"/time-entries/{entry['id']}")
    done(alice.delete(place_of(task)))
    assert restore(alice, operation)["restored"] == {"time_entry": 1}
    assert done(alice.get(f"/time-entries/{entry['id']}"))["task_id"] == task["id"]


# Rights are those of now


@pytest.mark.parametrize("kind", ["task", "item", "time_entry"])
def test_who_may_only_read_brings_nothing_back_not_even_their_own(
    alice: Person, bob: Person, project: Record, task: Record, kind: str
) -> None:
    add_member(alice, project, bob, "editor")
    operation = throw_away(bob, THINGS[kind](bob, task))
    change_role(alice, project, bob, "viewer")
    answer = bob.post(f"/trash/{operation}/restore")
    assert refusal(answer) == (403, "forbidden")
    assert restore(alice, operation)["restored"] == {kind: 1}


def test_who_may_only_read_brings_their_own_comment_back(
    alice: Person, bob: Person, project: Record, task: Record
) -> None:
    add_member(alice, project, bob, "editor")
    operation = throw_away(bob, THINGS["comment"](bob, task))
    change_role(alice, project, bob, "viewer")
    assert restore(bob, operation)["restored"] == {"comment": 1}


@pytest.mark.parametrize("kind", ["comment", "time_entry"])
def test_what_others_said_and_their_time_are_brought_back_by_owners(
    alice: Person, bob: Person, project: Record, task: Record, kind: str
) -> None:
    add_member(alice, project, bob, "editor")
    operation = throw_away(alice, THINGS[kind](alice, task))
    assert refusal(bob.post(f"/trash/{operation}/restore")) == (403, "forbidden")
    change_role(alice, project, bob, "owner")
    assert restore(bob, operation)["restored"] == {kind: 1}


def test_an_owner_brings_back_a_project_that_another_deleted(
    alice: Person, bob: Person, project: Record
) -> None:
    add_member(alice, project, bob, "owner")
    operation = throw_away(alice, f"/projects/{project['id']}")
    assert restore(bob, operation)["restored"] == {"project": 1}


@pytest.mark.parametrize("kind", ["task", "item", "comment", "time_entry"])
def test_who_left_brings_nothing_back(
    alice: Person, bob: Person, project: Record, task: Record, kind: str
) -> None:
    add_member(alice, project, bob, "editor")
    operation = throw_away(bob, THINGS[kind](bob, task))
    remove(alice, project, bob)
    assert bob.post(f"/trash/{operation}/restore").status_code == 404
    assert restore(alice, operation)["restored"] == {kind: 1}


def test_what_is_personal_is_brought_back_by_its_owner_alone(alice: Person, bob: Person) -> None:
    paths = [place_of(make_task(alice)), f"/items/{make_item(alice)['id']}"]
    paths.append(f"/time-entries/{make_entry(alice)['id']}")
    for path in paths:
        operation = throw_away(alice, path)
        assert bob.post(f"/trash/{operation}/restore").status_code == 404
        assert not restore(alice, operation)["problems"]


def test_an_action_that_never_was_is_not_found(alice: Person) -> None:
    assert alice.post(f"/trash/{alice.id}/restore").status_code == 404


# What has to come back first


@pytest.mark.parametrize("kind", ["item", "comment"])
@pytest.mark.parametrize("personal", [False, True])
def test_what_belongs_to_a_task_waits_for_that(
    alice: Person, place: Record, kind: str, *, personal: bool
) -> None:
    task = make_task(alice, **({} if personal else place))
    path = THINGS[kind](alice, task)
    operation = throw_away(alice, path)
    of_task = throw_away(alice, place_of(task))
    answer = restore(alice, operation)
    (problem,) = answer["problems"]
    assert (answer["restored"], problem["kind"], problem["code"]) == ({kind: 0}, kind, "task_gone")
    assert "restore the task first" in problem["message"]
    restore(alice, of_task)
    assert restore(alice, operation)["restored"] == {kind: 1}
    assert done(alice.get(path))["version"] == 3


@pytest.mark.parametrize("kind", ["task", "item", "comment", "time_entry"])
def test_what_is_in_a_project_waits_for_that(
    alice: Person, project: Record, task: Record, kind: str
) -> None:
    operation = throw_away(alice, THINGS[kind](alice, task))
    of_project = throw_away(alice, f"/projects/{project['id']}")
    answer = restore(alice, operation)
    (problem,) = answer["problems"]
    assert (answer["restored"], problem["code"]) == ({kind: 0}, "project_gone")
    assert "restore the project first" in problem["message"]
    restore(alice, of_project)
    assert restore(alice, operation)["restored"] == {kind: 1}


@pytest.mark.parametrize("kind", ["item", "comment", "time_entry"])
def test_what_belongs_to_a_task_follows_it_into_another_project(
    app: Flask, alice: Person, bob: Person, project: Record, task: Record, kind: str
) -> None:
    target = make_project(alice)
    add_member(alice, project, bob, "editor")
    operation = throw_away(alice, THINGS[kind](alice, task))
    done(alice.post(f"{place_of(task)}/move", {"project_id": target["id"]}))
    assert bob.post(f"/trash/{operation}/restore").status_code == 404
    carol = sign_up(app, "Carol")
    add_member(alice, target, carol, "owner")
    assert ids(carol.get(f"/trash?project_id={target['id']}")) == [operation]
    assert restore(carol, operation)["restored"] == {kind: 1}


# Parents and blockers


def test_a_subtask_without_its_parent_comes_back_to_the_top(
    alice: Person, task: Record, place: Record
) -> None:
    part = make_task(alice, parent_id=task["id"], **place)
    operation = throw_away(alice, place_of(part))
    of_parent = throw_away(alice, place_of(task))
    assert problems(alice, operation) == [("task", "parent_gone")]
    assert done(alice.get(place_of(part)))["parent_id"] is None
    restore(alice, of_parent)
    assert done(alice.get(place_of(part)))["parent_id"] is None


def test_a_subtask_comes_back_below_its_parent(alice: Person, task: Record, place: Record) -> None:
    part = make_task(alice, parent_id=task["id"], **place)
    operation = throw_away(alice, place_of(part))
    assert problems(alice, operation) == []
    assert done(alice.get(place_of(part)))["parent_id"] == task["id"]


def test_a_subtask_does_not_follow_its_parent_into_another_project(
    alice: Person, task: Record, place: Record
) -> None:
    part = make_task(alice, parent_id=task["id"], **place)
    operation = throw_away(alice, place_of(part))
    done(alice.post(f"{place_of(task)}/move", {"project_id": None}))
    assert problems(alice, operation) == [("task", "parent_gone")]
    after = done(alice.get(place_of(part)))
    assert (after["project_id"], after["parent_id"]) == (place["project_id"], None)


def test_subtasks_stay_together_where_there_is_no_room_for_all_of_them(
    alice: Person, task: Record, place: Record
) -> None:
    part = make_task(alice, parent_id=task["id"], **place)
    smaller = make_task(alice, parent_id=part["id"], **place)
    operation = throw_away(alice, place_of(part))
    parent = make_task(alice, **place)
    for _ in range(LEVELS - 3):
        parent = make_task(alice, parent_id=parent["id"], **place)
    done(alice.patch(place_of(task), {"parent_id": parent["id"]}))
    assert problems(alice, operation) == [("task", "parent_gone")]
    assert done(alice.get(place_of(part)))["parent_id"] is None
    assert done(alice.get(place_of(smaller)))["parent_id"] == part["id"]


def test_a_task_does_not_wait_for_one_that_went_into_another_project(
    alice: Person, task: Record, place: Record
) -> None:
    moving = make_task(alice, **place)
    waiting = make_task(alice, blocked_by=[moving["id"], task["id"]], **place)
    operation = throw_away(alice, place_of(waiting))
    target = {"project_id": make_project(alice)["id"]}
    done(alice.post(f"{place_of(moving)}/move", target))
    assert problems(alice, operation) == []
    assert done(alice.get(place_of(waiting)))["blocked_by"] == [task["id"]]


def test_a_task_waits_again_for_one_in_the_trash(
    alice: Person, task: Record, place: Record
) -> None:
    waiting = make_task(alice, blocked_by=[task["id"]], **place)
    operation = throw_away(alice, place_of(waiting))
    done(alice.delete(place_of(task)))
    assert problems(alice, operation) == []
    assert done(alice.get(place_of(waiting)))["blocked_by"] == [task["id"]]


def test_no_circle_is_closed_while_a_part_of_it_is_in_the_trash(
    alice: Person, task: Record, place: Record
) -> None:
    middle = make_task(alice, blocked_by=[task["id"]], **place)
    last = make_task(alice, blocked_by=[middle["id"]], **place)
    operation = throw_away(alice, place_of(middle))
    answer = alice.patch(place_of(task), {"blocked_by": [last["id"]]})
    assert refusal(answer) == (409, "dependency_cycle")
    assert problems(alice, operation) == []


# Time


def test_time_comes_back_once_nothing_else_was_recorded_then(alice: Person) -> None:
    path = f"/time-entries/{make_entry(alice, NINE, NOON)['id']}"
    operation = throw_away(alice, path)
    other = make_entry(alice, TEN, NOON)
    assert problems(alice, operation) == [("time_entry", "time_overlap")]
    assert alice.get(path).status_code == 404
    done(alice.delete(f"/time-entries/{other['id']}"))
    assert restore(alice, operation)["restored"] == {"time_entry": 1}


def test_a_timer_comes_back_running(alice: Person) -> None:
    entry = start_timer(alice)
    restore(alice, throw_away(alice, f"/time-entries/{entry['id']}"))
    assert done(alice.get("/timer"))["id"] == entry["id"]


def test_a_timer_does_not_come_back_while_another_runs(alice: Person) -> None:
    operation = throw_away(alice, f"/time-entries/{start_timer(alice)['id']}")
    running = start_timer(alice)
    assert problems(alice, operation) == [("time_entry", "timer_running")]
    assert done(alice.get("/timer")) == running


def test_not_even_an_agent_gets_a_second_timer_back(alice: Person) -> None:
    agent = make_agent(alice)
    path = f"/time-entries/{start_timer(agent)['id']}"
    operation = throw_away(agent, path, If_Match="*")
    start_timer(agent)
    assert problems(agent, operation) == [("time_entry", "timer_running")]


def test_imported_time_does_not_come_back_beside_the_same_line_imported_again(
    alice: Person, project: Record
) -> None:
    moment = export(line(email_of("Carol"), end="09:00:00 AM"))
    path = f"/time-entries?project_id={project['id']}"
    for _ in range(2):
        assert bring_in(alice, moment, project_id=project["id"])["created"] == 1
        (entry,) = done(alice.get(path))
        operation = throw_away(alice, f"/time-entries/{entry['id']}")
    bring_in(alice, moment, project_id=project["id"])
    assert problems(alice, operation) == [("time_entry", "imported_again")]
    assert len(done(alice.get(path))) == 1


def test_a_restoring_that_is_sent_again_is_answered_the_same(alice: Person, task: Record) -> None:
    path = f"/trash/{throw_away(alice, place_of(task))}/restore"
    answers: list[Any] = [done(alice.post(path, Idempotency_Key="once")) for _ in range(2)]
    assert answers[0] == answers[1] == {"restored": {"task": 1}, "problems": []}
