"""Imports every entity, so that the metadata is complete for migrations."""

from models import (
    comment,
    event,
    idempotency,
    item,
    membership,
    operation,
    presence,
    project,
    session,
    task,
    ticket,
    time_entry,
    user,
)

__all__ = [
    "comment",
    "event",
    "idempotency",
    "item",
    "membership",
    "operation",
    "presence",
    "project",
    "session",
    "task",
    "ticket",
    "time_entry",
    "user",
]
