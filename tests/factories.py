"""People who use the API in tests, and what they make with it."""

import uuid
from contextvars import Context
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api.tokens import write_tokens
from config import settings
from models.scope import Scope
from models.user import UserCreate
from models.way import Admission, Way
from services.db_client import db
from services.password_service import password_service
from services.session_service import Device, Grant, session_service
from services.user_service import user_service
from utils.caller import open_caller

PASSWORD = "correct horse battery"


def email_of(name: str) -> str:
    """Return an address that nobody else in this run has."""
    return f"{name.lower()}-{uuid.uuid4().hex[:12]}@example.org"


@dataclass
class Person:
    """Somebody with a client; paths are below the API's prefix."""

    client: FlaskClient
    id: str = ""
    email: str = ""
    tokens: dict[str, Any] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.send("GET", path, headers=headers)

    def post(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        return self.send("POST", path, json=body, headers=headers)

    def patch(self, path: str, body: Any, **headers: str) -> TestResponse:
        return self.send("PATCH", path, json=body, headers=headers)

    def delete(self, path: str, **headers: str) -> TestResponse:
        return self.send("DELETE", path, headers=headers)

    def send(
        self, method: str, path: str, *, headers: dict[str, str], **parts: Any
    ) -> TestResponse:
        """Send a request as this person; header names are written with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.tokens and "Authorization" not in named:
            named["Authorization"] = f"Bearer {self.tokens['access_token']}"
        path = settings.api_prefix + path
        return self.client.open(path, method=method, headers=named, buffered=True, **parts)


def sign_up(app: Flask, name: str, timezone: str = "UTC") -> Person:
    """Make an account and sign in, without what it takes to prove on the way who somebody is."""
    account = UserCreate(email=email_of(name), password=PASSWORD, name=name, timezone=timezone)
    grant = Context().run(db.transaction, lambda: _admit(account))
    with app.app_context():
        access_token, refresh_token = write_tokens(grant)
    tokens = {"access_token": access_token, "refresh_token": refresh_token}
    return Person(app.test_client(), grant.user_id, account.email, tokens)


def _admit(account: UserCreate) -> Grant:
    """Do what the routes for signing up and signing in do in the end."""
    open_caller("127.0.0.1")
    user = user_service.sign_up(account, _password_hash())
    admission = Admission(user.id, (Way.PASSWORD,), _password_hash())
    return session_service.open(admission, Device("", "127.0.0.1"))


@cache
def _password_hash() -> str:
    return password_service.hash_new(PASSWORD)


def log_in(person: Person) -> None:
    """Open a new session for somebody."""
    answer = person.post("/auth/login", {"email": person.email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    person.tokens = answer.get_json()


def make_token(
    person: Person, *scopes: Scope, agent_id: str | None = None, **fields: Any
) -> dict[str, Any]:
    """Make an API token, with all scopes unless told otherwise, for oneself or for an agent."""
    path = f"/agents/{agent_id}/tokens" if agent_id else "/users/me/tokens"
    answer = person.post(path, {"name": "Tests", "scopes": list(scopes or Scope)} | fields)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.get_json()
    return made


def with_token(person: Person, *scopes: Scope, **fields: Any) -> Person:
    """Return somebody who acts with a new API token of theirs."""
    made = make_token(person, *scopes, **fields)
    return replace(person, tokens={"access_token": made["token"]})


def as_agent(owner: Person, agent_id: str) -> Person:
    """Return an agent that acts with an API token, which its owner made."""
    made = make_token(owner, agent_id=agent_id)
    return Person(owner.client, agent_id, tokens={"access_token": made["token"]})


def add_member(owner: Person, project: dict[str, Any], person: Person, role: str) -> None:
    """Give somebody a role in a project."""
    answer = owner.post(f"/projects/{project['id']}/members", {"user_id": person.id, "role": role})
    assert answer.status_code == 201, answer.text


def make_admin(app: Flask, name: str) -> Person:
    """Make an account that administers the installation."""
    person = sign_up(app, name)
    result = app.test_cli_runner().invoke(args=["make-admin", person.email])
    assert result.exit_code == 0, result.output
    return person
