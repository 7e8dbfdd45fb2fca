"""Sessions: one per login, the thing that tokens are bound to."""

from datetime import datetime
from typing import Literal

from pydantic import Field
from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Identified, Question, Schema, UuidText
from utils.validators import Email


class SessionRow(Identified, Base):
    """A login on one device; refreshing replaces `refresh_id`, so that each is used once."""

    __tablename__ = "sessions"
    __table_args__ = (Index(None, "user_id"),)

    user_id: Mapped[str] = mapped_column(UuidText, ForeignKey("users.id", ondelete="CASCADE"))
    refresh_id: Mapped[str] = mapped_column(UuidText)
    device: Mapped[str]
    ip: Mapped[str]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class Login(Question):
    """What signing in takes."""

    email: Email = Field(examples=["ada@example.org"])
    # Not `Password`: its rules are for choosing one, and they may have changed since.
    password: str = Field(max_length=200, examples=["correct horse battery"])


class Refresh(Question):
    """What renewing an access token takes."""

    refresh_token: str = Field(max_length=4_000, examples=["eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"])


class TokenPair(Schema):
    """Credentials: send the access token as `Authorization: Bearer ...`."""

    access_token: str
    refresh_token: str = Field(description="Works once; each refresh returns the next.")
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the scheme, no secret
    expires_in: int = Field(description="Seconds until the access token expires.")
