"""What people do with tasks that exist, in the few words that tests about it need."""

from typing import Any

from werkzeug.test import TestResponse

from tests.factories import Person
from tests.records import Record, done

# Which of four in a row moves to which side of which, and the row after that.
BESIDE = [
    (3, "before_id", 0, "DABC"),
    (3, "before_id", 1, "ADBC"),
    (3, "after_id", 0, "ADBC"),
    (0, "after_id", 3, "BCDA"),
    (0, "after_id", 1, "BACD"),
    (0, "before_id", 3, "BCAD"),
]


def read(person: Person, task: Record) -> Record:
    """Return a task as it is now."""
    found: Record = done(person.get(f"/tasks/{task['id']}"))
    return found


def change(person: Person, task: Record, **fields: Any) -> Record:
    changed: Record = done(person.patch(f"/tasks/{task['id']}", fields))
    return changed


def throw_away(person: Person, path: str, **headers: str) -> str:
    """Delete something; return what brings it back."""
    done(person.delete(path, **headers))
    operation: str = done(person.get("/trash?limit=1"))[0]["id"]
    return operation


def move(person: Person, task: Record, **place: Any) -> Record:
    moved: Record = done(ask_to_move(person, task, **place))
    return moved


def ask_to_move(person: Person, task: Record, **place: Any) -> TestResponse:
    return person.post(f"/tasks/{task['id']}/move", place)


def ask_for_all(person: Person, *changes: Record, **headers: str) -> TestResponse:
    return person.post("/tasks/bulk", {"changes": list(changes)}, **headers)


def change_all(person: Person, *changes: Record) -> list[Record | None]:
    """Make changes in bulk; return what became of the tasks."""
    tasks: list[Record | None] = done(ask_for_all(person, *changes))["tasks"]
    return tasks


def titles(person: Person, project: Record) -> list[str]:
    """Return what the tasks of a project are called, in their order by hand."""
    path = f"/tasks?project_id={project['id']}&sort=position&limit=200"
    return [task["title"] for task in done(person.get(path))]


def events_of(person: Person, room: str, since: int = 0) -> list[Record]:
    """Return what happened in a room, after the first so many."""
    events: list[Record] = []
    while page := done(person.get(f"/rooms/{room}/events?since={since}")):
        events += page
        since = page[-1]["seq"]
    return events


def room_of(project: Record) -> str:
    return f"project:{project['id']}"


def state_after(events: list[Record]) -> dict[str, Record]:
    """Return what somebody knows who saw nothing but these events of a room.

    What belongs to a task leaves with it.
    """
    known: dict[str, Record] = {}
    for event in events:
        subject = event["subject"]
        if event["type"] in ("task.moved", "time_entry.moved"):
            known.pop(subject, None)
            known = {key: each for key, each in known.items() if each.get("task_id") != subject}
        elif not event["type"].startswith(("project.", "member.")):
            known[subject] = event["data"]
    return known


def state_of(person: Person, project: Record) -> dict[str, Record]:
    """Return the tasks of a project and all that belongs to them, by their ids."""
    tasks = done(person.get(f"/tasks?project_id={project['id']}"))
    found = [*tasks, *done(person.get(f"/time-entries?project_id={project['id']}"))]
    for task in tasks:
        found += done(person.get(f"/items?task_id={task['id']}"))
        found += done(person.get(f"/tasks/{task['id']}/comments"))
    return {each["id"]: each for each in found}
