"""Events: the log of every change, room by room, that everything live is read from."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Schema, UuidText
from utils.pages import PAGE_SIZE_MAX


class EventType(StrEnum):
    """What may happen in a room.

    Of each kind of thing, whoever follows a room knows with these events, one after another, what
    a fresh snapshot would tell; after `member.claimed` and `project.restored` with that alone.
    """

    USER_CREATED = "user.created"
    USER_UPDATED = "user.updated"
    USER_VERIFIED = "user.verified"
    AGENT_CREATED = "agent.created"
    AGENT_UPDATED = "agent.updated"
    AGENT_DELETED = "agent.deleted"
    PROJECT_CREATED = "project.created"
    PROJECT_UPDATED = "project.updated"
    PROJECT_DELETED = "project.deleted"
    PROJECT_RESTORED = "project.restored"
    MEMBER_ADDED = "member.added"
    MEMBER_UPDATED = "member.updated"
    MEMBER_REMOVED = "member.removed"
    MEMBER_CLAIMED = "member.claimed"
    TASK_CREATED = "task.created"
    TASK_UPDATED = "task.updated"
    TASK_MOVED = "task.moved"
    TASK_DELETED = "task.deleted"
    TASK_RESTORED = "task.restored"
    LEASE_CREATED = "lease.created"
    LEASE_UPDATED = "lease.updated"
    LEASE_ENDED = "lease.ended"
    ITEM_CREATED = "item.created"
    ITEM_UPDATED = "item.updated"
    ITEM_DELETED = "item.deleted"
    ITEM_RESTORED = "item.restored"
    COMMENT_CREATED = "comment.created"
    COMMENT_UPDATED = "comment.updated"
    COMMENT_DELETED = "comment.deleted"
    COMMENT_RESTORED = "comment.restored"
    TIME_ENTRY_CREATED = "time_entry.created"
    TIME_ENTRY_IMPORTED = "time_entry.imported"
    TIME_ENTRY_STARTED = "time_entry.started"
    TIME_ENTRY_STOPPED = "time_entry.stopped"
    TIME_ENTRY_UPDATED = "time_entry.updated"
    TIME_ENTRY_MOVED = "time_entry.moved"
    TIME_ENTRY_DELETED = "time_entry.deleted"
    TIME_ENTRY_RESTORED = "time_entry.restored"
    NOTIFICATION_CREATED = "notification.created"
    NOTIFICATION_READ = "notification.read"


class RoomRow(Base):
    """A stream of events: `project:{id}`, or `user:{id}` for what is private.

    `seq` counts its events; whoever raises it holds the row until commit, so that the events of
    a room are dense and in commit order. Webhooks want to know of it where it is `followed`.
    """

    __tablename__ = "rooms"

    id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, server_default="0")
    followed: Mapped[bool] = mapped_column(server_default="false")


class EventLogRow(Base):
    """The log as a whole: one row, whose `epoch` is made anew when a backup is restored."""

    __tablename__ = "event_log"
    __table_args__ = (CheckConstraint("single", name="single"),)

    single: Mapped[bool] = mapped_column(primary_key=True, server_default="true")
    epoch: Mapped[str] = mapped_column(UuidText)


# In these words, so that the index is found: the task that an event is about, and the kinds of
# events that are its history. What agents say with each heartbeat is not.
ABOUT = "COALESCE((data ->> 'task_id')::uuid, subject_id)"
OF_HISTORY = "split_part(type, '.', 1) IN ('task', 'item', 'comment')"


class EventRow(Base):
    """One change."""

    __tablename__ = "events"
    __table_args__ = (
        # Rows lie in the order of time, so that a summary of each stretch finds the old ones.
        Index(None, "at", postgresql_using="brin"),
        Index(
            "ix_events_of_tasks",
            text(ABOUT),
            "seq",
            "subject_id",
            postgresql_where=text(OF_HISTORY),
        ),
    )

    room: Mapped[str] = mapped_column(ForeignKey("rooms.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    type: Mapped[str]
    actor_id: Mapped[str] = mapped_column(UuidText)
    client_id: Mapped[str | None]
    request_id: Mapped[str | None]
    traceparent: Mapped[str | None]  # where the request had one, or made one
    subject_id: Mapped[str] = mapped_column(UuidText)
    version: Mapped[int]
    data: Mapped[dict[str, Any]]


class Event(Schema):
    """One change, as everybody in the room sees it."""

    room: str
    seq: int = Field(description="1, 2, 3 ... without a gap in each room.")
    # Not the enum itself: a process that was started before an update reads new types, too.
    type: str = Field(
        description="What happened; pass over types that you do not know.",
        examples=["task.updated"],
        json_schema_extra={"enum": [each.value for each in EventType]},
    )
    at: datetime
    actor: str = Field(description="Id of the user who did it.")
    client_id: str | None = Field(description="The X-Client-Id it was done with.")
    request_id: str | None = Field(
        None, description="The X-Request-Id of the request that it was done by or because of."
    )
    subject: str = Field(description="Id of what was changed.")
    version: int = Field(description="Version of the subject after the change.")
    data: dict[str, Any] = Field(
        description="The subject after the change; of what moved away its id and version alone."
    )


class EventQuery(BaseModel):
    """Which part of a room's log to read."""

    model_config = ConfigDict(extra="forbid")

    since: int = Field(0, ge=0, le=2**63 - 1, description="Only events after this seq.")
    epoch: str | None = Field(
        None,
        max_length=64,
        description="The epoch that `since` is of, as the snapshot has it: after a backup was "
        "restored the same numbers are other events.",
    )
    limit: int = Field(PAGE_SIZE_MAX, ge=1, le=PAGE_SIZE_MAX, description="Most events to return.")
    wait: float = Field(
        0,
        ge=0,
        le=25,
        description="When there are none, wait so many seconds for the next.",
        examples=[25],
    )
