"""Presence: who has a room open, over all processes."""

from datetime import datetime

from pydantic import Field
from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Identified, Schema, UuidText
from models.user import UserKind
from utils.validators import Id


class ProcessRow(Identified, Base):
    """A process that serves sockets; when its lease runs out, its people are gone."""

    __tablename__ = "processes"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    expires_at: Mapped[datetime]


class PresenceRow(Base):
    """A connection that has a room open."""

    __tablename__ = "presences"
    __table_args__ = (
        Index(None, "process_id"),
        Index(None, "user_id"),
        {"prefixes": ["UNLOGGED"]},
    )

    room: Mapped[str] = mapped_column(primary_key=True)
    connection_id: Mapped[str] = mapped_column(UuidText, primary_key=True)
    process_id: Mapped[str] = mapped_column(
        UuidText, ForeignKey("processes.id", ondelete="CASCADE")
    )
    user_id: Mapped[str] = mapped_column(UuidText)
    client_id: Mapped[str]
    state: Mapped[str]
    since: Mapped[datetime]


class Presence(Schema):
    """Somebody who has a room open, once for each of their connections.

    An agent that works on tasks of a project without a connection there is present by its leases.
    """

    connection_id: Id = Field(description="Or the id of an agent's lease.")
    client_id: str = Field(description="Empty without a connection.")
    user_id: Id
    kind: UserKind
    name: str
    state: str = Field(
        description="Of a person in their own words; of an agent what it is doing: working, "
        "waiting for a person's answer, stale when it is not heard of any more, or idle.",
        examples=["active", "working"],
    )
    since: datetime
    task_id: Id | None = Field(
        description="The task that their timer runs on, or that the agent holds, if it is here."
    )
