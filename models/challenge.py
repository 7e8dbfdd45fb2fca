"""Challenges: what has to be answered within minutes to go on with something half done."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints
from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, UuidText
from utils.validators import BASE64URL

ChallengeToken = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100, pattern=BASE64URL),
    Field(
        description="The one that is to be answered; works once, within five minutes.",
        examples=["3q2-7wAAEREiIjMzREREVVVVZmZmd3d3iIiImZmZqqo"],
    ),
]


class Purpose(StrEnum):
    """What a challenge is for; it is worth nothing for anything else."""

    SECOND_FACTOR = "second_factor"  # the first was right
    PASSKEY_SIGN_IN = "passkey_sign_in"
    NEW_PASSKEY = "new_passkey"
    CONFIRMATION = "confirmation"


class ChallengeRow(Base):
    """A challenge that was not answered yet, by the hash of what its holder shows."""

    __tablename__ = "challenges"
    __table_args__ = (Index(None, "expires_at"), Index(None, "user_id"))

    digest: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str]
    # None until a passkey says who it is.
    user_id: Mapped[str | None] = mapped_column(
        UuidText, ForeignKey("users.id", ondelete="CASCADE")
    )
    # What was right already, where this is for a second factor.
    first_way: Mapped[str | None]
    tries: Mapped[int] = mapped_column(server_default="0")
    expires_at: Mapped[datetime]
