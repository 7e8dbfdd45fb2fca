"""Things to ask for and people who ask: what schemathesis cannot guess."""

import uuid
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask

from tests.agents import claim_one
from tests.api.access_world import Things, make_agent, people
from tests.factories import PASSWORD, Person, add_member, email_of, log_in, make_admin, sign_up
from tests.records import make_item, make_task
from tests.schema import Case

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
CONFIRMED = LAST_ACTS | {
    "mail_change_email",
    "second_factors_renew_recovery_codes",
    "sign_on_unlink_identity",
}
FOR_AGENTS = {
    "leases_claim_tasks",
    "leases_heartbeat_lease",
    "leases_complete_lease",
    "leases_fail_lease",
    "leases_release_lease",
}
FOR_ADMINS = ("accounts_", "jobs_", "health_get_health_details", "api_health_get_health_details")
MADE_IN_A_PROJECT = (
    "project_id",
    "task_id",
    "entry_id",
    "item_id",
    "comment_id",
    "operation_id",
    "webhook_id",
    "delivery_id",
    "session_id",
    "identity_id",
    "token_id",
    "notification_id",
    "user_id",
    "room",
)


class World:
    """Alice, who asks, projects of hers in which others work too, and all that can be in them."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.guests = people(app)
        self.alice = self.guests.host
        self.admin = make_admin(app, "Root")
        self.agent = make_agent(self.alice)
        self.helper = make_agent(self.alice)
        self.renew()

    def renew(self) -> None:
        """Take new things, where others were deleted or may be; each is made when it is needed."""
        things = self.guests.project()
        self.known = Things(
            **{name: partial(things.__getitem__, name) for name in MADE_IN_A_PROJECT},
            after_id=lambda: str(make_item(self.alice, task_id=things["task_id"])["id"]),
            parent_id=lambda: things["task_id"],
            other_task_id=lambda: str(make_task(self.alice, project_id=things["project_id"])["id"]),
            lease_id=self._lease,
            agent_id=self._agent,
            agent_token_id=self._agent_token,
            assignee_id=lambda: things["user_id"],
            assignee=lambda: things["user_id"],
            timezone=lambda: "Europe/Berlin",
            tz=lambda: "America/New_York",
        )

    def _lease(self) -> str:
        """Let a new agent claim a task: each holds so many at most, and one has so many agents."""
        self.alice.delete(f"/agents/{self.agent.id}")
        self.agent = make_agent(self.alice)
        place = {"project_id": self.known["project_id"]}
        add_member(self.alice, {"id": place["project_id"]}, self.agent, "editor")
        make_task(self.alice, delegate_id=self.agent.id, **place)
        return str(claim_one(self.agent, **place)["id"])

    def _agent(self) -> str:
        """Make an agent in place of the one before: one has at most so many."""
        self.alice.delete(f"/agents/{self.helper.id}")
        self.helper = make_agent(self.alice)
        return self.helper.id

    def _agent_token(self) -> str:
        path = f"/agents/{self.known['agent_id']}/tokens"
        return str(self.alice.get(path).get_json()[0]["id"])

    def asker(self, name: str) -> Person:
        """Return who sends requests of an operation."""
        if name in LAST_ACTS:
            return sign_up(self.app, "Carol")
        if name in FOR_AGENTS:
            return self.agent
        return self.admin if name.startswith(FOR_ADMINS) else self.alice

    def fill_in(self, name: str, case: Case, linked: Collection[str] = ()) -> None:
        """Let a request be about things that exist, save where a link says what it is about."""
        for values in (case.path_parameters, case.query, case.body):
            if isinstance(values, dict):
                self.fill_in_values(values, linked)
        if not case.path_parameters.keys() & set(linked):
            self.fill_in_path(name, case.path_parameters)
        if "cursor" in case.query:
            case.query["cursor"] = self.cursor(case)
        if isinstance(case.body, dict):
            self.fill_in_body(name, case.body)
            if name in CONFIRMED:
                known = {"password", "current_password"} & case.body.keys()
                case.body.update(dict.fromkeys(known, PASSWORD))
        fitting = {"If-Match": "*", "Idempotency-Key": str(uuid.uuid4())}
        sent = case.headers.keys() - set(linked)
        case.headers.update({key: fitting[key] for key in fitting if key in sent})

    def fill_in_values(self, values: dict[str, Any], linked: Collection[str] = ()) -> None:
        """Name what exists, and let time pass forwards."""
        filled = [key for key in values if key in self.known and key not in linked]
        values.update({key: self.known[key] for key in filled})
        values.pop("before_id", None)  # beside the other neighbour it would name a third
        if "blocked_by" in values:
            values["blocked_by"] = [self.known["other_task_id"]]
        for first, last in (("from", "to"), ("started_at", "ended_at")):
            if isinstance(values.get(first), str) and isinstance(values.get(last), str):
                values[first], values[last] = sorted([values[first], values[last]])

    def fill_in_path(self, name: str, values: dict[str, Any]) -> None:
        """Spare people who are needed, and skip only what comes again."""
        if name.startswith("accounts_") and values:
            values["user_id"] = sign_up(self.app, "Carol").id
        elif name == "tasks_skip_task":
            due = {"due_at": "2030-03-02T09:00:00Z", "recurrence": "FREQ=DAILY"}
            values["task_id"] = make_task(self.alice, **due)["id"]

    def fill_in_body(self, name: str, body: dict[str, Any]) -> None:
        """Use an account, a token and a file that can be used."""
        match name:
            case "auth_refresh":
                body["refresh_token"] = self.another_session().tokens["refresh_token"]
            case "tasks_move_task":
                body.pop("parent_id", None)  # a task is no part of itself
                body["after_id"] = self.known["other_task_id"]
            case "tasks_change_tasks":
                self.fill_in_changes(body.get("changes"))
            case "imports_import_time":
                body.update(file=CLOCKIFY, format="clockify")
            case _:
                self.fill_in_address(name, body)

    def fill_in_address(self, name: str, body: dict[str, Any]) -> None:
        """Name somebody by an address that can be used."""
        match name:
            case "auth_log_in":
                body.update(email=self.alice.email, password=PASSWORD)
            case "users_sign_up":
                body["email"] = email_of("Carol")
            case "members_add_member":
                body.update(user_id=None, email=sign_up(self.app, "Carol").email)
            case "notifications_send_message":
                body.update(user_id=None, email=self.alice.email)

    def fill_in_changes(self, changes: Any) -> None:
        """Let bulk changes be about tasks that exist, in projects that do."""
        for change in changes if isinstance(changes, list) else []:
            if isinstance(change, dict) and "id" in change:
                change["id"] = self.known["other_task_id"]
            for part in ("task", "to"):
                inner = change.get(part) if isinstance(change, dict) else None
                if isinstance(inner, dict):
                    self.fill_in_values(inner)

    def cursor(self, case: Case) -> str:
        """Return a cursor of the same list in its usual order."""
        self.renew()
        page = self.alice.client.get(
            case.formatted_path, query_string={"limit": "1"}, headers=headers_of(self.alice)
        )
        return page.headers.get("Link", "cursor=none>").partition("cursor=")[2].partition(">")[0]

    def another_session(self) -> Person:
        """Sign Alice in once more; what ends this session leaves hers alone."""
        again = replace(self.alice, tokens={})
        log_in(again)
        return again


def headers_of(person: Person) -> dict[str, str]:
    return {"Authorization": f"Bearer {person.tokens['access_token']}"}
