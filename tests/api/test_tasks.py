"""Tasks over the API; tests/api/test_task_list.py is about finding them."""

from typing import Any

import pytest

from tests.factories import Person, add_member
from tests.records import Record, done, make_project, make_task, moment, refusal


@pytest.fixture
def task(alice: Person) -> Record:
    """A personal task of Alice's."""
    return make_task(alice)


def change(person: Person, task: Record, **fields: Any) -> Record:
    changed: Record = done(person.patch(f"/tasks/{task['id']}", fields))
    return changed


def test_a_new_task_is_pending_and_has_version_one(alice: Person) -> None:
    task = make_task(alice, labels=["a", "b", "a"], metadata={"x": {"y": 1}})
    assert (task["status"], task["version"], task["labels"]) == ("pending", 1, ["a", "b"])
    assert task["metadata"] == {"x": {"y": 1}}
    assert alice.get(f"/tasks/{task['id']}").json == task


def test_a_task_with_nothing_but_a_title_has_defaults(alice: Person, task: Record) -> None:
    made_by_the_server = ("id", "created_at", "updated_at", "position")
    assert task == {name: task[name] for name in made_by_the_server} | {
        "project_id": None,
        "created_by": alice.id,
        "assignee_id": None,
        "delegate_id": None,
        "parent_id": None,
        "blocked_by": [],
        "title": "Write",
        "description": "",
        "status": "pending",
        "priority": "none",
        "due_at": None,
        "recurrence": None,
        "series": None,
        "next_id": None,
        "labels": [],
        "metadata": {},
        "started_at": None,
        "completed_at": None,
        "version": 1,
    }


def test_a_personal_task_is_nobody_elses(bob: Person, task: Record) -> None:
    path = f"/tasks/{task['id']}"
    answers = [bob.get(path), bob.patch(path, {"title": "Mine"}), bob.delete(path)]
    assert {answer.status_code for answer in answers} == {404}


def test_an_update_leaves_what_it_does_not_name(alice: Person) -> None:
    task = make_task(alice, description="Slowly", labels=["a"], due_at="2026-03-02T09:00:00Z")
    changed = change(alice, task, title="Write more")
    assert changed == task | {
        "title": "Write more",
        "version": 2,
        "updated_at": changed["updated_at"],
    }
    assert moment(changed["updated_at"]) > moment(task["updated_at"])


def test_null_takes_a_due_date_away(alice: Person) -> None:
    task = make_task(alice, due_at="2026-03-02T09:00:00Z")
    assert change(alice, task, due_at=None)["due_at"] is None


def test_null_is_no_title(alice: Person, task: Record) -> None:
    answer = alice.patch(f"/tasks/{task['id']}", {"title": None})
    assert refusal(answer) == (422, "invalid_input")


# Status


def test_putting_a_task_in_progress_starts_it(alice: Person, task: Record) -> None:
    started = change(alice, task, status="in_progress")
    assert moment(started["started_at"]) >= moment(task["created_at"])
    assert started["completed_at"] is None


def test_completing_a_task_ends_it(alice: Person, task: Record) -> None:
    started = change(alice, task, status="in_progress")
    completed = change(alice, task, status="completed")
    assert completed["started_at"] == started["started_at"]
    assert moment(completed["completed_at"]) > moment(started["started_at"])


def test_a_task_completed_without_a_start_started_then(alice: Person, task: Record) -> None:
    completed = change(alice, task, status="completed")
    assert completed["started_at"] == completed["completed_at"] is not None


def test_reopening_a_task_keeps_its_first_start(alice: Person, task: Record) -> None:
    completed = change(alice, task, status="completed")
    reopened = change(alice, task, status="in_progress")
    assert reopened["started_at"] == completed["started_at"]
    assert reopened["completed_at"] is None


def test_a_task_put_back_to_pending_has_not_started(alice: Person, task: Record) -> None:
    change(alice, task, status="completed")
    pending = change(alice, task, status="pending")
    assert (pending["started_at"], pending["completed_at"]) == (None, None)


def test_cancelling_keeps_the_start_only(alice: Person, task: Record) -> None:
    completed = change(alice, task, status="completed")
    cancelled = change(alice, task, status="cancelled")
    assert cancelled["started_at"] == completed["started_at"]
    assert cancelled["completed_at"] is None


def test_the_same_status_again_crosses_nothing(alice: Person, task: Record) -> None:
    completed = change(alice, task, status="completed")
    again = change(alice, task, status="completed", title="Written")
    assert again["completed_at"] == completed["completed_at"]


def test_a_task_may_be_made_in_progress(alice: Person) -> None:
    task = make_task(alice, status="in_progress")
    assert task["started_at"] is not None
    assert task["completed_at"] is None


# Metadata (RFC 7396)


@pytest.mark.parametrize(
    ("before", "patch", "after"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": None, "d": 3}}, {"a": {"c": 2, "d": 3}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": 1}, {"a": {"b": {"c": None}}}, {"a": {"b": {}}}),
        ({"a": 1}, {}, {"a": 1}),
    ],
)
def test_metadata_is_merged(alice: Person, before: Any, patch: Any, after: Any) -> None:
    task = make_task(alice, metadata=before)
    assert change(alice, task, metadata=patch)["metadata"] == after


def test_a_nested_change_of_metadata_survives_a_reload(alice: Person) -> None:
    task = make_task(alice, metadata={"review": {"by": "bob", "rounds": 1}})
    changed = change(alice, task, metadata={"review": {"rounds": 2}})
    assert changed["version"] == 2
    reloaded = done(alice.get(f"/tasks/{task['id']}"))
    assert reloaded["metadata"] == {"review": {"by": "bob", "rounds": 2}}


# Whose it is


def test_a_member_can_be_assigned(alice: Person, bob: Person, project: Record) -> None:
    add_member(alice, project, bob, "viewer")
    task = make_task(alice, project_id=project["id"], assignee_id=bob.id)
    assert task["assignee_id"] == bob.id


def test_somebody_outside_the_project_cannot_be_assigned(
    alice: Person, bob: Person, project: Record
) -> None:
    body = {"title": "Write", "project_id": project["id"], "assignee_id": bob.id}
    assert refusal(alice.post("/tasks", body)) == (400, "assignee_not_member")


def test_a_task_cannot_be_handed_to_somebody_outside(
    alice: Person, bob: Person, project: Record
) -> None:
    task = make_task(alice, project_id=project["id"])
    answer = alice.patch(f"/tasks/{task['id']}", {"assignee_id": bob.id})
    assert refusal(answer) == (400, "assignee_not_member")
    assert done(alice.get(f"/tasks/{task['id']}")) == task


def test_a_personal_task_cannot_be_assigned_to_others(
    alice: Person, bob: Person, task: Record
) -> None:
    body = {"title": "Write", "assignee_id": bob.id}
    answers = [alice.post("/tasks", body), alice.patch(f"/tasks/{task['id']}", body)]
    assert [refusal(answer) for answer in answers] == [(400, "assignee_not_member")] * 2


def test_a_personal_task_can_be_assigned_to_oneself(alice: Person) -> None:
    task = make_task(alice, assignee_id=alice.id)
    assert change(alice, task, assignee_id=None)["assignee_id"] is None
    assert change(alice, task, assignee_id=alice.id)["assignee_id"] == alice.id


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("editor", 201), ("owner", 201)])
def test_making_a_task_in_a_project_takes_an_editor(
    alice: Person, bob: Person, project: Record, role: str, status: int
) -> None:
    add_member(alice, project, bob, role)
    answer = bob.post("/tasks", {"title": "Write", "project_id": project["id"]})
    assert answer.status_code == status


def test_a_viewer_reads_a_task_and_may_not_change_it(
    alice: Person, bob: Person, project: Record
) -> None:
    task = make_task(alice, project_id=project["id"])
    add_member(alice, project, bob, "viewer")
    path = f"/tasks/{task['id']}"
    assert done(bob.get(path)) == task
    assert refusal(bob.patch(path, {"title": "Mine"})) == (403, "forbidden")
    assert refusal(bob.delete(path)) == (403, "forbidden")


def test_an_archived_project_takes_no_new_tasks(alice: Person, project: Record) -> None:
    done(alice.patch(f"/projects/{project['id']}", {"archived": True}))
    answer = alice.post("/tasks", {"title": "Write", "project_id": project["id"]})
    assert refusal(answer) == (409, "project_archived")


def test_a_project_out_of_the_archive_takes_tasks_again(alice: Person, project: Record) -> None:
    for archived in (True, False):
        done(alice.patch(f"/projects/{project['id']}", {"archived": archived}))
    assert make_task(alice, project_id=project["id"])["project_id"] == project["id"]


def test_a_task_in_a_project_of_others_cannot_be_made(bob: Person, project: Record) -> None:
    answer = bob.post("/tasks", {"title": "Write", "project_id": project["id"]})
    assert answer.status_code == 404


# Deleting, and versions


def test_a_deleted_task_is_gone(alice: Person, task: Record) -> None:
    path = f"/tasks/{task['id']}"
    assert alice.delete(path).status_code == 204
    answers = [alice.get(path), alice.patch(path, {"title": "Back"}), alice.delete(path)]
    assert [answer.status_code for answer in answers] == [404, 404, 404]


def test_with_its_project_a_task_is_gone(alice: Person) -> None:
    project = make_project(alice)
    task = make_task(alice, project_id=project["id"])
    done(alice.delete(f"/projects/{project['id']}"))
    assert alice.get(f"/tasks/{task['id']}").status_code == 404
    assert task not in done(alice.get("/tasks"))


def test_each_change_raises_the_version_by_one(alice: Person, task: Record) -> None:
    versions = [change(alice, task, title=f"Draft {n}")["version"] for n in range(3)]
    assert versions == [2, 3, 4]
    answer = alice.get(f"/tasks/{task['id']}")
    assert (answer.get_json()["version"], answer.headers["ETag"]) == (4, '"v4"')


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_change_to_another_version_is_refused_and_shows_the_current_one(
    alice: Person, task: Record, method: str
) -> None:
    current = change(alice, task, title="Newer")
    headers = {"If-Match": '"v1"'}
    body = {"title": "Older"} if method == "PATCH" else None
    answer = alice.send(method, f"/tasks/{task['id']}", headers=headers, json=body)
    assert refusal(answer) == (412, "version_mismatch")
    assert answer.get_json()["current"] == current
    assert done(alice.get(f"/tasks/{task['id']}")) == current


@pytest.mark.parametrize("tags", ['"v1"', "*", '"v7", "v1"', '"v1","v2"'])
def test_a_change_that_names_the_version_among_its_tags_is_made(
    alice: Person, task: Record, tags: str
) -> None:
    answer = alice.patch(f"/tasks/{task['id']}", {"title": "New"}, If_Match=tags)
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"v2"')


@pytest.mark.parametrize("tag", ['W/"v1"', '"1"', "1"])
def test_a_tag_of_another_form_matches_nothing_and_the_answer_names_what_would(
    alice: Person, task: Record, tag: str
) -> None:
    answer = alice.patch(f"/tasks/{task['id']}", {"title": "New"}, If_Match=tag)
    assert refusal(answer) == (412, "version_mismatch")
    assert 'send "v1" in If-Match' in answer.get_json()["detail"]
