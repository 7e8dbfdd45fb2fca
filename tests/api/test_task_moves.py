"""Moving tasks: within the order of their project, and to other projects with all they have."""

import pytest

from tests.changes import (
    BESIDE,
    ask_to_move,
    change,
    change_all,
    events_of,
    move,
    read,
    room_of,
    titles,
)
from tests.factories import Person
from tests.records import Record, done, make_project, make_task, refusal
from tests.sql import rows
from utils.positions import POSITION_MAX_LENGTH


def fill(person: Person, project: Record, count: int = 4) -> list[Record]:
    """Make tasks that are called A, B, C, ..."""
    return [
        make_task(person, title=chr(ord("A") + number % 26), project_id=project["id"])
        for number in range(count)
    ]


# Order


@pytest.mark.parametrize(
    ("moved", "side", "other", "order"),
    BESIDE,
)
def test_a_task_moves_beside_another(
    alice: Person, project: Record, moved: int, side: str, other: int, order: str
) -> None:
    tasks = fill(alice, project)
    after = move(alice, tasks[moved], **{side: tasks[other]["id"]})
    assert "".join(titles(alice, project)) == order
    fresh = ("position", "version", "updated_at")
    assert after == tasks[moved] | {name: after[name] for name in fresh}
    assert after["version"] == 2
    others = [task for task in tasks if task["id"] != after["id"]]
    assert [read(alice, task) for task in others] == others


def test_personal_tasks_have_an_order_too(alice: Person) -> None:
    first, second = make_task(alice), make_task(alice)
    assert move(alice, second, before_id=first["id"])["position"] < first["position"]


def test_a_task_goes_between_two_others(alice: Person, project: Record) -> None:
    first, second, third, _ = fill(alice, project)
    between = move(alice, third, after_id=first["id"], before_id=second["id"])
    assert first["position"] < between["position"] < second["position"]


def test_between_two_that_are_apart_there_is_a_place(alice: Person, project: Record) -> None:
    first, _, _, last = fill(alice, project)
    moved = make_task(alice, project_id=project["id"])
    after = move(alice, moved, after_id=first["id"], before_id=last["id"])
    assert first["position"] < after["position"] < last["position"]


def test_a_new_task_goes_behind_one_that_was_moved_to_the_end(
    alice: Person, project: Record
) -> None:
    first, *_, last = fill(alice, project)
    move(alice, first, after_id=last["id"])
    make_task(alice, title="E", project_id=project["id"])
    assert "".join(titles(alice, project)) == "BCDAE"


def test_a_task_moves_only_beside_others_of_where_it_goes(
    alice: Person, bob: Person, project: Record
) -> None:
    task, gone, *_ = fill(alice, project)
    done(alice.delete(f"/tasks/{gone['id']}"))
    (elsewhere, *_) = fill(alice, make_project(alice))
    for other in (task, gone, elsewhere, make_task(alice), make_task(bob), {"id": alice.id}):
        for side in ("before_id", "after_id"):
            answer = ask_to_move(alice, task, **{side: other["id"]})
            assert refusal(answer) == (400, "no_such_place")
    assert read(alice, task) == task


def test_beside_a_task_that_stays_there_is_no_place_elsewhere(
    alice: Person, project: Record
) -> None:
    task, other, *_ = fill(alice, project)
    answer = ask_to_move(alice, task, project_id=None, after_id=other["id"])
    assert refusal(answer) == (400, "no_such_place")
    assert read(alice, task) == task


def test_no_task_goes_before_one_and_behind_a_later_one(alice: Person, project: Record) -> None:
    first, second, third, _ = fill(alice, project)
    for pair in ((second, first), (first, first)):
        answer = ask_to_move(alice, third, after_id=pair[0]["id"], before_id=pair[1]["id"])
        assert refusal(answer) == (400, "no_such_place")


@pytest.mark.parametrize("field", ["before_id", "after_id"])
def test_null_is_no_place(alice: Person, field: str) -> None:
    assert refusal(ask_to_move(alice, make_task(alice), **{field: None})) == (422, "invalid_input")


def test_a_move_of_another_version_is_refused(alice: Person, project: Record) -> None:
    first, second, *_ = fill(alice, project)
    current = change(alice, second, title="Newer")
    path = f"/tasks/{second['id']}/move"
    answer = alice.post(path, {"before_id": first["id"]}, If_Match='"v1"')
    assert refusal(answer) == (412, "version_mismatch")
    assert answer.get_json()["current"] == current
    done(alice.post(path, {"before_id": first["id"]}, If_Match='"v2"'))


# What changes nothing


def test_a_move_to_where_a_task_is_leaves_no_trace(alice: Person, project: Record) -> None:
    parent, first, task, last = fill(alice, project)
    task = move(alice, task, parent_id=parent["id"])
    here = {"project_id": project["id"], "parent_id": parent["id"]}
    beside = {"after_id": first["id"], "before_id": last["id"]}
    known = len(events_of(alice, room_of(project)))
    places = [{}, *({name: value} for name, value in (here | beside).items()), here, here | beside]
    for place in places:
        assert move(alice, task, **place) == task
    assert events_of(alice, room_of(project), known) == []


def test_a_personal_task_that_is_made_personal_leaves_no_trace(alice: Person) -> None:
    task = make_task(alice)
    known = len(events_of(alice, f"user:{alice.id}"))
    assert move(alice, task, project_id=None, parent_id=None) == task
    assert events_of(alice, f"user:{alice.id}", known) == []


@pytest.mark.parametrize("all_at_once", [True, False])
def test_a_change_to_what_a_task_is_leaves_no_trace(
    alice: Person, project: Record, *, all_at_once: bool
) -> None:
    parent, blocker, *_ = fill(alice, project)
    values = {
        "title": "Write",
        "description": "Slowly",
        "status": "in_progress",
        "priority": "high",
        "due_at": "2026-03-02T09:00:00Z",
        "labels": ["a", "b"],
        "assignee_id": alice.id,
        "parent_id": parent["id"],
        "blocked_by": [blocker["id"]],
        "metadata": {"a": {"b": 1}},
    }
    task = make_task(alice, project_id=project["id"], **values)
    known = len(events_of(alice, room_of(project)))
    for body in [values] if all_at_once else [{name: values[name]} for name in values]:
        assert change(alice, task, **body) == task
    assert events_of(alice, room_of(project), known) == []


def test_an_assignee_who_left_may_be_sent_back(alice: Person, bob: Person, project: Record) -> None:
    place = f"/projects/{project['id']}/members"
    done(alice.post(place, {"user_id": bob.id}))
    task = make_task(alice, project_id=project["id"], assignee_id=bob.id)
    done(alice.delete(f"{place}/{bob.id}"))
    changed = change(alice, task, assignee_id=bob.id, title="Read")
    assert (changed["assignee_id"], changed["title"]) == (bob.id, "Read")


def test_only_what_a_move_changes_is_told(alice: Person, project: Record) -> None:
    first, task, *_ = fill(alice, project)
    known = len(events_of(alice, room_of(project)))
    moved = move(alice, task, project_id=project["id"], parent_id=None, before_id=first["id"])
    told = events_of(alice, room_of(project), known)
    assert [(event["type"], event["data"]) for event in told] == [("task.updated", moved)]


# Room between tasks


def crowded(alice: Person, project: Record, database: str, count: int) -> list[Record]:
    """Return tasks of which all but the first have positions that are too long."""
    tasks = fill(alice, project, count)
    first = tasks[0]["position"]
    for number, task in enumerate(tasks[1:], start=1):
        position = first + "0" * POSITION_MAX_LENGTH + f"{number:03}V"
        values = {"id": task["id"], "position": position}
        rows(database, "UPDATE tasks SET position = %(position)s WHERE id = %(id)s", values)
    return tasks


def test_where_there_is_no_short_position_those_around_get_new_ones(
    database: str, alice: Person, project: Record
) -> None:
    tasks = crowded(alice, project, database, 4)
    known = len(events_of(alice, room_of(project)))
    move(alice, tasks[3], after_id=tasks[0]["id"])
    after = [read(alice, tasks[number]) for number in (0, 3, 1, 2)]
    assert titles(alice, project) == ["A", "D", "B", "C"]
    assert [task["version"] for task in after] == [2] * 4
    assert max(len(task["position"]) for task in after) < POSITION_MAX_LENGTH
    told = events_of(alice, room_of(project), known)
    assert {event["type"] for event in told} == {"task.updated"}
    assert {event["subject"]: event["data"] for event in told} == {
        task["id"]: task for task in after
    }


def test_a_move_that_is_refused_makes_no_room(
    database: str, alice: Person, project: Record
) -> None:
    tasks = crowded(alice, project, database, 4)
    known = len(events_of(alice, room_of(project)))
    place = {"after_id": tasks[0]["id"]}
    answer = alice.post(
        "/tasks/bulk",
        {
            "changes": [
                {"kind": "move", "id": tasks[3]["id"], "to": place},
                {"kind": "delete", "id": alice.id},
            ]
        },
    )
    assert refusal(answer) == (404, "not_found")
    assert [read(alice, task)["version"] for task in tasks] == [1] * 4
    assert events_of(alice, room_of(project), known) == []


def test_positions_stay_short_however_often_tasks_move(alice: Person, project: Record) -> None:
    first, *others = fill(alice, project, 3)
    to = {"after_id": first["id"]}
    moves = [{"kind": "move", "id": others[number % 2]["id"], "to": to} for number in range(200)]
    for _ in range(3):
        change_all(alice, *moves)
    path = f"/tasks?project_id={project['id']}"
    assert all(len(task["position"]) <= POSITION_MAX_LENGTH for task in done(alice.get(path)))
    assert "".join(titles(alice, project)) == "ACB"
