"""Sessions: one per login, the thing that tokens are bound to."""

from datetime import datetime
from typing import Literal

from pydantic import Field
from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Identified, ListQuery, Question, Schema, UuidText
from utils.validators import Email, Id


class SessionRow(Identified, Base):
    """A sign-in on one device; refreshing replaces `refresh_id`, so that each is used once."""

    __tablename__ = "sessions"
    __table_args__ = (Index(None, "user_id"),)

    user_id: Mapped[str] = mapped_column(UuidText, ForeignKey("users.id", ondelete="CASCADE"))
    refresh_id: Mapped[str] = mapped_column(UuidText)
    spent_refresh_id: Mapped[str | None] = mapped_column(UuidText)
    device: Mapped[str]
    ip: Mapped[str]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class SignIn(Question):
    """What every way to sign in takes."""

    cookies: bool = Field(
        False,
        description="For browsers: keep the tokens in cookies that scripts cannot read, instead "
        "of answering them.",
    )


class Login(SignIn):
    """What signing in with a password takes."""

    email: Email = Field(examples=["ada@example.org"])
    # Not `Password`: its rules are for choosing one, and they may have changed since.
    password: str = Field(max_length=200, examples=["correct horse battery"])


class Refresh(Question):
    """What renewing an access token takes; nothing where the tokens are in cookies."""

    refresh_token: str | None = Field(
        None, max_length=4_000, examples=["eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"]
    )


class TokenPair(Schema):
    """Credentials: send the access token as `Authorization: Bearer ...`.

    Both are null where they went into cookies: the browser sends those by itself, and writes also
    need the header X-CSRF-TOKEN with what the cookie `stint_csrf` holds.
    """

    access_token: str | None
    refresh_token: str | None = Field(description="Works once; each refresh returns the next.")
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the scheme, no secret
    expires_in: int = Field(description="Seconds until the access token expires.")


class SessionQuery(ListQuery):
    """Filters of the list of sessions."""


class Session(Schema):
    """Where somebody is signed in."""

    id: Id
    device: str = Field(description="What the client called itself when it signed in.")
    ip: str
    created_at: datetime
    last_used_at: datetime = Field(description="When it was last refreshed.")
    expires_at: datetime
    is_current: bool = Field(description="True for the one that asks.")
