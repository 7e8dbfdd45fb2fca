"""API tokens: what programs act with, for a user and no further than its scopes."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError
from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Identified, ListQuery, Question, Schema, UuidText
from models.scope import Scope
from utils.validators import Id, Instant, Name, Network

DAYS = 90
DAYS_MAX = 366


class ApiTokenRow(Identified, Base):
    """A token, by the hash of what its holder shows.

    It goes with its project: without one it would not be limited any more.
    """

    __tablename__ = "api_tokens"
    __table_args__ = (
        Index(None, "user_id"),
        Index(None, "project_id"),
        Index("uq_api_tokens_digest", "digest", unique=True),
    )

    user_id: Mapped[str] = mapped_column(UuidText, ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str]
    digest: Mapped[str]
    scopes: Mapped[list[str]]
    project_id: Mapped[str | None] = mapped_column(
        UuidText, ForeignKey("projects.id", ondelete="CASCADE")
    )
    networks: Mapped[list[str]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


def _distinct(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


class ApiTokenCreate(Question):
    """A new API token; it expires, after 90 days unless told otherwise."""

    name: Name = Field(description="What it is for.", examples=["Nightly report"])
    scopes: Annotated[
        list[Scope], Field(min_length=1, max_length=50), AfterValidator(_distinct)
    ] = Field(
        description="What it may be used for; writing includes reading. rooms:read shows all that "
        "happens in a room, account:read gives everything of yours as an archive, and "
        "account:write imports work and time.",
        examples=[["tasks:write", "time:read"]],
    )
    expires_at: Instant | None = Field(None, description="At most 366 days from now.")
    expires_in_days: int | None = Field(
        None, ge=1, le=DAYS_MAX, description="Instead of expires_at; 90 without either."
    )
    project_id: Id | None = Field(
        None, description="Limits it to what is in this project; you must be a member."
    )
    networks: Annotated[list[Network], Field(max_length=20), AfterValidator(_distinct)] = Field(
        default_factory=list,
        description="Addresses that it works from, in CIDR notation; all when there are none.",
        examples=[["203.0.113.0/24", "2001:db8::/32"]],
    )

    @model_validator(mode="after")
    def refuse_two_ends(self) -> Self:
        """One of them would be ignored."""
        if self.expires_at is not None and self.expires_in_days is not None:
            raise PydanticCustomError("two_ends", "send expires_at or expires_in_days, not both")
        return self


class ApiTokenQuery(ListQuery):
    """Filters of the list of API tokens."""


class ApiToken(Schema):
    """An API token; what it is made of is not kept."""

    id: Id
    name: str
    scopes: list[Scope]
    project_id: Id | None = Field(description="The only project that it may be used for.")
    networks: list[str] = Field(description="Where it works from; everywhere when empty.")
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = Field(description="To the minute; null for never.")


class ApiTokenCreated(ApiToken):
    """A new API token, with the one and only sight of what to send."""

    token: str = Field(description="Send it as `Authorization: Bearer ...`; it is not shown again.")
