"""Attempts to prove who one is, and letters: how many of late, for an account or an address."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class AttemptKind(StrEnum):
    """What was attempted; each is counted on its own."""

    LOGIN = "login"
    SECOND_FACTOR = "second_factor"
    CONFIRMATION = "confirmation"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - no secret
    VERIFICATION = "verification"
    ADDRESS_CHANGE = "address_change"


# Not guesses but letters, which fill somebody's mailbox.
LETTERS = frozenset(
    {AttemptKind.PASSWORD_RESET, AttemptKind.VERIFICATION, AttemptKind.ADDRESS_CHANGE}
)


class AttemptRow(Base):
    """The count of one subject, known only by a keyed hash of its name."""

    __tablename__ = "attempts"
    __table_args__ = (Index(None, "expires_at"),)

    kind: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]
    last_at: Mapped[datetime]
    expires_at: Mapped[datetime]
