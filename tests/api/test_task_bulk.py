"""Bulk changes: many tasks in one transaction, all of it or nothing."""

import uuid

import pytest

from tests.api.access_world import make_agent
from tests.changes import (
    ask_for_all,
    change,
    change_all,
    events_of,
    move,
    read,
    room_of,
    titles,
)
from tests.factories import Person, add_member
from tests.records import Record, done, ids, make_project, make_task, refusal

MANY = 200
NOBODYS = "0198c2f4-7d1b-7c3a-9f6e-2b1d5a4c8e70"


def creating(title: str, **fields: object) -> Record:
    return {"kind": "create", "task": {"title": title} | fields}


def updating(task: Record, **fields: object) -> Record:
    return {"kind": "update", "id": task["id"], "task": fields}


def moving(task: Record, **place: object) -> Record:
    return {"kind": "move", "id": task["id"], "to": place}


def deleting(task: Record) -> Record:
    return {"kind": "delete", "id": task["id"]}


@pytest.fixture
def task(alice: Person, project: Record) -> Record:
    """A task of Alice's project."""
    return make_task(alice, project_id=project["id"])


@pytest.fixture
def agent(alice: Person, project: Record) -> Person:
    """An agent of Alice's that works in her project."""
    robot = make_agent(alice)
    add_member(alice, project, robot, "editor")
    return robot


# All of it


def test_each_change_is_what_it_would_be_alone(alice: Person, project: Record) -> None:
    place = {"project_id": project["id"]}
    first, second, third = (make_task(alice, title=title, **place) for title in "ABC")
    made, changed, moved, deleted = change_all(
        alice,
        creating("D", **place),
        updating(first, title="Z"),
        moving(third, before_id=second["id"], parent_id=first["id"]),
        deleting(second),
    )
    assert made == read(alice, made or {})
    assert changed == read(alice, first)
    assert moved == read(alice, third)
    assert deleted is None
    assert titles(alice, project) == ["Z", "C", "D"]
    assert alice.get(f"/tasks/{second['id']}").status_code == 404


def test_changes_are_made_in_their_order(alice: Person, task: Record) -> None:
    tasks = change_all(alice, *(updating(task, title=f"Draft {number}") for number in range(3)))
    assert [each and (each["title"], each["version"]) for each in tasks] == [
        ("Draft 0", 2),
        ("Draft 1", 3),
        ("Draft 2", 4),
    ]


def test_a_later_change_sees_what_an_earlier_one_did(alice: Person, task: Record) -> None:
    other = make_task(alice, project_id=task["project_id"])
    answer = ask_for_all(
        alice,
        updating(task, blocked_by=[other["id"]]),
        updating(other, blocked_by=[task["id"]]),
    )
    assert refusal(answer) == (409, "dependency_cycle")
    assert answer.get_json()["index"] == 1


def test_changes_reach_over_projects(alice: Person, project: Record, task: Record) -> None:
    shop, personal = make_project(alice), make_task(alice)
    change_all(alice, moving(task, project_id=shop["id"]), moving(personal, project_id=None))
    change_all(alice, moving(personal, project_id=project["id"]), updating(task, title="Sell"))
    assert (titles(alice, project), titles(alice, shop)) == (["Write"], ["Sell"])


def test_a_change_that_the_rules_warn_of_says_so(alice: Person, task: Record) -> None:
    part = make_task(alice, project_id=task["project_id"], parent_id=task["id"])
    (changed,) = change_all(alice, updating(task, status="completed"))
    assert changed is not None
    assert changed["warnings"][0]["task_ids"] == [part["id"]]


def test_a_room_hears_of_every_change_in_its_order(
    alice: Person, project: Record, task: Record
) -> None:
    known = len(events_of(alice, room_of(project)))
    made, changed, _ = change_all(
        alice, creating("D", project_id=project["id"]), updating(task, title="Z"), deleting(task)
    )
    told = events_of(alice, room_of(project), known)
    assert [event["type"] for event in told] == ["task.created", "task.updated", "task.deleted"]
    assert [event["data"] for event in told[:2]] == [made, changed]
    assert [event["seq"] for event in told] == [known + 1, known + 2, known + 3]


# How many


def test_two_hundred_changes_are_made(alice: Person, project: Record) -> None:
    made = change_all(
        alice, *(creating(f"{number:03}", project_id=project["id"]) for number in range(MANY))
    )
    assert titles(alice, project) == [f"{number:03}" for number in range(MANY)]
    assert len({each["id"] for each in made if each}) == MANY


@pytest.mark.parametrize("count", [0, MANY + 1])
def test_none_and_more_than_two_hundred_are_refused(alice: Person, count: int) -> None:
    answer = ask_for_all(alice, *(creating("x") for _ in range(count)))
    assert refusal(answer) == (422, "invalid_input")
    assert ids(alice.get("/tasks")) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "update", "task": {"title": "x"}},
        {"kind": "archive", "id": NOBODYS},
        {"kind": "create", "task": {"title": ""}},
        {"kind": "create", "task": {"title": "x"}, "if_version": 1},
        {"kind": "delete", "id": NOBODYS, "if_version": "1"},
    ],
)
def test_a_change_that_does_not_fit_is_named_by_its_place(alice: Person, wrong: Record) -> None:
    answer = ask_for_all(alice, creating("x"), wrong)
    assert refusal(answer) == (422, "invalid_input")
    assert all(error["field"].startswith("body.changes.1") for error in answer.get_json()["errors"])
    assert ids(alice.get("/tasks")) == []


# Or nothing


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (updating({"id": NOBODYS}, title="x"), (404, "not_found")),
        (
            creating("x", parent_id=NOBODYS),
            (400, "parent_elsewhere"),
        ),
        (creating("x", project_id=NOBODYS), (404, "not_found")),
    ],
)
def test_one_change_that_cannot_be_made_leaves_none(
    alice: Person, project: Record, task: Record, wrong: Record, problem: tuple[int, str]
) -> None:
    other = make_task(alice, project_id=project["id"])
    known = len(events_of(alice, room_of(project)))
    answer = ask_for_all(
        alice, updating(task, title="Z"), deleting(other), creating("New"), wrong, creating("Last")
    )
    assert refusal(answer) == problem
    assert answer.get_json()["index"] == 3
    assert [read(alice, each) for each in (task, other)] == [task, other]
    assert events_of(alice, room_of(project), known) == []
    assert (ids(alice.get("/tasks?search=New")), ids(alice.get("/trash"))) == ([], [])


def test_where_one_may_only_look_nothing_is_changed(
    alice: Person, bob: Person, project: Record, task: Record
) -> None:
    add_member(alice, project, bob, "viewer")
    for wrong in (updating(task, title="x"), moving(task, project_id=None), deleting(task)):
        answer = ask_for_all(bob, creating("Mine"), wrong)
        assert (refusal(answer), answer.get_json()["index"]) == ((403, "forbidden"), 1)
    assert ids(bob.get("/tasks")) == [task["id"]]


# Versions


@pytest.mark.parametrize("kind", ["update", "move", "delete"])
def test_a_change_of_another_version_is_refused(alice: Person, task: Record, kind: str) -> None:
    current = change(alice, task, title="Newer")
    wrong = {
        "update": updating(task, title="Older"),
        "move": moving(task, project_id=None),
        "delete": deleting(task),
    }[kind]
    answer = ask_for_all(alice, creating("x"), wrong | {"if_version": 1})
    assert refusal(answer) == (412, "version_mismatch")
    assert (answer.get_json()["index"], answer.get_json()["current"]) == (1, current)
    assert "in bulk 2 as if_version" in answer.get_json()["detail"]
    assert ask_for_all(alice, wrong | {"if_version": 2}).status_code == 200


@pytest.mark.parametrize("if_version", [0, -1, 2**31])
def test_a_version_that_never_was_matches_nothing(
    alice: Person, task: Record, if_version: int
) -> None:
    answer = ask_for_all(alice, deleting(task) | {"if_version": if_version})
    assert refusal(answer) == (412, "version_mismatch")


@pytest.mark.parametrize("kind", ["update", "move", "delete"])
def test_agents_must_say_which_version_they_change(
    alice: Person, agent: Person, project: Record, task: Record, kind: str
) -> None:
    asked = {
        "update": updating(task, title="Z"),
        "move": moving(task, parent_id=None),
        "delete": deleting(task),
    }[kind]
    answer = ask_for_all(agent, creating("x", project_id=project["id"]), asked)
    assert refusal(answer) == (428, "if_match_required")
    assert answer.get_json()["index"] == 1
    assert read(alice, task) == task
    done(ask_for_all(agent, creating("x", project_id=project["id"]), asked | {"if_version": 1}))


def test_an_agent_that_names_an_old_version_is_refused(
    alice: Person, agent: Person, task: Record
) -> None:
    change(alice, task, title="Newer")
    answer = ask_for_all(agent, updating(task, title="Older") | {"if_version": 1})
    assert (refusal(answer), answer.get_json()["index"]) == ((412, "version_mismatch"), 0)


# Deleting


def test_what_is_deleted_together_is_one_operation(
    alice: Person, project: Record, task: Record
) -> None:
    others = [make_task(alice, project_id=project["id"], title=title) for title in "BC"]
    part = make_task(alice, project_id=project["id"], parent_id=others[0]["id"])
    outcome = done(ask_for_all(alice, *(deleting(each) for each in (task, *others))))
    assert outcome["tasks"] == [None] * 3
    (operation,) = done(alice.get("/trash"))
    assert (operation["id"], operation["counts"]) == (outcome["operation_id"], {"task": 4})
    restored = done(alice.post(f"/trash/{operation['id']}/restore"))
    assert (restored["restored"], restored["problems"]) == ({"task": 4}, [])
    assert read(alice, part)["parent_id"] == others[0]["id"]
    assert done(alice.get("/trash")) == []


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (0, 0, 1)])
def test_a_task_and_its_parts_are_deleted_in_any_order(
    alice: Person, project: Record, task: Record, order: tuple[int, ...]
) -> None:
    part = make_task(alice, project_id=project["id"], parent_id=task["id"])
    last = make_task(alice, project_id=project["id"], parent_id=part["id"])
    chain = (task, part, last)
    known = len(events_of(alice, room_of(project)))
    assert change_all(alice, *(deleting(chain[number]) for number in order)) == [None] * 3
    told = events_of(alice, room_of(project), known)
    assert sorted(event["subject"] for event in told) == sorted(each["id"] for each in chain)
    (operation,) = done(alice.get("/trash"))
    assert operation["counts"] == {"task": 3}
    done(alice.post(f"/trash/{operation['id']}/restore"))
    assert [read(alice, each)["parent_id"] for each in chain] == [None, task["id"], part["id"]]


def test_what_is_deleted_cannot_be_changed_afterwards(
    alice: Person, project: Record, task: Record
) -> None:
    part = make_task(alice, project_id=project["id"], parent_id=task["id"])
    for after in (updating(part, title="x"), moving(part, project_id=None)):
        answer = ask_for_all(alice, deleting(task), after)
        assert (refusal(answer), answer.get_json()["index"]) == ((404, "not_found"), 1)
    assert [read(alice, each) for each in (task, part)] == [task, part]


def test_what_was_in_the_trash_before_cannot_be_deleted(alice: Person, task: Record) -> None:
    done(alice.delete(f"/tasks/{task['id']}"))
    assert refusal(ask_for_all(alice, deleting(task))) == (404, "not_found")


def test_without_a_deletion_there_is_nothing_to_restore(alice: Person, task: Record) -> None:
    outcome = done(ask_for_all(alice, updating(task, title="Z")))
    assert alice.post(f"/trash/{outcome['operation_id']}/restore").status_code == 404


def test_deletions_in_several_projects_come_back_with_one_call(alice: Person, task: Record) -> None:
    tasks = [task, make_task(alice), make_task(alice, project_id=make_project(alice)["id"])]
    outcome = done(ask_for_all(alice, *map(deleting, tasks)))
    done(alice.post(f"/trash/{outcome['operation_id']}/restore"))
    assert [read(alice, each)["version"] for each in tasks] == [3, 3, 3]


# Repeats


def test_bulk_changes_are_repeated_with_their_key(alice: Person, task: Record) -> None:
    key = str(uuid.uuid4())
    changes = [creating("Once"), updating(task, title="Z"), deleting(task)]
    first = ask_for_all(alice, *changes, Idempotency_Key=key)
    again = ask_for_all(alice, *changes, Idempotency_Key=key)
    assert (first.status_code, first.data) == (again.status_code, again.data) == (200, first.data)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(ids(alice.get("/tasks?search=Once"))) == 1
    other = ask_for_all(alice, creating("Twice"), Idempotency_Key=key)
    assert refusal(other) == (422, "idempotency_key_reused")


def test_a_change_that_changes_nothing_leaves_no_trace(
    alice: Person, project: Record, task: Record
) -> None:
    known = len(events_of(alice, room_of(project)))
    assert change_all(alice, updating(task, title="Write"), moving(task)) == [task, task]
    assert read(alice, move(alice, task)) == task
    assert events_of(alice, room_of(project), known) == []
