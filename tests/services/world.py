"""A small world in which tests write, and the events that this is to leave."""

from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Self

from flask import Flask
from werkzeug.test import TestResponse

from tests.factories import Person, add_member, sign_up
from tests.sql import rows

DATA = Path(__file__).parents[1] / "data"
NINE, TEN, ELEVEN = (f"2026-03-02T{hour:02}:00:00Z" for hour in (9, 10, 11))

EVENTS = """
    SELECT room, type, actor_id::text, subject_id::text, version, data FROM events
    WHERE actor_id = ANY(%(people)s::uuid[]) ORDER BY at, room, seq
"""

Recorded = dict[str, Any]


@dataclass
class World:
    """Alice owns a project, in which Bob and an agent of hers are editors.

    There are a task and an hour of hers. The task has a checklist of one line, and she has said
    something about it.
    """

    app: Flask
    database: str
    alice: Person
    bob: Person
    project: dict[str, Any]
    task: dict[str, Any]
    entry: dict[str, Any]
    item: dict[str, Any]
    comment: dict[str, Any]
    agent: dict[str, Any]
    others: list[Person] = field(default_factory=list)  # who came later

    def events(self, *others: str) -> list[Recorded]:
        """All that these people did, oldest first."""
        return rows(self.database, EVENTS, {"people": [self.alice.id, self.bob.id, *others]})

    @property
    def people(self) -> str:
        return f"/projects/{self.project['id']}/members"

    def recorded(self, kind: str, subject: dict[str, Any], room: str = "") -> Recorded:
        """Return the event that Alice's change of `subject` is to leave."""
        return {
            "room": room or f"project:{self.project['id']}",
            "type": kind,
            "actor_id": self.alice.id,
            "subject_id": subject.get("id") or subject["user_id"],
            "version": subject["version"],
            "data": subject,
        }

    def departed(self, kind: str, subject: dict[str, Any]) -> Recorded:
        """Return the event by which the project hears that `subject` is elsewhere now."""
        left = {"id": subject["id"], "version": subject["version"]}
        return self.recorded(kind, left)

    def recorded_for(self, kind: str, member: dict[str, Any]) -> list[Recorded]:
        """Return the events of a change of somebody's place: one for the project, one for them."""
        own_room = f"user:{member['user_id']}"
        return [self.recorded(kind, member), self.recorded(kind, member, own_room)]

    def deleted(self, kind: str, before: dict[str, Any]) -> Recorded:
        """Return the event of a subject that was like `before` and is in the trash now."""
        (stored,) = (each["data"] for each in self.events() if each["type"] == kind)
        after = before | {"version": before["version"] + 1, "updated_at": stored["updated_at"]}
        return self.recorded(kind, after)

    @classmethod
    def make(cls, app: Flask, database: str) -> Self:
        """Sign everybody up and let Alice do what she did."""
        alice, bob = sign_up(app, "Alice"), sign_up(app, "Bob")
        project = ok(alice.post("/projects", {"name": "Website"}))
        add_member(alice, project, bob, "editor")
        place = {"project_id": project["id"]}
        task = ok(alice.post("/tasks", {"title": "Write"} | place))
        span = {"started_at": NINE, "ended_at": TEN, "labels": ["deep"], "note": "Slowly"}
        entry = ok(alice.post("/time-entries", span | place))
        item = ok(alice.post("/items", {"name": "Think", "task_id": task["id"]}))
        comment = ok(alice.post(f"/tasks/{task['id']}/comments", {"body": "Slowly\nor not"}))
        agent = ok(alice.post("/agents", {"name": "Builder", "kind": "ci"}))
        ok(alice.post(f"/projects/{project['id']}/members", {"user_id": agent["id"]}))
        return cls(app, database, alice, bob, project, task, entry, item, comment, agent)


def ok(answer: TestResponse) -> Any:
    assert answer.status_code in (200, 201, 202, 204), answer.text
    return answer.get_json(silent=True)


def upload(world: World, name: str, **form: str) -> TestResponse:
    parts = {"format": "clockify", "project_id": world.project["id"], **form}
    file = (BytesIO((DATA / name).read_bytes()), name)
    return world.alice.send("POST", "/imports", headers={}, data=parts | {"file": file})
