"""What every route may be asked for by whom, and a request for each."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from api import create_app
from api.contract import Contract
from config import settings
from tests.api.access_world import Ids, Parts, entry_body, import_form
from tests.factories import PASSWORD

Place = Literal["in_project", "personal"]
Statuses = tuple[int, int, int, int, int]

MARCH = "from=2026-03-01&to=2026-04-01"


@dataclass(frozen=True)
class Rights:
    """What anonymous, other, viewer, editor and owner get; None where there is no such thing.

    `in_project` is about things that the project's owner made there, `personal` about things that
    are the owner's alone: there the project's other members are strangers too.
    """

    in_project: Statuses
    personal: Statuses | None = None
    parts: Callable[[Ids], Parts] = lambda _: {}


def json(**fields: Any) -> Callable[[Ids], Parts]:
    """A body with these fields."""
    return lambda _: {"json": fields}


def about(*names: str, **fields: Any) -> Callable[[Ids], Parts]:
    """A body with these ids and fields."""
    return lambda ids: {"json": {name: ids[name] for name in names} | fields}


def retitle(task_id: str) -> Parts:
    """A change for bulk, as agents may send it: it says which version it is of."""
    return {"kind": "update", "id": task_id, "task": {"title": "A"}, "if_version": 1}


def of_project(question: str = "") -> Callable[[Ids], Parts]:
    """A query about the project."""
    return lambda ids: {"query_string": f"project_id={ids['project_id']}&{question}".rstrip("&")}


def of_task(ids: Ids) -> Parts:
    """A query about the task."""
    return {"query_string": f"task_id={ids['task_id']}"}


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
    "PATCH /users/me": Rights((401, 200, 200, 200, 200), parts=json(name="Guest")),
    "POST /auth/login": Rights((200, 200, 200, 200, 200), parts=about("email", password=PASSWORD)),
    "POST /auth/refresh": Rights((200, 200, 200, 200, 200), parts=about("refresh_token")),
    "POST /auth/logout": Rights((401, 204, 204, 204, 204)),
    "POST /agents": Rights((401, 201, 201, 201, 201), parts=json(name="Builder", kind="ci")),
    "GET /agents": Rights((401, 404, 200, 200, 200), parts=of_project()),
    "GET /agents/<id:agent_id>": Rights((401, 404, 200, 200, 200), (401, 404, 404, 404, 200)),
    "PATCH /agents/<id:agent_id>": Rights(
        (401, 404, 403, 403, 200), (401, 404, 404, 404, 200), json(description="New")
    ),
    "DELETE /agents/<id:agent_id>": Rights((401, 404, 403, 403, 204), (401, 404, 404, 404, 204)),
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
    "PATCH /tasks/<id:task_id>": Rights(
        (401, 404, 403, 200, 200), (401, 404, 404, 404, 200), json(title="Read")
    ),
    "DELETE /tasks/<id:task_id>": Rights((401, 404, 403, 204, 204), (401, 404, 404, 404, 204)),
    "POST /tasks/<id:task_id>/move": Rights(
        (401, 404, 403, 200, 200), (401, 404, 404, 404, 200), json()
    ),
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
    "POST /ws/tickets": Rights((401, 201, 201, 201, 201)),
    "GET /health": Rights((200, 200, 200, 200, 200)),
    "GET /health/ready": Rights((200, 200, 200, 200, 200)),
}


@cache
def contracts() -> dict[str, Contract]:
    """The contracts of all views made by @endpoint, by the names that RIGHTS gives their routes."""
    app = create_app()
    return {
        f"{method} {rule.rule.removeprefix(settings.api_prefix)}": contract
        for rule in app.url_map.iter_rules()
        if (contract := getattr(app.view_functions[rule.endpoint], "contract", None))
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    }
