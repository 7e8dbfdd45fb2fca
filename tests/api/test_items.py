"""Items over the API: the inbox, checklists, and the tasks made of them."""

from typing import Any

import pytest

from tests.factories import Person, add_member
from tests.records import (
    Record,
    done,
    event_types,
    ids,
    make_item,
    make_project,
    make_task,
    refusal,
)
from tests.sql import rows

OPERATION = """
    SELECT operations.scope_id::text, operations.title, operations.counts
    FROM operations JOIN items ON items.operation_id = operations.id WHERE items.id = %(id)s
"""


def change(person: Person, item: Record, **fields: Any) -> Record:
    changed: Record = done(person.patch(f"/items/{item['id']}", fields))
    return changed


def names(person: Person, task: Record | None = None) -> list[str]:
    """Return what is in a checklist or the inbox, in its order."""
    path = f"/items?task_id={task['id']}" if task else "/items"
    return [item["name"] for item in done(person.get(path))]


@pytest.fixture
def task(alice: Person, project: Record) -> Record:
    """A task of Alice's project."""
    return make_task(alice, project_id=project["id"])


# The inbox


def test_a_new_item_is_open_and_in_the_inbox(alice: Person) -> None:
    item = make_item(alice, "  Ask Grace ")
    made_by_the_server = {name: item[name] for name in ("id", "created_at", "updated_at")}
    assert item == made_by_the_server | {
        "created_by": alice.id,
        "task_id": None,
        "promoted_task_id": None,
        "name": "Ask Grace",
        "description": "",
        "status": "open",
        "position": item["position"],
        "version": 1,
    }
    assert done(alice.get(f"/items/{item['id']}")) == item


def test_new_items_go_last(alice: Person) -> None:
    for name in ("A", "B", "C"):
        make_item(alice, name)
    assert names(alice) == ["A", "B", "C"]


def test_an_inbox_is_nobody_elses(alice: Person, bob: Person, project: Record) -> None:
    add_member(alice, project, bob, "owner")
    path = f"/items/{make_item(alice)['id']}"
    answers = [
        bob.get(path),
        bob.patch(path, {"status": "done"}),
        bob.delete(path),
        bob.post(f"{path}/promote", {}),
    ]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert done(bob.get("/items")) == []


def test_an_item_is_ticked_off_and_opened_again(alice: Person) -> None:
    item = make_item(alice)
    assert change(alice, item, status="done")["status"] == "done"
    again = change(alice, item, status="open")
    assert (again["status"], again["version"]) == ("open", 3)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": " "},
        {"name": "x" * 101},
        {"name": "x", "status": "late"},
        {"name": "x", "position": "a0"},
    ],
)
def test_an_item_that_does_not_fit_is_refused(alice: Person, body: Record) -> None:
    assert refusal(alice.post("/items", body)) == (422, "invalid_input")


@pytest.mark.parametrize("field", ["name", "status", "before_id", "after_id"])
def test_null_is_no_value(alice: Person, field: str) -> None:
    answer = alice.patch(f"/items/{make_item(alice)['id']}", {field: None})
    assert refusal(answer) == (422, "invalid_input")


# Finding


def test_the_inbox_shows_no_checklists_and_checklists_no_inbox(alice: Person, task: Record) -> None:
    make_item(alice, "In the inbox")
    make_item(alice, "On the list", task_id=task["id"])
    assert names(alice) == ["In the inbox"]
    assert names(alice, task) == ["On the list"]


def test_items_are_found_by_status(alice: Person, task: Record) -> None:
    first, second = (make_item(alice, task_id=task["id"]) for _ in range(2))
    change(alice, first, status="done")
    found = ids(alice.get(f"/items?task_id={task['id']}&status=open&limit=1"))
    assert found == [second["id"]]
    assert ids(alice.get(f"/items?task_id={task['id']}&status=done")) == [first["id"]]


@pytest.mark.parametrize("words", ["GRACE", "oice", "100%25", "ask grace"])
def test_items_are_found_by_parts_of_their_name_or_description(alice: Person, words: str) -> None:
    item = make_item(alice, "Ask Grace", description="The invoice, 100% of it")
    make_item(alice, "Something else")
    assert ids(alice.get(f"/items?search={words}")) == [item["id"]]


def test_the_checklist_of_a_task_that_one_cannot_see_is_not_there(
    alice: Person, bob: Person, task: Record
) -> None:
    make_item(alice, task_id=task["id"])
    assert bob.get(f"/items?task_id={task['id']}").status_code == 404
    assert alice.get(f"/items?task_id={alice.id}").status_code == 404


# Checklists


def test_editors_change_a_checklist_and_viewers_read_it(
    alice: Person, bob: Person, project: Record, task: Record
) -> None:
    item = make_item(alice, task_id=task["id"])
    add_member(alice, project, bob, "viewer")
    assert names(bob, task) == [item["name"]]
    assert refusal(bob.patch(f"/items/{item['id']}", {"name": "x"})) == (403, "forbidden")
    done(alice.patch(f"/projects/{project['id']}/members/{bob.id}", {"role": "editor"}))
    assert change(bob, item, status="done")["status"] == "done"
    assert make_item(bob, task_id=task["id"])["created_by"] == bob.id


def test_a_checklist_is_gone_with_its_task(alice: Person, task: Record) -> None:
    item = make_item(alice, task_id=task["id"])
    done(alice.delete(f"/tasks/{task['id']}"))
    path = f"/items/{item['id']}"
    answers = [
        alice.get(path),
        alice.patch(path, {"name": "x"}),
        alice.get(f"/items?task_id={task['id']}"),
        alice.post("/items", {"name": "x", "task_id": task["id"]}),
    ]
    assert [answer.status_code for answer in answers] == [404] * 4


def test_an_archived_project_takes_no_new_items(
    alice: Person, project: Record, task: Record
) -> None:
    item = make_item(alice, task_id=task["id"])
    done(alice.patch(f"/projects/{project['id']}", {"archived": True}))
    answer = alice.post("/items", {"name": "x", "task_id": task["id"]})
    assert refusal(answer) == (409, "project_archived")
    assert change(alice, item, status="done")["status"] == "done"


def test_the_project_hears_of_its_checklists_and_only_oneself_of_the_inbox(
    alice: Person, project: Record, task: Record
) -> None:
    change(alice, make_item(alice, task_id=task["id"]), status="done")
    done(alice.delete(f"/items/{make_item(alice)['id']}"))
    assert event_types(alice, f"project:{project['id']}")[-2:] == ["item.created", "item.updated"]
    assert event_types(alice, f"user:{alice.id}")[-2:] == ["item.created", "item.deleted"]


# Promoting


def test_a_line_becomes_a_personal_task(alice: Person) -> None:
    item = make_item(alice, "Write", description="The first chapter")
    task = done(alice.post(f"/items/{item['id']}/promote", {}))
    assert done(alice.get(f"/tasks/{task['id']}")) == task
    assert (task["title"], task["description"]) == ("Write", "The first chapter")
    assert (task["project_id"], task["parent_id"], task["created_by"]) == (None, None, alice.id)
    after = done(alice.get(f"/items/{item['id']}"))
    assert (after["status"], after["promoted_task_id"]) == ("done", task["id"])
    assert after["version"] == 2


def test_a_line_becomes_a_task_of_a_project(alice: Person, project: Record) -> None:
    path = f"/items/{make_item(alice)['id']}/promote"
    task = done(alice.post(path, {"project_id": project["id"]}))
    assert (task["project_id"], task["parent_id"]) == (project["id"], None)


def test_a_line_of_a_checklist_becomes_a_subtask(
    alice: Person, project: Record, task: Record
) -> None:
    for body in ({}, {"project_id": None}, {"project_id": project["id"]}):
        item = make_item(alice, task_id=task["id"])
        made = done(alice.post(f"/items/{item['id']}/promote", body))
        assert (made["project_id"], made["parent_id"]) == (project["id"], task["id"])


def test_a_line_of_a_personal_tasks_checklist_becomes_a_personal_subtask(alice: Person) -> None:
    task = make_task(alice)
    item = make_item(alice, task_id=task["id"])
    made = done(alice.post(f"/items/{item['id']}/promote", {}))
    assert (made["project_id"], made["parent_id"]) == (None, task["id"])


def test_a_subtask_stays_in_the_project_of_its_task(alice: Person, task: Record) -> None:
    item = make_item(alice, task_id=task["id"])
    answer = alice.post(f"/items/{item['id']}/promote", {"project_id": make_project(alice)["id"]})
    assert refusal(answer) == (400, "project_mismatch")
    assert done(alice.get(f"/items/{item['id']}")) == item


def test_an_item_is_promoted_once(alice: Person) -> None:
    path = f"/items/{make_item(alice)['id']}/promote"
    task = done(alice.post(path, {}))
    again = alice.post(path, {})
    assert refusal(again) == (409, "already_promoted")
    assert again.get_json()["task_id"] == task["id"]
    assert ids(alice.get("/tasks")) == [task["id"]]


def test_an_item_goes_only_where_one_may_work(alice: Person, bob: Person, project: Record) -> None:
    item = make_item(bob)
    path, body = f"/items/{item['id']}/promote", {"project_id": project["id"]}
    assert bob.post(path, body).status_code == 404
    add_member(alice, project, bob, "viewer")
    assert bob.post(path, body).status_code == 403
    done(alice.patch(f"/projects/{project['id']}", {"archived": True}))
    assert refusal(alice.post(f"/items/{make_item(alice)['id']}/promote", body)) == (
        409,
        "project_archived",
    )
    assert done(bob.get(f"/items/{item['id']}")) == item


# Deleting, and versions


def test_a_deleted_item_is_gone_and_its_operation_known(
    database: str, alice: Person, project: Record, task: Record
) -> None:
    of_a_task, of_the_inbox = make_item(alice, "One", task_id=task["id"]), make_item(alice, "Two")
    for item, scope_id in ((of_a_task, project["id"]), (of_the_inbox, alice.id)):
        path = f"/items/{item['id']}"
        assert alice.delete(path).status_code == 204
        answers = [alice.get(path), alice.patch(path, {"name": "x"}), alice.delete(path)]
        assert [answer.status_code for answer in answers] == [404] * 3
        assert rows(database, OPERATION, {"id": item["id"]}) == [
            {"scope_id": scope_id, "title": item["name"], "counts": {"item": 1}}
        ]
    assert (names(alice), names(alice, task)) == ([], [])


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_change_to_another_version_is_refused(alice: Person, method: str) -> None:
    item = make_item(alice)
    current = change(alice, item, name="Newer")
    body = {"name": "Older"} if method == "PATCH" else None
    path, headers = f"/items/{item['id']}", {"If-Match": '"v1"'}
    answer = alice.send(method, path, headers=headers, json=body)
    assert refusal(answer) == (412, "version_mismatch")
    assert answer.get_json()["current"] == current
    assert alice.get(path).headers["ETag"] == '"v2"'
