"""Jobs: what the worker process has to do, as administrators see it."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from models.base import ListQuery, Schema
from utils.validators import SearchText


class JobStatus(StrEnum):
    """Where a job stands; what is done is no longer there."""

    WAITING = "waiting"
    RUNNING = "running"
    FAILED = "failed"


class JobQuery(ListQuery):
    """Filters of the list of jobs."""

    status: JobStatus | None = None
    kind: SearchText | None = Field(None, description="Only jobs of this kind.")


class Job(Schema):
    """Something that the worker does, has to do, or could not do."""

    id: int = Field(examples=[4711])
    kind: str = Field(examples=["webhooks.deliver"])
    status: JobStatus
    attempts: int = Field(description="How often it was tried, without the one that runs now.")
    arguments: dict[str, Any] = Field(description="What it is about; there are no secrets in it.")
    request_id: str | None = Field(
        description="The request that asked for it; the log of what came of it names it."
    )
    created_at: datetime | None = Field(description="When it was asked for.")
    attempted_at: datetime | None = Field(description="When it was tried last.")
    due_at: datetime | None = Field(description="When it may be tried; null is at once.")
