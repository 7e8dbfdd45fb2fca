"""Things of other people for the access matrix, and the guests who ask for them."""

import io
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import jwt
from flask import Flask
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse

from config import settings
from tests.factories import Person, add_member, log_in, sign_up
from tests.sql import connect

Role = Literal["anonymous", "other", "viewer", "editor", "owner"]
ROLES: tuple[Role, ...] = ("anonymous", "other", "viewer", "editor", "owner")
SIGNED_IN: tuple[Role, ...] = ROLES[1:]

Ids = dict[str, str]
Parts = dict[str, Any]

TABLE = "Project,Client,Description,Task,User,Email,Start Date,Start Time,End Date,End Time\n"
LINE = "Website,,Draft,,{email},{email},2026-03-02,09:00:00,2026-03-02,10:00:00\n"


@dataclass(frozen=True)
class Guests:
    """Who asks: people or agents, by the role that they get in projects."""

    by_role: dict[Role, Person]
    member: Person
    host: Person  # a person, who owns the projects and the agents

    def project(self) -> Ids:
        """Make a project with things of its owner; return the ids in it."""
        owner = self.host
        project = _made(owner, "/projects", {"name": "Website"})
        add_member(owner, project, self.by_role["editor"], "editor")
        add_member(owner, project, self.by_role["viewer"], "viewer")
        add_member(owner, project, self.member, "editor")
        things = self._things(owner, {"project_id": project["id"]})
        add_member(owner, project, Person(owner.client, things["agent_id"]), "editor")
        return things | {
            "project_id": project["id"],
            "user_id": self.member.id,
            "other_id": self.by_role["other"].id,
            "room": f"project:{project['id']}",
            **self._account(),
        }

    def personal(self) -> Ids:
        """Make things that are the owner's alone; return their ids."""
        owner = self.by_role["owner"]
        return self._things(owner, {}) | {"room": f"user:{owner.id}"}

    def _account(self) -> Ids:
        log_in(self.member)
        return {"email": self.member.email, "refresh_token": self.member.tokens["refresh_token"]}

    def _things(self, owner: Person, place: Parts) -> Ids:
        task = _made(owner, "/tasks", {"title": "Write"} | place)
        entry = _made(owner, "/time-entries", entry_body(task_id=task["id"]))
        item = _made(owner, "/items", {"name": "Think", "task_id": task["id"]})
        comment = _made(owner, f"/tasks/{task['id']}/comments", {"body": "Slowly"})
        agent = _made(self.host, "/agents", {"name": "Builder", "kind": "ci"})
        return {
            "task_id": task["id"],
            "entry_id": entry["id"],
            "item_id": item["id"],
            "comment_id": comment["id"],
            "agent_id": agent["id"],
            "operation_id": _deleted(owner, task),
        }


def entry_body(**fields: Any) -> Parts:
    """An hour in the past that is never in the way of another."""
    span = {"started_at": "2026-03-02T09:00:00Z", "ended_at": "2026-03-02T10:00:00Z"}
    return {**span, "allow_overlap": True, **fields}


def import_form(ids: Ids, padding: str = "") -> Parts:
    """An upload of one line for a project."""
    line = LINE.format(email=f"{uuid.uuid4().hex}@example.org") + padding
    file = FileStorage(io.BytesIO((TABLE + line).encode()), "export.csv")
    return {"data": {"format": "clockify", "project_id": ids["project_id"], "file": file}}


def _made(person: Person, path: str, body: Parts) -> Parts:
    answer = person.post(path, body)
    assert answer.status_code == 201, answer.text
    made: Parts = answer.get_json()
    return made


def _deleted(person: Person, task: Parts) -> str:
    """Delete another task like this one; return the id of the operation."""
    place = {"project_id": task["project_id"]} if task["project_id"] else {}
    gone = _made(person, "/tasks", {"title": "Not this"} | place)
    answer = person.delete(f"/tasks/{gone['id']}", If_Match='"v1"')
    assert answer.status_code == 204, answer.text
    operation: Parts = person.get("/trash").get_json()[0]
    return str(operation["id"])


def people(app: Flask) -> Guests:
    """Sign up a person for each role, and one more member."""
    by_role = {role: sign_up(app, role) for role in SIGNED_IN}
    anonymous = Person(app.test_client())
    return Guests({**by_role, "anonymous": anonymous}, sign_up(app, "member"), by_role["owner"])


def agents(database: str, humans: Guests) -> Guests:
    """Make an agent for each role; an agent has no password, so its session is written directly."""
    by_role = {role: make_agent(database, humans.host) for role in SIGNED_IN}
    return Guests(humans.by_role | by_role, humans.member, humans.host)


def make_agent(database: str, owner: Person) -> Person:
    """Make an agent that is signed in; its token is its owner's with another subject."""
    agent = replace(owner, id=str(uuid.uuid4()), email=f"{uuid.uuid4().hex}@agents.example")
    with connect(database) as connection:
        connection.execute(
            "INSERT INTO users (id, kind, owner_id, agent_kind, email, name)"
            " VALUES (%s, 'agent', %s, 'script', %s, 'Agent')",
            [agent.id, owner.id, agent.email],
        )
        connection.execute("INSERT INTO rooms (id) VALUES (%s)", [f"user:{agent.id}"])
    return with_own_session(database, agent)


def with_own_session(database: str, person: Person) -> Person:
    """Sign in a person or an agent once more, so that signing out ends nothing of others."""
    session_id = str(uuid.uuid4())
    with connect(database) as connection:
        connection.execute(
            "INSERT INTO sessions (id, user_id, refresh_id, device, ip, created_at, last_used_at,"
            " expires_at) VALUES (%s, %s, %s, '', '', now(), now(), now() + interval '1 hour')",
            [session_id, person.id, str(uuid.uuid4())],
        )
    token = token_of(person, sub=person.id, sid=session_id)
    return replace(person, tokens={"access_token": token})


def token_of(person: Person, **claims: Any) -> str:
    """Write somebody's access token again with other claims."""
    token = person.tokens["access_token"]
    old: Parts = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode(old | claims, settings.signing_key, algorithm="HS256")


def ask(
    person: Person, route: str, ids: Ids, parts: Callable[[Ids], Parts], **headers: str
) -> TestResponse:
    """Send the request of a route, like `GET /tasks/<id:task_id>`, about these things."""
    method, rule = route.split(" ")
    path = re.sub(r"<(?:[^:>]+:)?([^>]+)>", lambda variable: ids[variable[1]], rule)
    return person.send(method, path, headers=headers, **parts(ids))
