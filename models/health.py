"""Health: what balancers and operators ask."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from models.base import Schema


class Health(Schema):
    """The process answers."""

    status: Literal["healthy"] = "healthy"


class Lack(StrEnum):
    """What requests can be served without, for a while."""

    BUS = "bus"
    WORKER = "worker"
    DISK = "disk"


class Readiness(Schema):
    """The process can do its work."""

    status: Literal["ready", "degraded"] = Field(
        description="degraded: requests are served, and an operator should look at what is lacking."
    )
    schema_revision: str
    lacking: list[Lack] = Field(
        description="bus: this process does not hear the others, and looks every few seconds. "
        "worker: no `flask worker` has been seen for half a minute; no letters, webhooks and "
        "reminders go out. disk: little is left where the embedded PostgreSQL keeps its data."
    )


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
    schema_revision: str
    pool: PoolUse
    bus: Bus
    processes: int = Field(description="Worker processes that serve sockets.")
    sockets: int = Field(description="Open sockets at this process.")
    sockets_in_rooms: int = Field(description="Open sockets with a room open, over all processes.")
    has_worker: bool = Field(description="Whether a `flask worker` was seen just now.")
    jobs_waiting: int = Field(description="What the worker process still has to do.")
    jobs_waiting_since: datetime | None = Field(
        description="When the oldest job that could be done now was due; if that is long ago, "
        "`flask worker` does not run or cannot keep up."
    )
    jobs_failed: int = Field(description="See GET /admin/jobs?status=failed.")
    purge_overdue_since: datetime | None = Field(
        description="The oldest event that the worker or `flask purge` should have deleted by now."
    )
