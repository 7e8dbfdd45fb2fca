"""Stint's own statements, for the sides that send the same ones, and what goes into a create."""

import json
import os
from dataclasses import dataclass
from typing import Any

import orjson
from uuid_utils import uuid7

from utils.positions import last_position

# The columns of the statements, in their order, by the names that an answer has for them.
FIELDS = (
    *("id", "created_at", "updated_at", "version", "project_id", "created_by", "assignee_id"),
    *("delegate_id", "parent_id", "blocked_by", "position", "title", "description", "status"),
    *("priority", "due_at", "recurrence", "series", "next_id", "labels", "metadata"),
    *("started_at", "completed_at"),
)


@dataclass(frozen=True)
class Statement:
    """Text with $1, $2, ..., and what they are called."""

    sql: str
    names: list[str]

    def values(self, given: dict[str, Any]) -> list[Any]:
        """Return what is sent for $1, $2, ...; what is not given is null."""
        return [given.get(name) for name in self.names]


GET, LIST, CREATE, APPEND = (
    Statement(**json.loads(os.environ["PEER_STATEMENTS"])[name])
    for name in ("get", "list", "create", "append")
)


def new_task(body: dict[str, Any], user_id: str) -> list[Any]:
    """Return the values of CREATE for a personal task; `body` is as a client may send it."""
    given = {
        "id": str(uuid7()),
        "created_by": user_id,
        "position": last_position(),
        "blocked_by": [],
        "description": "",
        "status": "pending",
        "priority": "none",
        "labels": [],
        "task_metadata": body.get("metadata", {}),
    }
    return CREATE.values(given | body)


def created_event(user_id: str, task_id: str, version: int, data: Any) -> list[Any]:
    """Return the values of APPEND for the event that tells of a new personal task."""
    change = {
        "type": "task.created",
        "actor_id": user_id,
        "subject_id": task_id,
        "version": version,
        "data": data,
    }
    changes = orjson.dumps([change], option=orjson.OPT_UTC_Z).decode()
    return APPEND.values({"room": f"user:{user_id}", "count": 1, "changes": changes})
