"""Notification preferences: by which ways somebody wants to be told of what."""

from datetime import date
from typing import Any

from pydantic import Field
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Change, Schema, UuidText, Versioned
from models.notification import NotificationKind

# What somebody else waits for, or what does not wait; the rest of it goes into the digest.
MAILED = frozenset(
    {
        NotificationKind.ASSIGNED,
        NotificationKind.MENTIONED,
        NotificationKind.OVERDUE,
        NotificationKind.INVITED,
        NotificationKind.AGENT_FAILED,
        NotificationKind.EXPORT_READY,
        NotificationKind.WEBHOOK_DISABLED,
        NotificationKind.MESSAGE,
    }
)


class NotificationPreferencesRow(Versioned, Base):
    """What somebody decided, by kind and channel; what they did not goes by the defaults."""

    __tablename__ = "notification_preferences"

    user_id: Mapped[str] = mapped_column(
        UuidText, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    channels: Mapped[dict[str, Any]] = mapped_column(server_default="{}")


class DigestRow(Base):
    """The last day, in their own zone, on which somebody got a digest."""

    __tablename__ = "digests"

    user_id: Mapped[str] = mapped_column(
        UuidText, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[date]


class Channels(Schema):
    """By which ways you are told of one kind of thing."""

    in_app: bool = Field(description="In the list of notifications, and live.")
    email: bool = Field(
        description="By a letter of its own, to an address that you verified; what is more than 20 "
        "in an hour waits for the digest."
    )
    digest: bool = Field(
        description="At 08:00 in your time zone by one letter, with all that is neither read nor "
        "mailed by then."
    )


class ChannelsUpdate(Change):
    """What is to be different for one kind of thing."""

    in_app: bool = True
    email: bool = False
    digest: bool = True


class NotificationPreferences(Schema):
    """By which ways you are told of what."""

    version: int = Field(description="Rises with every change; the ETag is made of it.")
    kinds: dict[NotificationKind, Channels]


class NotificationPreferencesUpdate(Change):
    """What is to be different; what is not named stays as it is."""

    kinds: dict[NotificationKind, ChannelsUpdate] = Field(
        {}, examples=[{"assigned": {"email": False}}]
    )


def channels_of(kind: NotificationKind, decided: dict[str, Any]) -> Channels:
    """Return by which ways one is told of a kind; `decided` is what the row says of it."""
    return Channels(**{"in_app": True, "email": kind in MAILED, "digest": True} | decided)
