"""Notifications: what somebody is told of because it concerns them."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field
from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Identified, ListQuery, Resource, Schema, UuidText, Versioned
from utils.validators import Id


class NotificationKind(StrEnum):
    """What people are told of."""

    ASSIGNED = "assigned"
    MENTIONED = "mentioned"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    TIMER_LONG = "timer_long"
    INVITED = "invited"
    AGENT_FINISHED = "agent_finished"
    AGENT_FAILED = "agent_failed"
    EXPORT_READY = "export_ready"
    WEBHOOK_DISABLED = "webhook_disabled"
    MESSAGE = "message"


class NotificationRow(Identified, Versioned, Base):
    """One thing that one person is told of.

    `key` names the occasion: of each there is one row for a person, however often the job runs that
    makes it. It refers to nothing but whose it is, so that it outlives what it names.
    """

    __tablename__ = "notifications"
    __table_args__ = (
        Index("uq_notifications_user_id_key", "user_id", "key", unique=True),
        Index("ix_notifications_user_id_id", "user_id", "id"),
        Index(
            "ix_notifications_unread",
            "user_id",
            "id",
            postgresql_where=text("read_at IS NULL"),
        ),
        # Rows lie in the order of time, so that a summary of each stretch finds the old ones.
        Index(None, "created_at", postgresql_using="brin"),
    )

    user_id: Mapped[str] = mapped_column(UuidText, ForeignKey("users.id", ondelete="CASCADE"))
    kind: Mapped[str]
    key: Mapped[str]
    actor_id: Mapped[str | None] = mapped_column(UuidText)
    project_id: Mapped[str | None] = mapped_column(UuidText)
    subject_id: Mapped[str | None] = mapped_column(UuidText)
    title: Mapped[str]
    message: Mapped[str] = mapped_column(server_default="")
    # By which ways it was to go, as somebody preferred when it was made.
    shown: Mapped[bool]
    by_mail: Mapped[bool]
    read_at: Mapped[datetime | None]
    mailed_at: Mapped[datetime | None]  # in a letter of its own or in a digest


class NotificationQuery(ListQuery):
    """Filters of the list of notifications."""

    unread: bool | None = Field(None, description="Whether they are still to be read.")


class Notification(Resource):
    """Something that concerns you."""

    kind: NotificationKind
    actor_id: Id | None = Field(description="Who did it; null where it was nobody.")
    project_id: Id | None
    subject_id: Id | None = Field(
        description="What it is about: a task, for `invited` the project, for `timer_long` the time"
        " entry."
    )
    title: str = Field(description="The name that this had then, or the subject of a message.")
    message: str = Field(description="What somebody wrote; empty but for messages.")
    read_at: datetime | None


class AllRead(Schema):
    """What marking all notifications as read did."""

    count: int = Field(description="How many were not read before.")
