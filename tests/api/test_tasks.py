"""Tasks over the API."""

from typing import Any

from tests.factories import Person


def make(person: Person, **fields: Any) -> dict[str, Any]:
    answer = person.post("/tasks", {"title": "Write"} | fields)
    assert answer.status_code == 201, answer.text
    task: dict[str, Any] = answer.get_json()
    return task


def test_a_new_task_is_pending_and_has_version_one(alice: Person) -> None:
    task = make(alice, labels=["a", "b", "a"], metadata={"x": {"y": 1}})
    assert (task["status"], task["version"], task["labels"]) == ("pending", 1, ["a", "b"])
    assert task["metadata"] == {"x": {"y": 1}}
    assert alice.get(f"/tasks/{task['id']}").json == task
