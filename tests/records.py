"""Tasks, time and answers, in the few words that tests about them need."""

from datetime import UTC, datetime, timedelta
from typing import Any

from werkzeug.test import TestResponse

from tests.factories import Person

Record = dict[str, Any]

NINE, TEN, ELEVEN, NOON = (f"2026-03-02T{hour:02}:00:00Z" for hour in (9, 10, 11, 12))


def done(answer: TestResponse) -> Any:
    """Return the body of a request that must have been fulfilled."""
    assert answer.status_code in (200, 201, 204), answer.text
    return answer.get_json(silent=True)


def refusal(answer: TestResponse) -> tuple[int, str]:
    """Return the status and the code of a problem."""
    return answer.status_code, answer.get_json()["code"]


def ids(answer: TestResponse) -> list[str]:
    """Return the ids on a page of a list, in its order."""
    return [each["id"] for each in done(answer)]


def make_project(owner: Person, **fields: Any) -> Record:
    project: Record = done(owner.post("/projects", {"name": "Website"} | fields))
    return project


def make_task(person: Person, **fields: Any) -> Record:
    task: Record = done(person.post("/tasks", {"title": "Write"} | fields))
    return task


def make_entry(
    person: Person, started_at: str = NINE, ended_at: str = TEN, **fields: Any
) -> Record:
    """Record time by hand: an hour unless told otherwise."""
    span = {"started_at": started_at, "ended_at": ended_at}
    entry: Record = done(person.post("/time-entries", span | fields))
    return entry


def make_item(person: Person, name: str = "Call Ada", **fields: Any) -> Record:
    """Capture a line: in the inbox, or with a task_id in its checklist."""
    item: Record = done(person.post("/items", {"name": name} | fields))
    return item


def make_comment(person: Person, task: Record, body: str) -> Record:
    """Say something about a task."""
    comment: Record = done(person.post(f"/tasks/{task['id']}/comments", {"body": body}))
    return comment


def start_timer(person: Person, **fields: Any) -> Record:
    """Start the timer and return the entry that runs now."""
    started: Record = done(person.post("/timer/start", fields))["started"]
    return started


def event_types(person: Person, room: str) -> list[str]:
    """Return what happened in a room, oldest first."""
    return [event["type"] for event in done(person.get(f"/rooms/{room}/events"))]


def moment(text: str) -> datetime:
    """Return the instant that an answer names."""
    return datetime.fromisoformat(text)


def ago(**length: float) -> str:
    """Return the instant that lies so long back, as requests name it."""
    return (datetime.now(UTC) - timedelta(**length)).isoformat()
