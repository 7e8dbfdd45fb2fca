"""Tickets: what opens one WebSocket where a header cannot be sent."""

from datetime import datetime

from pydantic import Field
from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Schema, UuidText


class TicketRow(Base):
    """A ticket that was not used yet, by the hash of what its holder shows."""

    __tablename__ = "tickets"
    __table_args__ = (Index(None, "expires_at"),)

    digest: Mapped[str] = mapped_column(primary_key=True)
    session_id: Mapped[str] = mapped_column(UuidText, ForeignKey("sessions.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime]


class Ticket(Schema):
    """Opens one WebSocket, for browsers, which cannot set headers on it."""

    ticket: str = Field(description="Send it as the subprotocol ticket.{ticket}, beside stint.v1.")
    expires_in: int = Field(description="Seconds.")
