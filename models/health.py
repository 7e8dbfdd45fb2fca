"""Health: what balancers and operators ask."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from models.base import Schema


class Health(Schema):
    """The process answers."""

    status: Literal["healthy"] = "healthy"


class Readiness(Schema):
    """The process can do its work."""

    status: Literal["ready"] = "ready"
    schema_revision: str


class PoolUse(Schema):
    """The connections of one worker process to the database."""

    size: int
    in_use: int


class Bus(Schema):
    """What carries hints between processes."""

    channel: Literal["postgres", "redis"]
    is_connected: bool = Field(description="While it is not, processes look every few seconds.")


class HealthDetails(Schema):
    """How this installation does, seen by the worker process that answered."""

    database_version: str = Field(examples=["17.2"])
    schema_revision: str | None
    pool: PoolUse
    bus: Bus
    processes: int = Field(description="Worker processes that serve sockets.")
    sockets: int = Field(description="Open sockets at this process.")
    sockets_in_rooms: int = Field(description="Open sockets with a room open, over all processes.")
    jobs_waiting: int = Field(description="What the worker process still has to do.")
    jobs_waiting_since: datetime | None = Field(
        description="When the oldest job that could be done now was due; if that is long ago, "
        "`flask worker` does not run or cannot keep up."
    )
    jobs_failed: int = Field(description="See GET /admin/jobs?status=failed.")
    purge_overdue_since: datetime | None = Field(
        description="The oldest event that the worker or `flask purge` should have deleted by now."
    )
