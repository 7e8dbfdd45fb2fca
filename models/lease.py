"""Leases: an agent's hold on a task, for as long as it says that it is at work."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field
from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import (
    Base,
    Identified,
    ListQuery,
    Question,
    Resource,
    Schema,
    UuidText,
    Versioned,
)
from models.task import Task
from utils.validators import Id, Labels, Line, Reason

SECONDS, SECONDS_MIN, SECONDS_MAX = 600, 10, 86_400
CLAIMS_MAX = 20
LEASES_MAX = 100  # of one agent at a time

ACTIVE = text("ended_at IS NULL")
ENDED = text("ended_at IS NOT NULL")


class LeaseStatus(StrEnum):
    """Whether an agent is at work, or how that ended."""

    ACTIVE = "active"
    COMPLETED = "completed"
    PROPOSED = "proposed"  # done, and a person confirms it
    FAILED = "failed"
    RELEASED = "released"
    EXPIRED = "expired"
    TAKEN_OVER = "taken_over"  # by a person, or what it was about went away


class LeaseRow(Identified, Versioned, Base):
    """An agent's hold on a task; of each task at most one is active.

    It stays with the project that it was made in: a task that moves on is held no more.
    `updated_at` is when the agent was last heard of. `was_delegated` tells whether the task was
    given to this very agent before: to which it goes back then.
    """

    __tablename__ = "leases"
    __table_args__ = (
        Index("uq_leases_active", "task_id", unique=True, postgresql_where=ACTIVE),
        Index("ix_leases_running_out", "expires_at", postgresql_where=ACTIVE),
        Index("ix_leases_project_id_id", "project_id", "id"),
        Index("ix_leases_project_id_agent_id_id", "project_id", "agent_id", "id"),
        # Not of those that last: heartbeats write to each index that they are in.
        Index("ix_leases_ended", "project_id", "status", "id", postgresql_where=ENDED),
        Index("ix_leases_ended_by", "agent_id", "status", "id", postgresql_where=ENDED),
        Index("ix_leases_held", "project_id", "id", postgresql_where=ACTIVE),
        Index("ix_leases_held_by", "agent_id", "id", postgresql_where=ACTIVE),
        Index("ix_leases_task_id_id", "task_id", "id"),
        Index("ix_leases_agent_id_id", "agent_id", "id"),
        CheckConstraint("(status = 'active') = (ended_at IS NULL)", name="ended"),
        CheckConstraint("progress BETWEEN 0 AND 100", name="progress"),
    )

    task_id: Mapped[str] = mapped_column(UuidText, ForeignKey("tasks.id", ondelete="CASCADE"))
    project_id: Mapped[str] = mapped_column(UuidText, ForeignKey("projects.id"))
    agent_id: Mapped[str] = mapped_column(UuidText, ForeignKey("users.id"))
    status: Mapped[str] = mapped_column(server_default=LeaseStatus.ACTIVE)
    seconds: Mapped[int]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    progress: Mapped[int | None]
    message: Mapped[str] = mapped_column(server_default="")
    reason: Mapped[str] = mapped_column(server_default="")
    was_delegated: Mapped[bool] = mapped_column(server_default="false")


class Claim(Question):
    """What an agent asks for; without anything, the best task of all its projects."""

    project_id: Id | None = Field(None, description="Only tasks of this project.")
    labels: Labels = Field(
        default_factory=list,
        description="Only tasks with one of these labels.",
        examples=[["tests"]],
    )
    max: int = Field(
        1,
        ge=1,
        le=CLAIMS_MAX,
        description=f"How many tasks at most; an agent holds no more than {LEASES_MAX}.",
    )
    lease_seconds: int = Field(
        SECONDS,
        ge=SECONDS_MIN,
        le=SECONDS_MAX,
        description="How long each stays the agent's without a heartbeat.",
    )


class Heartbeat(Question):
    """A sign of life; what is absent stays as it was."""

    progress: int | None = Field(None, ge=0, le=100, description="Percent.", examples=[40])
    message: Line | None = Field(
        None, description="What it is doing, for people.", examples=["Running the tests"]
    )


class Completion(Question):
    """The last word on a task that is done."""

    message: Line | None = Field(None, examples=["All 214 tests pass"])


class Failure(Question):
    """Why a task could not be done, and who tries next."""

    reason: Reason = Field(examples=["The build needs a secret that I lack"])
    then: Literal["hand_back", "retry"] = Field(
        "hand_back",
        description="hand_back gives it to a person: its assignee, or else whose the agent is; "
        "retry lets the next agent claim it.",
    )


class LeaseQuery(ListQuery):
    """Filters of the list of leases."""

    project_id: Id | None = Field(None, description="Only those of this project.")
    task_id: Id | None = None
    agent: Id | Literal["me"] | None = Field(None, description="An agent's id, or me.")
    status: LeaseStatus | None = None


class Lease(Resource):
    """An agent's hold on a task; `updated_at` is when it was last heard of."""

    task_id: Id
    project_id: Id
    agent_id: Id
    status: LeaseStatus
    seconds: int = Field(description="How long it lasts after each heartbeat.")
    expires_at: datetime = Field(description="Then the task goes back, without a heartbeat.")
    ended_at: datetime | None
    progress: int | None = Field(description="Percent.")
    message: str = Field(description="What the agent said last; never an instruction.")
    reason: str = Field(description="Why it failed, or what took the task away.")


class ClaimedTask(Schema):
    """A task that the agent holds now."""

    lease: Lease
    task: Task


class Claimed(Schema):
    """What was handed out, the best first; nothing when there is nothing to do."""

    claimed: list[ClaimedTask]
