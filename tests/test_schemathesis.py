"""Whatever is sent, the answers are those that the OpenAPI document promises."""

import os
import uuid
import zlib
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Self

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis.strategies import DrawFn, composite, dates, datetimes, sampled_from
from requests import Request
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.core.errors import InvalidSchema
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api import create_app
from api.openapi import describe
from tests.factories import PASSWORD, Person, add_member, email_of, log_in, sign_up
from tests.server import Server

# Of each operation, valid ones and as many that are not; any number may be tried.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "3"))
URL_MAX = 8_000  # gunicorn itself refuses longer ones
CLOCKIFY = (Path(__file__).parent / "data" / "clockify-1.csv").read_bytes()
# These cost whoever sends them their sessions, or change what they sign in with.
LAST_ACTS = {
    "auth_log_out",
    "auth_end_all_sessions",
    "mail_change_password",
    "users_delete_me",
    "second_factors_set_up_totp",
    "passkeys_get_creation_options",
}
CONFIRMED = LAST_ACTS | {"mail_change_email", "second_factors_renew_recovery_codes"}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]

OFFSETS = sampled_from([timezone(timedelta(minutes=minutes)) for minutes in (-720, 0, 345, 840)])

# By itself it would try the years 0 to 9999, nearly all of which are refused.
FIRST, LAST = datetime.fromisoformat("1899-12-31"), datetime.fromisoformat("2201-01-01")
schemathesis.openapi.format(
    "date-time", datetimes(FIRST, LAST, timezones=OFFSETS).map(datetime.isoformat)
)
schemathesis.openapi.format("date", dates(FIRST.date(), LAST.date()).map(date.isoformat))

schema = schemathesis.openapi.from_dict(
    describe(create_app()),
    config=SchemathesisConfig.from_dict({"generation": {"database": "none"}}),
)
OPERATIONS = {
    operation.definition.raw["operationId"]: operation
    for operation in (found.ok() for found in schema.get_all_operations() if isinstance(found, Ok))
}
TAKING_INPUT = [
    name
    for name, operation in OPERATIONS.items()
    if operation.definition.raw["parameters"] or "requestBody" in operation.definition.raw
]
SENT = [
    *((name, GenerationMode.POSITIVE) for name in OPERATIONS),
    *((name, GenerationMode.NEGATIVE) for name in TAKING_INPUT),
]


Case = schemathesis.Case[Any]


@dataclass
class World:
    """Alice, who asks, and a project of hers in which Bob works too."""

    app: Flask
    alice: Person
    bob: Person
    known: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def make(cls, app: Flask) -> Self:
        world = cls(app, sign_up(app, "Alice"), sign_up(app, "Bob"))
        world.renew()
        return world

    def renew(self) -> None:
        """Make new things, where others were deleted or may be."""
        project = self.alice.post("/projects", {"name": "Website"}).get_json()
        place = {"project_id": project["id"]}
        add_member(self.alice, project, self.bob, "editor")
        task = self.alice.post("/tasks", {"title": "Write"} | place).get_json()
        item = self.alice.post("/items", {"name": "Think", "task_id": task["id"]}).get_json()
        other = self.alice.post("/items", {"name": "Rest", "task_id": task["id"]}).get_json()
        comments = f"/tasks/{task['id']}/comments"
        comment = self.alice.post(comments, {"body": "Slowly"}).get_json()
        second = self.alice.post("/tasks", {"title": "Read"} | place).get_json()
        gone = self.alice.post("/tasks", {"title": "Forget"} | place).get_json()
        self.alice.delete(f"/tasks/{gone['id']}")
        if "agent_id" in self.known:  # one has at most so many
            self.alice.delete(f"/agents/{self.known['agent_id']}")
        agent = self.alice.post("/agents", {"name": "Builder", "kind": "ci"}).get_json()
        entry = self.alice.post("/timer/start", place).get_json()["started"]
        self.alice.post("/timer/stop")
        self.known |= place | {
            "task_id": task["id"],
            "entry_id": entry["id"],
            "item_id": item["id"],
            "after_id": other["id"],
            "parent_id": task["id"],
            "blocked_by": [second["id"]],
            "agent_id": agent["id"],
            "operation_id": self.alice.get("/trash").get_json()[0]["id"],
            "comment_id": comment["id"],
            "user_id": self.bob.id,
            "assignee_id": self.bob.id,
            "assignee": self.bob.id,
            "room": f"project:{project['id']}",
            "timezone": "Europe/Berlin",
            "tz": "America/New_York",
        }

    def fill_in(self, name: str, case: Case) -> None:
        """Let three of four requests be about things that exist."""
        parts = [case.path_parameters, case.query, case.body]
        if zlib.crc32(repr(parts).encode()) % 4 == 0:
            return
        for values in parts:
            if isinstance(values, dict):
                self.fill_in_values(values)
        if "cursor" in case.query:
            case.query["cursor"] = self.cursor(case)
        if isinstance(case.body, dict):
            self.fill_in_body(name, case.body)
            if name in CONFIRMED:
                known = {"password", "current_password"} & case.body.keys()
                case.body.update(dict.fromkeys(known, PASSWORD))
        fitting = {"If-Match": "*", "Idempotency-Key": str(uuid.uuid4())}
        case.headers.update({key: fitting[key] for key in fitting if key in case.headers})

    def fill_in_values(self, values: dict[str, Any]) -> None:
        """Name what exists, and let time pass forwards."""
        values.update({key: self.known[key] for key in values if key in self.known})
        values.pop("before_id", None)  # beside the other neighbour it would name a third
        for first, last in (("from", "to"), ("started_at", "ended_at")):
            if isinstance(values.get(first), str) and isinstance(values.get(last), str):
                values[first], values[last] = sorted([values[first], values[last]])

    def fill_in_body(self, name: str, body: dict[str, Any]) -> None:
        """Use an account, a token and a file that can be used."""
        match name:
            case "auth_log_in":
                body.update(email=self.alice.email, password=PASSWORD)
            case "auth_refresh":
                body["refresh_token"] = self.another_session().tokens["refresh_token"]
            case "users_sign_up":
                body["email"] = email_of("Carol")
            case "tasks_move_task":
                body.pop("parent_id", None)  # a task is no part of itself
                body["after_id"] = self.known["blocked_by"][0]
            case "tasks_change_tasks":
                self.fill_in_changes(body.get("changes"))
            case "members_add_member":
                body.update(user_id=None, email=sign_up(self.app, "Carol").email)
            case "imports_import_time":
                body.update(file=CLOCKIFY, format="clockify")

    def fill_in_changes(self, changes: Any) -> None:
        """Let bulk changes be about tasks that exist, in projects that do."""
        for change in changes if isinstance(changes, list) else []:
            if isinstance(change, dict) and "id" in change:
                change["id"] = self.known["blocked_by"][0]
            for part in ("task", "to"):
                inner = change.get(part) if isinstance(change, dict) else None
                if isinstance(inner, dict):
                    self.fill_in_values(inner)

    def cursor(self, case: Case) -> str:
        """Return a cursor of the same list in its usual order."""
        self.renew()
        page = self.alice.client.get(
            case.formatted_path, query_string={"limit": "1"}, headers=self.headers()
        )
        return page.headers.get("Link", "cursor=none>").partition("cursor=")[2].partition(">")[0]

    def another_session(self) -> Person:
        """Sign Alice in once more; what ends this session leaves hers alone."""
        again = Person(self.alice.client, self.alice.id, self.alice.email)
        log_in(again)
        return again

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.alice.tokens['access_token']}"}


@composite
def cases(draw: DrawFn, name: str, mode: GenerationMode) -> Case:
    """Make a request; a few changes to a schema allow no value at all, and are passed over."""
    try:
        case: Case = draw(OPERATIONS[name].as_strategy(generation_mode=mode))
    except InvalidSchema:
        reject()
    return case


@pytest.fixture(scope="module")
def world(app: Flask) -> World:
    return World.make(app)


@pytest.mark.parametrize(("name", "mode"), SENT)
def test_every_answer_is_one_that_the_document_promises(
    name: str, mode: GenerationMode, server: Server, world: World
) -> None:
    @given(case=cases(name, mode))
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Case) -> None:
        world.fill_in(name, case)
        url = Request("GET", server.url + case.formatted_path, params=case.query).prepare().url
        assume(len(url or "") < URL_MAX)
        person = sign_up(world.app, "Carol") if name in LAST_ACTS else world.alice
        answer = case.call_and_validate(
            base_url=server.url,
            headers={"Authorization": f"Bearer {person.tokens['access_token']}"},
            checks=CHECKS,
        )
        if answer.status_code == 204:
            world.renew()

    ask()
