"""Archives of accounts: an account with every kind of thing, and archives taken apart."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask
from psycopg.types.json import Jsonb
from werkzeug.test import TestResponse

from models.archive import RECORDS, file_of
from tests.factories import Person, add_member, sign_up
from tests.records import (
    NINE,
    NOON,
    TEN,
    Record,
    ago,
    done,
    make_entry,
    make_project,
    make_task,
    start_timer,
)
from tests.sql import connect
from utils.helpers import new_id
from utils.positions import last_position

EXPORT = "/users/me/export"
KINDS = [kind for kind in RECORDS if kind != "user"]

Files = dict[str, bytes]
Records = dict[str, list[Record]]


def export(person: Person) -> bytes:
    """Return somebody's archive."""
    answer = person.get(EXPORT)
    assert answer.status_code == 200, answer.text
    content: bytes = answer.data
    return content


def unpack(content: bytes) -> Files:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(files: Files) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def records_of(content: bytes) -> Records:
    """Return the records of an archive by their kinds."""
    files = unpack(content)
    return {
        kind: [json.loads(line) for line in files[file_of(kind)].splitlines()] for kind in RECORDS
    }


def archive_of(person: Person) -> Records:
    return records_of(export(person))


def rewritten(content: bytes, change: Callable[[Records], object]) -> bytes:
    """Return an archive with other records, and a manifest that fits them."""
    records = records_of(content)
    change(records)
    return archive_with(records)


def archive_with(records: Records) -> bytes:
    """Return an archive with these records."""
    files = {
        kind: "".join(f"{json.dumps(line)}\n" for line in records.get(kind, [])).encode()
        for kind in RECORDS
    }
    manifest = {
        "format": "stint",
        "version": 1,
        "made_at": NOON,
        "counts": {kind: content.count(b"\n") for kind, content in files.items()},
        "sha256": {kind: hashlib.sha256(content).hexdigest() for kind, content in files.items()},
    }
    named = {file_of(kind): content for kind, content in files.items()}
    return pack(named | {"manifest.json": json.dumps(manifest).encode()})


def small_archive(name: str) -> bytes:
    """Return an archive with one thing of each kind, all called the same."""
    me, bob, agent, project, task = (new_id() for _ in range(5))
    age = {"created_at": NINE, "updated_at": NINE}
    text = {"description": "", "position": "a0"}
    task_fields: Record = {
        "parent_id": None, "blocked_by": [], "assignee_id": bob, "status": "pending",
        "priority": "none", "due_at": None, "labels": [], "metadata": {}, "started_at": None,
        "completed_at": None,
    }  # fmt: skip
    agent_fields: Record = {"agent_kind": "", "description": "", "agent_metadata": {}}
    project_fields: Record = {"description": "", "settings": {}, "archived": False, "role": "owner"}
    billing: Record = {"billable": False, "rate_minor": None, "currency": None}
    place, author = {"project_id": project}, {"created_by": me}
    member = place | {"role": "owner", "created_at": NINE}
    return archive_with(
        {
            "user": [{"id": me, "name": name, "email": None, "timezone": "UTC"}],
            "agents": [{"id": agent, "name": name, "timezone": "UTC"} | agent_fields | age],
            "people": [{"id": bob, "kind": "person", "name": name, "email": None}],
            "projects": [{"id": project, "name": name} | project_fields | author | age],
            "members": [member | {"user_id": me}, member | {"user_id": bob}],
            "tasks": [{"id": task, "title": name} | place | author | task_fields | text | age],
            "items": [
                {"id": new_id(), "name": name, "task_id": task, "promoted_task_id": None}
                | {"status": "open"}
                | author
                | text
                | age
            ],
            "comments": [
                {"id": new_id(), "task_id": task, "body": name, "mentions": []} | author | age
            ],
            "time_entries": [
                {"id": new_id(), "user_id": bob, "task_id": task, "note": name, "labels": []}
                | {"started_at": NINE, "ended_at": TEN, "timezone": "UTC", "source": "manual"}
                | {"allow_overlap": False}
                | place
                | billing
                | age
            ],
        }
    )


def send_archive(person: Person, content: bytes, **form: Any) -> TestResponse:
    parts = {"format": "stint", "file": (io.BytesIO(content), "stint.zip")} | form
    return person.send("POST", "/imports", headers={}, data=parts)


def bring_back(person: Person, content: bytes, **form: Any) -> Record:
    """Import an archive and return what became of it."""
    result: Record = done(send_archive(person, content, **form))
    return result


def insert(database: str, table: str, **values: Any) -> str:
    """Write a row past the service; returns its id."""
    row = {"id": new_id()} | values
    names = ", ".join(row)
    places = ", ".join(f"%({name})s" for name in row)
    stored = {
        name: Jsonb(value) if isinstance(value, dict) else value for name, value in row.items()
    }
    with connect(database) as connection:
        statement = f"INSERT INTO {table} ({names}) VALUES ({places})"  # noqa: S608 - names of columns
        connection.execute(statement.encode(), stored)
    return str(row["id"])


def make_item(database: str, person: Person, name: str, **values: Any) -> str:
    position = {"position": last_position()}
    return insert(
        database, "items", **(position | {"created_by": person.id, "name": name} | values)
    )


def make_comment(
    database: str, author_id: str, task: Record, body: str, mentions: list[str] | None = None
) -> str:
    values = {"task_id": task["id"], "created_by": author_id, "body": body}
    names = ", ".join([*values, "id", "mentions"])
    with connect(database) as connection:
        comment_id = new_id()
        connection.execute(
            f"INSERT INTO comments ({names}) VALUES (%s, %s, %s, %s, %s::uuid[])".encode(),  # noqa: S608 - names of columns
            [*values.values(), comment_id, mentions or []],
        )
    return comment_id


def make_agent(database: str, owner: Person, name: str, **values: Any) -> str:
    agent_id = insert(database, "users", kind="agent", owner_id=owner.id, name=name, **values)
    with connect(database) as connection:
        connection.execute("INSERT INTO rooms (id) VALUES (%s)", [f"user:{agent_id}"])
    return agent_id


def link_tasks(
    database: str, task: Record, *, parent: Record | None = None, blockers: tuple[Record, ...] = ()
) -> None:
    """Make a task part of another, or blocked by others."""
    with connect(database) as connection:
        connection.execute(
            "UPDATE tasks SET parent_id = %s, blocked_by = %s::uuid[] WHERE id = %s",
            [parent and parent["id"], [each["id"] for each in blockers], task["id"]],
        )


@dataclass
class Account:
    """Alice, who has some of everything, and the others who appear in it."""

    database: str
    alice: Person
    bob: Person
    project: Record
    tasks: dict[str, Record]

    @classmethod
    def full(cls, app: Flask, database: str) -> "Account":
        """Make an account with every kind of thing, in two projects and for herself."""
        alice, bob = sign_up(app, "Alice", "Europe/Berlin"), sign_up(app, "Bob")
        settings = {"billable": True, "hourly_rate_minor": 8_050, "currency": "EUR"}
        project = make_project(alice, name="Website", description="Täglich 🌻", settings=settings)
        add_member(alice, project, bob, "viewer")
        place = {"project_id": project["id"]}
        tasks = {
            title: make_task(alice, title=title, **fields)
            for title, fields in {
                "Launch": place | {"status": "in_progress", "priority": "urgent"},
                "Design": place | {"labels": ["ui", "größe 🐘"], "due_at": ago(days=-9)},
                "Colours": place | {"description": "=SUM(1)", "assignee_id": bob.id},
                "Done": place | {"status": "completed"},
                "Rest": {"metadata": {"a": {"b": [1, 2.5, None, {"c": "🎈"}]}, "d": True}},
                "Sleep": {"status": "cancelled"},
            }.items()
        }
        account = cls(database, alice, bob, project, tasks)
        account._link()
        account._say()
        account._record_time()
        done(alice.patch(f"/projects/{make_project(alice, name='Old')['id']}", {"archived": True}))
        return account

    def _link(self) -> None:
        tasks = self.tasks
        link_tasks(self.database, tasks["Design"], parent=tasks["Launch"])
        link_tasks(
            self.database,
            tasks["Colours"],
            parent=tasks["Design"],
            blockers=(tasks["Done"], tasks["Launch"]),
        )
        link_tasks(self.database, tasks["Sleep"], blockers=(tasks["Rest"],))

    def _say(self) -> None:
        database, alice, bob = self.database, self.alice, self.bob
        metadata = {"model": {"name": "m", "limits": [1, {"deep": None}]}}
        agent = make_agent(database, alice, "Scribe", agent_kind="writer", agent_metadata=metadata)
        place = {"project_id": self.project["id"], "user_id": agent, "role": "editor"}
        with connect(database) as connection:
            connection.execute(
                "INSERT INTO memberships (project_id, user_id, role)"
                " VALUES (%(project_id)s, %(user_id)s, %(role)s)",
                place,
            )
        launch = self.tasks["Launch"]
        make_item(database, alice, "Buy milk 🥛", promoted_task_id=self.tasks["Rest"]["id"])
        make_item(database, alice, "Call", status="done", description="Now")
        make_item(database, alice, "Check", task_id=launch["id"], status="done")
        make_item(database, bob, "Check again", task_id=launch["id"])
        make_comment(database, alice.id, launch, "@Bob could you? 👀", [bob.id])
        make_comment(database, bob.id, launch, "Unmistakable **words**", [alice.id])
        make_comment(database, agent, self.tasks["Colours"], "I drafted it")
        make_comment(database, alice.id, self.tasks["Rest"], "Soon")

    def _record_time(self) -> None:
        alice, bob, place = self.alice, self.bob, {"project_id": self.project["id"]}
        make_entry(alice, task_id=self.tasks["Launch"]["id"], note="Draft", labels=["deep"])
        make_entry(alice, allow_overlap=True, note="Meanwhile")
        done(alice.patch(f"{self.people}/{bob.id}", {"role": "editor"}))
        make_entry(bob, billable=False, timezone="Asia/Kolkata", **place)
        number = {"user_id": alice.id, "started_at": "2026-03-03T08:00:00Z"}
        insert(
            self.database,
            "time_entries",
            user_number=self._number_of(alice),
            ended_at="2026-03-03T08:00:00Z",
            timezone="UTC",
            source="import",
            note="Nothing",
            **number,
        )
        start_timer(alice, note="Running", **place)

    @property
    def people(self) -> str:
        return f"/projects/{self.project['id']}/members"

    def _number_of(self, person: Person) -> int:
        with connect(self.database) as connection:
            row = connection.execute(
                "SELECT number FROM users WHERE id = %s", [person.id]
            ).fetchone()
        assert row is not None
        return int(row["number"])


def resolved(records: Records, made_at: str) -> dict[str, str]:
    """Return a hash of each kind that does not depend on ids.

    Each id is replaced by what it stands for; times are never two alike in `Account`. A timer that
    ran counts as stopped when the archive was made.
    """
    names = {records["user"][0]["id"]: "me"}
    for kind, name in (
        ("agents", "name"), ("people", "name"), ("projects", "name"), ("tasks", "title"),
        ("items", "name"), ("comments", "body"), ("time_entries", "note"),
    ):  # fmt: skip
        names |= {record["id"]: f"{kind}:{record[name]}" for record in records[kind]}

    hashes = {}
    for kind in KINDS:
        lines = []
        for record in records[kind]:
            if kind == "time_entries" and record["ended_at"] is None:
                record = record | {"ended_at": made_at}
            lines.append(json.dumps(renamed(record, names), sort_keys=True))
        hashes[kind] = hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
    return hashes


def renamed(value: Any, names: dict[str, str]) -> Any:
    """Return a value with every text in it replaced that has a name."""
    match value:
        case str():
            return names.get(value, value)
        case list():
            return [renamed(each, names) for each in value]
        case dict():
            return {name: renamed(each, names) for name, each in value.items()}
    return value


def hashes_of(content: bytes, made_at: str = "") -> dict[str, str]:
    return resolved(records_of(content), made_at)


def made_at(content: bytes) -> str:
    moment: str = json.loads(unpack(content)["manifest.json"])["made_at"]
    return moment
