"""What every route may be asked for by whom, and a request for each."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from flask import Flask

from api import create_app
from api.contract import Contract
from config import settings
from tests.api.access_world import WEBHOOK, Ids, Parts, entry_body, import_form
from tests.authenticator import Authenticator
from tests.factories import PASSWORD, Person, email_of, sign_up
from tests.second_factors import add_passkey, begin, stranger, turn_on_app

Place = Literal["in_project", "personal"]
Statuses = tuple[int, int, int, int, int]

TOKEN = {"name": "Nightly report", "scopes": ["time:read"]}
MARCH = "from=2026-03-01&to=2026-04-01"


@dataclass(frozen=True)
class Rights:
    """What anonymous, other, viewer, editor and owner get; None where there is no such thing.

    `in_project` is about things that the project's owner made there, `personal` about things that
    are the owner's alone: there the project's other members are strangers too. An administrator
    is a stranger to all of them, and gets what `other` gets, save where `admin` says something.
    """

    in_project: Statuses
    personal: Statuses | None = None
    parts: Callable[[Ids], Parts] = lambda _: {}
    admin: int | None = None  # where an administrator is no stranger


def json(**fields: Any) -> Callable[[Ids], Parts]:
    """A body with these fields."""
    return lambda _: {"json": fields}


def about(*names: str, **fields: Any) -> Callable[[Ids], Parts]:
    """A body with these ids and fields."""
    return lambda ids: {"json": {name: ids[name] for name in names} | fields}


def to_somebody(**fields: Any) -> Callable[[Ids], Parts]:
    """A body with an address that no letter has gone to."""
    return lambda _ids: {"json": {"email": email_of("somebody")} | fields}


def retitle(task_id: str) -> Parts:
    """A change for bulk, as agents may send it: it says which version it is of."""
    return {"kind": "update", "id": task_id, "task": {"title": "A"}, "if_version": 1}


def of_project(question: str = "") -> Callable[[Ids], Parts]:
    """A query about the project."""
    return lambda ids: {"query_string": f"project_id={ids['project_id']}&{question}".rstrip("&")}


def of_task(ids: Ids) -> Parts:
    """A query about the task."""
    return {"query_string": f"task_id={ids['task_id']}"}


def message_to_nobody(_ids: Ids) -> Parts:
    """A message to somebody whom nobody knows; guests come to share some project or other."""
    return {"json": {"user_id": str(uuid.uuid4()), "subject": "Tests", "message": "Red"}}


def second_step(_ids: Ids) -> Parts:
    """A sign-in that is half done, of somebody whom nobody else knows."""
    person = sign_up(_app(), "Factor")
    _, (code, *_) = turn_on_app(person)
    challenge = begin(stranger(_app(), person))["challenge"]
    return {"json": {"challenge": challenge, "recovery_code": code}}


def passkey_sign_in(_ids: Ids) -> Parts:
    """The signature of somebody's passkey."""
    authenticator = add_passkey(sign_up(_app(), "Passkey"))
    options = Person(_app().test_client()).post("/auth/passkeys/options").get_json()
    credential = authenticator.get(options["public_key"])
    return {"json": {"challenge": options["challenge"], "credential": credential}}


def passkey_of_nothing(_ids: Ids) -> Parts:
    """A passkey that nobody asked for."""
    options = {"challenge": "x" * 43, "user": {"id": "AAAA"}}
    return {"json": {"name": "Key", "credential": Authenticator().create(options)}}


@cache
def _app() -> Flask:
    return create_app()


# A new route needs a line here: anonymous, other, viewer, editor, owner.
RIGHTS = {
    "POST /users": Rights(
        (201, 201, 201, 201, 201),
        parts=lambda _: {
            "json": {
                "email": f"{uuid.uuid4().hex}@example.org",
                "password": PASSWORD,
                "name": "Guest",
            }
        },
    ),
    "GET /users/me": Rights((401, 200, 200, 200, 200)),
    "DELETE /users/me": Rights((401, 204, 204, 204, 204), parts=json(password=PASSWORD)),
    "GET /users": Rights((401, 403, 403, 403, 403), admin=200),
    "GET /users/<id:user_id>": Rights((401, 403, 403, 403, 403), admin=200),
    "PATCH /users/<id:user_id>": Rights(
        (401, 403, 403, 403, 403), parts=json(role="member"), admin=200
    ),
    "DELETE /users/<id:user_id>/sessions": Rights((401, 403, 403, 403, 403), admin=204),
    "PATCH /users/me": Rights((401, 200, 200, 200, 200), parts=json(name="Guest")),
    "POST /auth/login": Rights((200, 200, 200, 200, 200), parts=about("email", password=PASSWORD)),
    "POST /auth/refresh": Rights((200, 200, 200, 200, 200), parts=about("refresh_token")),
    "POST /auth/logout": Rights((401, 204, 204, 204, 204)),
    "GET /auth/providers": Rights((200, 200, 200, 200, 200)),
    "POST /auth/sign-on/<provider>": Rights((200, 200, 200, 200, 200), parts=json()),
    # Nobody has left for a provider, so nobody comes back.
    "GET /auth/sign-on/<provider>/callback": Rights(
        (400, 400, 400, 400, 400), parts=lambda _: {"query_string": "state=x&code=y"}
    ),
    "GET /users/me/identities": Rights((401, 200, 200, 200, 200)),
    "POST /users/me/identities/<provider>": Rights(
        (401, 200, 200, 200, 200), parts=json(password=PASSWORD)
    ),
    "DELETE /users/me/identities/<id:identity_id>": Rights(
        (401, 404, 404, 404, 204), parts=json(password=PASSWORD)
    ),
    "POST /users/me/confirmations/options": Rights((401, 409, 409, 409, 409)),
    "GET /auth/sessions": Rights((401, 200, 200, 200, 200)),
    "DELETE /auth/sessions": Rights((401, 204, 204, 204, 204)),
    "DELETE /auth/sessions/<id:session_id>": Rights((401, 404, 404, 404, 204)),
    "POST /users/me/verification": Rights((401, 202, 202, 202, 202)),
    "POST /users/me/email": Rights((401, 202, 202, 202, 202), parts=to_somebody(password=PASSWORD)),
    "POST /users/me/password": Rights(
        (401, 204, 204, 204, 204),
        parts=json(current_password=PASSWORD, new_password=PASSWORD[::-1]),
    ),
    "POST /auth/verify-email": Rights((400, 400, 400, 400, 400), parts=json(token="guessed")),
    "POST /auth/password-resets": Rights((202, 202, 202, 202, 202), parts=to_somebody()),
    "POST /auth/password-resets/redeem": Rights(
        (400, 400, 400, 400, 400), parts=json(token="guessed", password=PASSWORD)
    ),
    "POST /auth/second-factor": Rights((200, 200, 200, 200, 200), parts=second_step),
    "POST /auth/passkeys/options": Rights((200, 200, 200, 200, 200)),
    "POST /auth/passkeys": Rights((200, 200, 200, 200, 200), parts=passkey_sign_in),
    "GET /users/me/second-factors": Rights((401, 200, 200, 200, 200)),
    "POST /users/me/totp": Rights((401, 200, 200, 200, 200), parts=json(password=PASSWORD)),
    "POST /users/me/totp/confirm": Rights((401, 409, 409, 409, 409), parts=json(code="287082")),
    "DELETE /users/me/totp": Rights((401, 404, 404, 404, 404), parts=json(password=PASSWORD)),
    "POST /users/me/recovery-codes": Rights(
        (401, 409, 409, 409, 409), parts=json(password=PASSWORD)
    ),
    "POST /users/me/passkeys/options": Rights(
        (401, 200, 200, 200, 200), parts=json(password=PASSWORD)
    ),
    "POST /users/me/passkeys": Rights((401, 400, 400, 400, 400), parts=passkey_of_nothing),
    "GET /users/me/passkeys": Rights((401, 200, 200, 200, 200)),
    "DELETE /users/me/passkeys/<id:passkey_id>": Rights(
        (401, 404, 404, 404, 404), parts=json(password=PASSWORD)
    ),
    "GET /audit": Rights((401, 404, 403, 403, 200), parts=of_project()),
    # Agents do; see AGENTS_ONLY and test_leases.py.
    "POST /agents/me/claim": Rights((401, 403, 403, 403, 403), parts=about("project_id")),
    "GET /leases": Rights((401, 404, 200, 200, 200), parts=of_project()),
    "GET /leases/<id:lease_id>": Rights((401, 404, 200, 200, 200)),
    "POST /leases/<id:lease_id>/heartbeat": Rights((401, 404, 403, 403, 403), parts=json()),
    "POST /leases/<id:lease_id>/complete": Rights((401, 404, 403, 403, 403), parts=json()),
    "POST /leases/<id:lease_id>/fail": Rights(
        (401, 404, 403, 403, 403), parts=json(reason="No network")
    ),
    "POST /leases/<id:lease_id>/release": Rights((401, 404, 403, 403, 403)),
    "POST /agents": Rights((401, 201, 201, 201, 201), parts=json(name="Builder", kind="ci")),
    "GET /agents": Rights((401, 404, 200, 200, 200), parts=of_project()),
    "GET /agents/<id:agent_id>": Rights((401, 404, 200, 200, 200), (401, 404, 404, 404, 200)),
    "GET /agents/<id:agent_id>/session": Rights(
        (401, 404, 200, 200, 200), (401, 404, 404, 404, 200)
    ),
    "PATCH /agents/<id:agent_id>": Rights(
        (401, 404, 403, 403, 200), (401, 404, 404, 404, 200), json(description="New")
    ),
    "DELETE /agents/<id:agent_id>": Rights((401, 404, 403, 403, 204), (401, 404, 404, 404, 204)),
    "GET /admin/jobs": Rights((401, 403, 403, 403, 403), admin=200),
    "POST /admin/jobs/<number:job_id>/retry": Rights((401, 403, 403, 403, 403), admin=404),
    "DELETE /admin/jobs/<number:job_id>": Rights((401, 403, 403, 403, 403), admin=404),
    "POST /users/me/tokens": Rights((401, 201, 201, 201, 201), parts=json(**TOKEN)),
    "GET /users/me/tokens": Rights((401, 200, 200, 200, 200)),
    "DELETE /users/me/tokens": Rights((401, 204, 204, 204, 204)),
    "GET /users/me/tokens/<id:token_id>": Rights((401, 404, 404, 404, 200)),
    "DELETE /users/me/tokens/<id:token_id>": Rights((401, 404, 404, 404, 204)),
    "POST /agents/<id:agent_id>/tokens": Rights(
        (401, 404, 403, 403, 201), (401, 404, 404, 404, 201), json(**TOKEN)
    ),
    "GET /agents/<id:agent_id>/tokens": Rights(
        (401, 404, 403, 403, 200), (401, 404, 404, 404, 200)
    ),
    "DELETE /agents/<id:agent_id>/tokens/<id:agent_token_id>": Rights(
        (401, 404, 403, 403, 204), (401, 404, 404, 404, 204)
    ),
    "POST /projects": Rights((401, 201, 201, 201, 201), parts=json(name="My own")),
    "GET /projects": Rights((401, 200, 200, 200, 200)),
    "GET /projects/<id:project_id>": Rights((401, 404, 200, 200, 200)),
    "PATCH /projects/<id:project_id>": Rights((401, 404, 403, 403, 200), parts=json(name="New")),
    "DELETE /projects/<id:project_id>": Rights((401, 404, 403, 403, 204)),
    "GET /projects/<id:project_id>/members": Rights((401, 404, 200, 200, 200)),
    "POST /projects/<id:project_id>/members": Rights(
        (401, 404, 403, 403, 201), parts=lambda ids: {"json": {"user_id": ids["other_id"]}}
    ),
    "GET /projects/<id:project_id>/members/<id:user_id>": Rights((401, 404, 200, 200, 200)),
    "PATCH /projects/<id:project_id>/members/<id:user_id>": Rights(
        (401, 404, 403, 403, 200), parts=json(role="viewer")
    ),
    "DELETE /projects/<id:project_id>/members/<id:user_id>": Rights((401, 404, 403, 403, 204)),
    "POST /tasks": Rights((401, 404, 403, 201, 201), parts=about("project_id", title="Write")),
    "GET /tasks": Rights((401, 404, 200, 200, 200), parts=of_project()),
    "GET /tasks/<id:task_id>": Rights((401, 404, 200, 200, 200), (401, 404, 404, 404, 200)),
    "GET /tasks/<id:task_id>/history": Rights((401, 404, 200, 200, 200), (401, 404, 404, 404, 200)),
    "PATCH /tasks/<id:task_id>": Rights(
        (401, 404, 403, 200, 200), (401, 404, 404, 404, 200), json(title="Read")
    ),
    "DELETE /tasks/<id:task_id>": Rights((401, 404, 403, 204, 204), (401, 404, 404, 404, 204)),
    "POST /tasks/<id:task_id>/move": Rights(
        (401, 404, 403, 200, 200), (401, 404, 404, 404, 200), json()
    ),
    "POST /tasks/<id:task_id>/skip": Rights((401, 404, 403, 400, 400), (401, 404, 404, 404, 400)),
    "POST /tasks/bulk": Rights(
        (401, 404, 403, 200, 200),
        (401, 404, 404, 404, 200),
        lambda ids: {"json": {"changes": [retitle(ids["task_id"])]}},
    ),
    "GET /trash": Rights((401, 404, 200, 200, 200), parts=of_project()),
    "POST /trash/<id:operation_id>/restore": Rights(
        (401, 404, 403, 200, 200), (401, 404, 404, 404, 200)
    ),
    "POST /items": Rights(
        (401, 404, 403, 201, 201), (401, 404, 404, 404, 201), about("task_id", name="Think")
    ),
    "GET /items": Rights((401, 404, 200, 200, 200), (401, 404, 404, 404, 200), of_task),
    "GET /items/<id:item_id>": Rights((401, 404, 200, 200, 200), (401, 404, 404, 404, 200)),
    "PATCH /items/<id:item_id>": Rights(
        (401, 404, 403, 200, 200), (401, 404, 404, 404, 200), json(status="done")
    ),
    "DELETE /items/<id:item_id>": Rights((401, 404, 403, 204, 204), (401, 404, 404, 404, 204)),
    "POST /items/<id:item_id>/promote": Rights(
        (401, 404, 403, 201, 201), (401, 404, 404, 404, 201), json()
    ),
    "POST /tasks/<id:task_id>/comments": Rights(
        (401, 404, 403, 201, 201), (401, 404, 404, 404, 201), json(body="Faster")
    ),
    "GET /tasks/<id:task_id>/comments": Rights(
        (401, 404, 200, 200, 200), (401, 404, 404, 404, 200)
    ),
    "GET /comments/<id:comment_id>": Rights((401, 404, 200, 200, 200), (401, 404, 404, 404, 200)),
    "PATCH /comments/<id:comment_id>": Rights(
        (401, 404, 403, 403, 200), (401, 404, 404, 404, 200), json(body="Faster")
    ),
    "DELETE /comments/<id:comment_id>": Rights(
        (401, 404, 403, 403, 204), (401, 404, 404, 404, 204)
    ),
    "GET /notifications": Rights((401, 200, 200, 200, 200)),
    "POST /notifications/read-all": Rights((401, 200, 200, 200, 200)),
    "POST /notifications/<id:notification_id>/read": Rights((401, 404, 404, 404, 200)),
    "POST /notify": Rights((401, 404, 404, 404, 404), parts=message_to_nobody),
    "GET /users/me/notification-preferences": Rights((401, 200, 200, 200, 200)),
    "PATCH /users/me/notification-preferences": Rights(
        (401, 200, 200, 200, 200), parts=json(kinds={"assigned": {"email": False}})
    ),
    "POST /time-entries": Rights(
        (401, 404, 403, 201, 201), (401, 404, 404, 404, 201), about("task_id", **entry_body())
    ),
    "GET /time-entries": Rights((401, 404, 200, 200, 200), parts=of_project()),
    "GET /time-entries/<id:entry_id>": Rights((401, 404, 200, 200, 200), (401, 404, 404, 404, 200)),
    "PATCH /time-entries/<id:entry_id>": Rights(
        (401, 404, 403, 403, 200), (401, 404, 404, 404, 200), json(note="New")
    ),
    "DELETE /time-entries/<id:entry_id>": Rights(
        (401, 404, 403, 403, 204), (401, 404, 404, 404, 204)
    ),
    "POST /time-entries/<id:entry_id>/continue": Rights(
        (401, 404, 403, 200, 200), (401, 404, 404, 404, 200)
    ),
    "GET /timer": Rights((401, 200, 200, 200, 200)),
    "POST /timer/start": Rights(
        (401, 404, 403, 200, 200), (401, 404, 404, 404, 200), about("task_id")
    ),
    "POST /timer/stop": Rights((401, 200, 200, 200, 200)),
    "GET /reports/time": Rights((401, 404, 200, 200, 200), parts=of_project(MARCH)),
    "POST /imports": Rights((401, 404, 403, 403, 200), parts=import_form),
    "GET /users/me/export": Rights((401, 200, 200, 200, 200)),
    "GET /rooms/<room>/events": Rights((401, 404, 200, 200, 200), (401, 404, 404, 404, 200)),
    "GET /rooms/<room>/snapshot": Rights((401, 404, 200, 200, 200), (401, 404, 404, 404, 200)),
    "GET /projects/<id:project_id>/snapshot": Rights((401, 404, 200, 200, 200)),
    "POST /projects/<id:project_id>/webhooks": Rights(
        (401, 404, 403, 403, 201), parts=json(url=WEBHOOK)
    ),
    "GET /projects/<id:project_id>/webhooks": Rights((401, 404, 403, 403, 200)),
    "GET /webhooks/<id:webhook_id>": Rights((401, 404, 403, 403, 200)),
    "PATCH /webhooks/<id:webhook_id>": Rights((401, 404, 403, 403, 200), parts=json(active=False)),
    "DELETE /webhooks/<id:webhook_id>": Rights((401, 404, 403, 403, 204)),
    "POST /webhooks/<id:webhook_id>/rotate": Rights((401, 404, 403, 403, 200)),
    "POST /webhooks/<id:webhook_id>/ping": Rights((401, 404, 403, 403, 202)),
    "POST /webhooks/<id:webhook_id>/replay": Rights(
        (401, 404, 403, 403, 202), parts=json(since=0, until=100)
    ),
    "GET /webhooks/<id:webhook_id>/deliveries": Rights((401, 404, 403, 403, 200)),
    "GET /deliveries/<id:delivery_id>": Rights((401, 404, 403, 403, 200)),
    "POST /deliveries/<id:delivery_id>/redeliver": Rights((401, 404, 403, 403, 202)),
    "POST /ws/tickets": Rights((401, 201, 201, 201, 201)),
    "GET /health": Rights((200, 200, 200, 200, 200)),
    "GET /health/details": Rights((401, 403, 403, 403, 403), admin=200),
    "GET /health/ready": Rights((200, 200, 200, 200, 200)),
}


@cache
def contracts() -> dict[str, Contract]:
    """The contracts of all views made by @endpoint, by the names that RIGHTS gives their routes."""
    app = _app()
    return {
        f"{method} {rule.rule.removeprefix(settings.api_prefix)}": contract
        for rule in app.url_map.iter_rules()
        if (contract := getattr(app.view_functions[rule.endpoint], "contract", None))
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    }
