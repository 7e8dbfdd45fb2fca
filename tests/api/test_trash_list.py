"""Who sees what in the trash, and its pages."""

import pytest
from flask import Flask

from tests.factories import Person, add_member, sign_up
from tests.records import (
    Record,
    done,
    ids,
    make_comment,
    make_entry,
    make_item,
    make_project,
    make_task,
)

COMMENT = "So\nor not"


def throw_away(person: Person, path: str) -> Record:
    """Delete something; return what the trash says about that."""
    done(person.delete(path))
    operation: Record = done(person.get("/trash?limit=1"))[0]
    return operation


def delete_task(person: Person, **fields: object) -> Record:
    """Make a task and delete it; return what the trash says about that."""
    return throw_away(person, f"/tasks/{make_task(person, **fields)['id']}")


def delete_together(person: Person, *tasks: Record) -> str:
    changes = [{"kind": "delete", "id": task["id"]} for task in tasks]
    operation: str = done(person.post("/tasks/bulk", {"changes": changes}))["operation_id"]
    return operation


def remove(owner: Person, project: Record, person: Person) -> None:
    done(owner.delete(f"/projects/{project['id']}/members/{person.id}"))


def sees(person: Person, operation: str) -> bool:
    """Tell whether somebody finds an operation; what is not listed cannot be restored either."""
    listed = operation in ids(person.get("/trash"))
    if not listed:
        assert person.post(f"/trash/{operation}/restore").status_code == 404
    return listed


@pytest.fixture
def place(project: Record) -> Record:
    """What puts things into Alice's project."""
    return {"project_id": project["id"]}


# What is told


def test_an_action_is_one_line_of_the_trash(alice: Person, project: Record, place: Record) -> None:
    task = make_task(alice, title="Write", **place)
    make_task(alice, title="Think", parent_id=task["id"], **place)
    operation = throw_away(alice, f"/tasks/{task['id']}")
    assert operation == {
        "id": operation["id"],
        "project_id": project["id"],
        "deleted_by": alice.id,
        "deleted_at": operation["deleted_at"],
        "title": "Write",
        "counts": {"task": 2},
    }
    assert done(alice.get("/trash")) == [operation]


def test_the_trash_names_what_was_deleted(alice: Person, place: Record) -> None:
    task = make_task(alice, **place)
    paths = {
        "item": f"/items/{make_item(alice, 'Call', task_id=task['id'])['id']}",
        "comment": f"/comments/{make_comment(alice, task, COMMENT)['id']}",
        "time_entry": f"/time-entries/{make_entry(alice, note='Slowly', **place)['id']}",
        "project": f"/projects/{place['project_id']}",
    }
    told = [throw_away(alice, path) for path in paths.values()]
    assert [operation["counts"] for operation in told] == [{kind: 1} for kind in paths]
    assert [operation["title"] for operation in told] == ["Call", "So", "Slowly", "Website"]
    assert {operation["project_id"] for operation in told} == {place["project_id"]}


def test_what_is_personal_has_no_project(alice: Person) -> None:
    operations = [
        delete_task(alice),
        throw_away(alice, f"/items/{make_item(alice)['id']}"),
        throw_away(alice, f"/time-entries/{make_entry(alice)['id']}"),
    ]
    assert [operation["project_id"] for operation in operations] == [None] * 3


def test_the_newest_comes_first(alice: Person, place: Record) -> None:
    made = [delete_task(alice, **fields)["id"] for fields in (place, {}, place, {})]
    assert ids(alice.get("/trash")) == made[::-1]


# Who sees it


def test_the_trash_of_a_project_is_for_all_who_belong_to_it_now(
    app: Flask, alice: Person, bob: Person, project: Record, place: Record
) -> None:
    add_member(alice, project, bob, "viewer")
    operation = delete_task(alice, **place)
    carol = sign_up(app, "Carol")
    assert (sees(bob, operation["id"]), sees(carol, operation["id"])) == (True, False)
    add_member(alice, project, carol, "editor")
    assert done(carol.get("/trash")) == done(bob.get("/trash")) == [operation]


def test_who_left_a_project_sees_none_of_its_trash_not_even_their_own(
    alice: Person, bob: Person, project: Record, place: Record
) -> None:
    add_member(alice, project, bob, "editor")
    task = make_task(bob, title="Secret", **place)
    operations = [
        throw_away(bob, f"/comments/{make_comment(bob, task, 'Secret')['id']}"),
        throw_away(bob, f"/items/{make_item(bob, 'Secret', task_id=task['id'])['id']}"),
        throw_away(bob, f"/time-entries/{make_entry(bob, note='Secret', **place)['id']}"),
        throw_away(bob, f"/tasks/{task['id']}"),
    ]
    remove(alice, project, bob)
    assert [sees(bob, operation["id"]) for operation in operations] == [False] * 4
    assert [sees(alice, operation["id"]) for operation in operations] == [True] * 4


def test_what_is_personal_is_in_nobody_elses_trash(
    alice: Person, bob: Person, project: Record
) -> None:
    add_member(alice, project, bob, "owner")
    operations = [delete_task(alice), throw_away(alice, f"/items/{make_item(alice)['id']}")]
    assert [sees(bob, operation["id"]) for operation in operations] == [False] * 2


def test_what_reached_over_several_projects_is_for_whoever_did_it(
    alice: Person, bob: Person, project: Record, place: Record
) -> None:
    other = make_project(alice)
    for each in (project, other):
        add_member(alice, each, bob, "editor")
    tasks = [make_task(bob, **place), make_task(bob, project_id=other["id"])]
    operation = delete_together(bob, *tasks)
    assert (sees(bob, operation), sees(alice, operation)) == (True, False)
    assert done(bob.get("/trash"))[0]["project_id"] is None


def test_a_deleted_project_is_in_the_trash_of_its_owners(
    app: Flask, alice: Person, bob: Person, project: Record
) -> None:
    carol = sign_up(app, "Carol")
    add_member(alice, project, bob, "owner")
    add_member(alice, project, carol, "editor")
    operation = throw_away(alice, f"/projects/{project['id']}")
    assert [sees(person, operation["id"]) for person in (alice, bob, carol)] == [True, True, False]


def test_the_trash_inside_a_deleted_project_is_for_its_owners(
    alice: Person, bob: Person, project: Record, place: Record
) -> None:
    add_member(alice, project, bob, "editor")
    inside = delete_task(bob, **place)
    whole = throw_away(alice, f"/projects/{project['id']}")
    assert not sees(bob, inside["id"])
    assert ids(alice.get(f"/trash?project_id={project['id']}")) == [whole["id"], inside["id"]]


# Filters and pages


def test_the_trash_of_one_project(alice: Person, project: Record, place: Record) -> None:
    inside = delete_task(alice, **place)
    delete_task(alice)
    delete_task(alice, project_id=make_project(alice)["id"])
    assert done(alice.get(f"/trash?project_id={project['id']}")) == [inside]


def test_an_empty_trash_is_an_empty_list(alice: Person, project: Record) -> None:
    assert done(alice.get("/trash")) == []
    assert done(alice.get(f"/trash?project_id={project['id']}")) == []


def test_the_trash_of_a_project_that_one_is_not_in_is_not_there(
    alice: Person, bob: Person, project: Record, place: Record
) -> None:
    delete_task(alice, **place)
    assert bob.get(f"/trash?project_id={project['id']}").status_code == 404
    add_member(alice, project, bob, "editor")
    delete_task(bob, **place)
    remove(alice, project, bob)
    assert bob.get(f"/trash?project_id={project['id']}").status_code == 404


@pytest.mark.parametrize("question", ["project_id=website", "kind=task", "limit=201", "cursor=x"])
def test_a_question_that_does_not_fit_is_refused(alice: Person, question: str) -> None:
    assert alice.get(f"/trash?{question}").status_code in (400, 422)


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_go_through_all_scopes_in_order(
    alice: Person, bob: Person, project: Record, place: Record, limit: int
) -> None:
    add_member(alice, project, bob, "editor")
    other = {"project_id": make_project(alice)["id"]}
    made = [
        delete_task(alice)["id"],
        delete_task(bob, **place)["id"],
        delete_together(alice, make_task(alice), make_task(alice, **place)),
        delete_task(alice, **other)["id"],
        delete_task(alice)["id"],
        delete_together(alice, make_task(alice, **other), make_task(alice, **place)),
        delete_task(bob, **place)["id"],
    ]
    found: list[str] = []
    path = f"/trash?limit={limit}"
    while path:
        answer = alice.get(path)
        found += ids(answer)
        path = answer.headers.get("Link", "").partition("/api/v1")[2].partition(">")[0]
    assert found == made[::-1]
    assert ids(alice.get("/trash?limit=2&offset=3")) == made[::-1][3:5]


def test_pages_of_one_project_go_on_behind_the_cursor(alice: Person, place: Record) -> None:
    made = [delete_task(alice, **place)["id"] for _ in range(3)]
    first = alice.get(f"/trash?project_id={place['project_id']}&limit=2")
    behind = first.headers["Link"].partition("/api/v1")[2].partition(">")[0]
    assert (ids(first), ids(alice.get(behind))) == (made[:0:-1], made[:1])
