"""The history of a task: who changed what, as the log of its room has it."""

from datetime import datetime
from typing import Any

from pydantic import Field

from models.base import ListQuery, Schema
from models.event import EventType
from utils.validators import Id


class HistoryQuery(ListQuery):
    """Which part of the history of a task to read."""


class FieldChange(Schema):
    """What one field was and became."""

    field: str = Field(examples=["status"])
    old: Any = Field(examples=["pending"])
    new: Any = Field(examples=["in_progress"])


class HistoryEntry(Schema):
    """One change of a task, of a line of its checklist, or of a comment on it."""

    seq: int = Field(description="The number of the event in the log of the task's room.")
    # As in Event: types of tomorrow are read by processes of today.
    type: str = Field(
        description="What happened; pass over types that you do not know.",
        examples=["task.updated"],
        json_schema_extra={
            "enum": [
                each.value
                for each in EventType
                if each.partition(".")[0] in ("task", "item", "comment")
            ]
        },
    )
    at: datetime
    actor: Id = Field(description="Id of the user who did it.")
    subject: Id = Field(description="Id of the task, item or comment that changed.")
    version: int = Field(description="Version of the subject after the change.")
    title: str | None = Field(
        description="What the task or item was called then; null of a comment."
    )
    changes: list[FieldChange] | None = Field(
        description="Empty where something was made, deleted or restored, and of comments; null "
        "where the log does not tell any more what was there before."
    )
