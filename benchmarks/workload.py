"""The requests that are measured, and the proof that both sides answer them alike."""

import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

import jwt

from benchmarks.servers import HOST, Server

TASKS_PATH = "/api/v1/tasks"
PAGE = 20
OPERATIONS = ("get", "list", "create")
TOKEN_SECONDS = 7_200
DISTINCT_GETS = 250  # per caller
NEW_TASK = {
    "title": "Call back about the invoice",
    "description": "They want to know why the second line is there twice.",
    "priority": "high",
    "labels": ["finance"],
}
# What both sides must say alike about the same task; Stint may say more.
SHARED_FIELDS = (
    "id",
    "version",
    "project_id",
    "created_by",
    "assignee_id",
    "title",
    "description",
    "status",
    "priority",
    "due_at",
    "labels",
    "metadata",
    "started_at",
    "completed_at",
)


class DifferentAnswersError(Exception):
    """The two sides do not do the same work."""


@dataclass(frozen=True)
class Caller:
    """A signed-in user, and which tasks are theirs (oldest first)."""

    user_id: str
    token: str
    task_ids: list[str]


def sign_up(stint: Server, count: int) -> dict[str, str]:
    """Make users through the API; return their access tokens by user id."""
    tokens = {}
    for number in range(count):
        email, password = f"bench{number}@example.org", secrets.token_urlsafe(24)
        user = _call(
            stint,
            "POST",
            "/api/v1/users",
            body={"email": email, "password": password, "name": "Bench", "timezone": "UTC"},
        )
        login = {"email": email, "password": password}
        pair = _call(stint, "POST", "/api/v1/auth/login", body=login)
        tokens[user["id"]] = pair["access_token"]
    return tokens


def peer_token(user_id: str, key: str) -> str:
    """An access token for the yardstick."""
    now = int(time.time())
    return jwt.encode({"sub": user_id, "iat": now, "exp": now + TOKEN_SECONDS}, key, "HS256")


def build_requests(operation: str, callers: list[Caller]) -> list[str]:
    """The bytes to send, as text: every caller takes turns, each get asks for another task."""
    match operation:
        case "get":
            return [
                _request("GET", f"{TASKS_PATH}/{caller.task_ids[-1 - number]}", caller)
                for number in range(DISTINCT_GETS)
                for caller in callers
            ]
        case "list":
            return [_request("GET", f"{TASKS_PATH}?limit={PAGE}", caller) for caller in callers]
        case _:
            return [_request("POST", TASKS_PATH, caller, NEW_TASK) for caller in callers]


def check_same_answers(stint: Server, peer: Server, sides: Sequence[tuple[Caller, Caller]]) -> None:
    """Raise DifferentAnswersError unless both tell each caller the same of the same tasks."""
    for ours, theirs in sides:
        path = f"{TASKS_PATH}/{ours.task_ids[0]}"
        _compare(path, _call(stint, "GET", path, ours), _call(peer, "GET", path, theirs))
        path = f"{TASKS_PATH}?limit={PAGE}"
        pages = _call(stint, "GET", path, ours), _call(peer, "GET", path, theirs)
        if not len(pages[0]) == len(pages[1]) == PAGE:
            raise DifferentAnswersError(f"{path}: {len(pages[0])} and {len(pages[1])} tasks")
        for mine, yours in zip(*pages, strict=True):
            _compare(path, mine, yours)
    made = _call(stint, "POST", TASKS_PATH, ours, NEW_TASK)
    same = {name: made[name] for name in ("id", "created_by")}
    _compare("POST", made, _call(peer, "POST", TASKS_PATH, theirs, NEW_TASK) | same)


def _compare(what: str, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    different = [name for name in SHARED_FIELDS if ours[name] != theirs[name]]
    if different:
        raise DifferentAnswersError(f"{what}: {', '.join(different)} differ: {ours} {theirs}")


def _request(method: str, path: str, caller: Caller, body: dict[str, Any] | None = None) -> str:
    head = f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {caller.token}\r\n"
    if body is None:
        return f"{head}\r\n"
    text = json.dumps(body)
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n{text}"


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
