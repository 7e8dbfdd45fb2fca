"""The users of the comparison, and the proof that all sides do the same work for them."""

import json
import secrets
from collections.abc import Mapping
from http.client import HTTPConnection
from typing import Any

from benchmarks.database import Database
from benchmarks.servers import HOST, Server
from benchmarks.workload import NEW_TASK, PAGE, TASKS_PATH, Caller

# What no two new tasks have in common.
OF_EACH_TASK = ("id", "created_at", "updated_at", "position")
LAST_EVENT = """
    SELECT type, actor_id::text, subject_id::text, version, data
    FROM events JOIN rooms ON rooms.id = room AND rooms.seq = events.seq
    WHERE room = 'user:' || %s
"""


class DifferentAnswersError(Exception):
    """Two sides do not do the same work."""


def sign_up(stint: Server, count: int) -> dict[str, str]:
    """Make users through the API; return their access tokens by user id."""
    tokens = {}
    for number in range(count):
        email, password = f"bench{number}@example.org", secrets.token_urlsafe(24)
        account = {"email": email, "password": password}
        user = _call(
            stint, "POST", "/api/v1/users", body=account | {"name": "B", "timezone": "UTC"}
        )
        pair = _call(stint, "POST", "/api/v1/auth/login", body=account)
        tokens[user["id"]] = pair["access_token"]
    return tokens


def check_same_answers(
    database: Database,
    sides: Mapping[Server, list[Caller]],
    tells: Mapping[Server, bool],
) -> None:
    """Raise DifferentAnswersError unless all tell each caller the same of the same tasks.

    The first side is what the others are compared with. `tells` says which of them write an event
    of a new task: it must be what was answered.
    """
    reference, *others = sides
    for server in others:
        for ours, theirs in zip(sides[reference], sides[server], strict=True):
            for path in (f"{TASKS_PATH}/{ours.task_ids[0]}", f"{TASKS_PATH}?limit={PAGE}"):
                mine, yours = (
                    _call(reference, "GET", path, ours),
                    _call(server, "GET", path, theirs),
                )
                _require_same(f"{server.name}: GET {path}", mine, yours)
                if isinstance(mine, list) and len(mine) != PAGE:
                    raise DifferentAnswersError(f"{path}: {len(mine)} tasks")
    made = {}
    for server, (caller, *_) in sides.items():
        made[server] = _call(server, "POST", TASKS_PATH, caller, NEW_TASK)
        same = {name: made[reference][name] for name in OF_EACH_TASK}
        _require_same(f"{server.name}: POST", made[reference], made[server] | same)
        if tells[server]:
            _check_event(database, server, caller, made[server])


def _check_event(database: Database, server: Server, caller: Caller, made: dict[str, Any]) -> None:
    with database.connect() as connection:
        told = connection.execute(LAST_EVENT, [caller.user_id]).fetchone()
    expected = ("task.created", caller.user_id, made["id"], made["version"], made)
    _require_same(f"{server.name}: the event of a new task", expected, told)


def _require_same(what: str, expected: object, found: object) -> None:
    if expected != found:
        raise DifferentAnswersError(f"{what}: {found} instead of {expected}")


def _call(
    server: Server,
    method: str,
    path: str,
    caller: Caller | None = None,
    body: dict[str, Any] | None = None,
) -> Any:
    connection = HTTPConnection(HOST, server.port, timeout=30)
    headers = {"Authorization": f"Bearer {caller.token}"} if caller else {}
    if body is not None:
        headers["Content-Type"] = "application/json"
    try:
        connection.request(method, path, body=json.dumps(body) if body else None, headers=headers)
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    if response.status // 100 != 2:
        raise DifferentAnswersError(
            f"{server.name}: {method} {path}: {response.status} {content[:600]!r}"
        )
    return json.loads(content)
