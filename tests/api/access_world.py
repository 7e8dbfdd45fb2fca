"""Things of other people for the access matrix, and the guests who ask for them."""

import io
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import jwt
from flask import Flask
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse

from config import settings
from services.db_client import db
from services.identity_service import identity_service
from services.sign_on.github import GitHubProvider
from services.sign_on.provider import Profile
from services.sign_on.wire import Client
from tests.factories import Person, add_member, as_agent, log_in, make_token, sign_up
from tests.sql import connect, rows

Role = Literal["anonymous", "other", "viewer", "editor", "owner"]
ROLES: tuple[Role, ...] = ("anonymous", "other", "viewer", "editor", "owner")
SIGNED_IN: tuple[Role, ...] = ROLES[1:]

Ids = dict[str, str]
Parts = dict[str, Any]

GITHUB = GitHubProvider(Client("stint", None, "http://localhost/callback"))

WEBHOOK = "https://hooks.invalid/stint"

TABLE = "Project,Client,Description,Task,User,Email,Start Date,Start Time,End Date,End Time\n"
LINE = "Website,,Draft,,{email},{email},2026-03-02,09:00:00,2026-03-02,10:00:00\n"


class Things(Ids):
    """Things of somebody by their ids, each made when it is first asked for."""

    def __init__(self, **makers: Callable[[], str]) -> None:
        self._makers = makers

    def __missing__(self, name: str) -> str:
        self[name] = self._makers[name]()
        return self[name]

    def __contains__(self, name: object) -> bool:
        """Tell whether there is such a thing, or can be."""
        return name in self._makers

    def complete(self) -> Self:
        """Make all that was not asked for yet."""
        for name in self._makers:
            assert self[name]
        return self


@dataclass(frozen=True)
class Guests:
    """Who asks: people or agents, by the role that they get in projects."""

    by_role: dict[Role, Person]
    member: Person
    host: Person  # a person, who owns the projects and the agents

    def project(self) -> Things:
        """A project with things of its owner."""
        owner = self.host

        def place() -> Parts:
            return {"project_id": things["project_id"]}

        def make_member() -> str:
            agent = Person(owner.client, self._agent())
            add_member(owner, {"id": things["project_id"]}, agent, "editor")
            return agent.id

        things = Things(
            **self._makers(owner, place, lambda name: things[name]) | {"agent_id": make_member},
            project_id=self._project,
            lease_id=lambda: _leased(owner, things["project_id"], make_member()),
            webhook_id=lambda: str(_webhook(owner, things["project_id"])["id"]),
            delivery_id=lambda: _pinged(owner, things["webhook_id"]),
            user_id=lambda: self.member.id,
            other_id=lambda: self.by_role["other"].id,
            room=lambda: f"project:{things['project_id']}",
            session_id=self._session,
            passkey_id=lambda: str(uuid.uuid4()),
            token_id=lambda: str(make_token(owner)["id"]),
            identity_id=lambda: link_identity(owner),
            notification_id=lambda: notify_oneself(self.host),
            job_id=lambda: "999999999",
            provider=lambda: "github",
            email=lambda: self.member.email,
            refresh_token=self._refresh_token,
        )
        return things

    def personal(self) -> Things:
        """Things that are the owner's alone."""
        owner = self.by_role["owner"]
        makers = self._makers(owner, dict, lambda name: things[name])
        things = Things(**makers, room=lambda: f"user:{owner.id}")
        return things

    def _project(self) -> str:
        project = _made(self.host, "/projects", {"name": "Website"})
        add_member(self.host, project, self.by_role["editor"], "editor")
        add_member(self.host, project, self.by_role["viewer"], "viewer")
        add_member(self.host, project, self.member, "editor")
        return str(project["id"])

    def _agent(self) -> str:
        return str(_made(self.host, "/agents", {"name": "Builder", "kind": "ci"})["id"])

    def _session(self) -> str:
        """Sign the owner in once more."""
        elsewhere = replace(self.host, tokens={})
        log_in(elsewhere)
        token = elsewhere.tokens["access_token"]
        return str(jwt.decode(token, options={"verify_signature": False})["sid"])

    def _refresh_token(self) -> str:
        log_in(self.member)
        return str(self.member.tokens["refresh_token"])

    def _makers(
        self, owner: Person, place: Callable[[], Parts], of: Callable[[str], str]
    ) -> dict[str, Callable[[], str]]:
        """What a project and a person can have; `of` returns what is there already."""

        def make(path: str, body: Parts) -> str:
            return str(_made(owner, path, body)["id"])

        return {
            "task_id": lambda: make("/tasks", {"title": "Write"} | place()),
            "entry_id": lambda: make("/time-entries", entry_body(task_id=of("task_id"))),
            "item_id": lambda: make("/items", {"name": "Think", "task_id": of("task_id")}),
            "comment_id": lambda: make(f"/tasks/{of('task_id')}/comments", {"body": "Slowly"}),
            "agent_id": self._agent,
            "agent_token_id": lambda: str(make_token(self.host, agent_id=of("agent_id"))["id"]),
            "operation_id": lambda: _deleted(owner, place()),
        }


def promote(database: str, person: Person) -> None:
    """Let somebody administer the installation, before they ask for anything."""
    rows(database, "UPDATE users SET role = 'admin' WHERE id = %(id)s", {"id": person.id})


def link_identity(person: Person) -> str:
    """Let somebody sign in with GitHub, too; returns the id of that."""
    profile = Profile("https://github.com", uuid.uuid4().hex, person.email, True, "")
    db.transaction(lambda: identity_service.link(person.id, GITHUB, profile))
    newest: Parts = person.get("/users/me/identities").get_json()[0]
    return str(newest["id"])


def notify_oneself(person: Person) -> str:
    """Write a message to oneself; returns the id of the notification."""
    message = {"user_id": person.id, "subject": "Milk", "message": "Buy some."}
    answer = person.post("/notify", message)
    assert answer.status_code == 202, answer.text
    return str(answer.get_json()["id"])


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


def _deleted(owner: Person, place: Parts) -> str:
    """Delete a task; return the id of the operation."""
    gone = _made(owner, "/tasks", {"title": "Not this"} | place)
    answer = owner.delete(f"/tasks/{gone['id']}", If_Match='"v1"')
    assert answer.status_code == 204, answer.text
    operation: Parts = owner.get("/trash").get_json()[0]
    return str(operation["id"])


def _leased(owner: Person, project_id: str, agent_id: str) -> str:
    """Let an agent claim a task of its own."""
    task = {"title": "Build", "priority": "urgent", "delegate_id": agent_id}
    _made(owner, "/tasks", task | {"project_id": project_id})
    agent = as_agent(owner, agent_id)
    (claimed,) = agent.post("/agents/me/claim", {}).get_json()["claimed"]
    return str(claimed["lease"]["id"])


def _webhook(owner: Person, project_id: str) -> Parts:
    """Make a webhook to which nobody listens."""
    return _made(owner, f"/projects/{project_id}/webhooks", {"url": WEBHOOK})


def _pinged(owner: Person, webhook_id: str) -> str:
    answer = owner.post(f"/webhooks/{webhook_id}/ping")
    assert answer.status_code == 202, answer.text
    return str(answer.get_json()["id"])


def people(app: Flask) -> Guests:
    """Sign up a person for each role, and one more member."""
    by_role = {role: sign_up(app, role) for role in SIGNED_IN}
    anonymous = Person(app.test_client())
    return Guests({**by_role, "anonymous": anonymous}, sign_up(app, "member"), by_role["owner"])


def agents(humans: Guests) -> Guests:
    """Make an agent for each role; it may do whatever API tokens may."""
    by_role = {role: make_agent(humans.host) for role in SIGNED_IN}
    return Guests(humans.by_role | by_role, humans.member, humans.host)


def make_agent(owner: Person) -> Person:
    """Make an agent that acts with an API token."""
    return as_agent(owner, _made(owner, "/agents", {"name": "Agent", "kind": "script"})["id"])


def with_own_session(database: str, person: Person) -> Person:
    """Sign somebody in once more, so that signing out ends nothing of others."""
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


def differs(answer: TestResponse, expected: int, *asked: str) -> list[str]:
    """Say what is wrong with the answer to what was asked; nothing where it is as expected."""
    if answer.status_code == expected:
        return []
    return [f"{' '.join(asked)}: {answer.status_code}, not {expected}: {answer.text[:300]}"]
