"""The requests that are measured, and who sends them."""

import json
import time
from dataclasses import dataclass
from typing import Any

import jwt

from benchmarks.servers import HOST

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


@dataclass(frozen=True)
class Caller:
    """A signed-in user, and which tasks are theirs (oldest first)."""

    user_id: str
    token: str
    task_ids: list[str]


def peer_token(user_id: str, key: str) -> str:
    """An access token for the sides that are FastAPI."""
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


def _request(method: str, path: str, caller: Caller, body: dict[str, Any] | None = None) -> str:
    head = f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {caller.token}\r\n"
    if body is None:
        return f"{head}\r\n"
    text = json.dumps(body)
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n{text}"
