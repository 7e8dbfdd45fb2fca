"""Identities: accounts elsewhere that somebody signs in with."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field
from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Identified, ListQuery, Schema, UuidText
from utils.validators import Id


class ProviderName(StrEnum):
    """Who may vouch for people; `oidc` is the OpenID provider that the operator chose."""

    GOOGLE = "google"
    GITHUB = "github"
    OIDC = "oidc"


class IdentityRow(Identified, Base):
    """An account elsewhere: its issuer's name for it, which unlike its address never changes."""

    __tablename__ = "identities"
    __table_args__ = (
        Index("uq_identities_issuer_subject", "issuer", "subject", unique=True),
        Index(None, "user_id"),
    )

    user_id: Mapped[str] = mapped_column(UuidText, ForeignKey("users.id", ondelete="CASCADE"))
    provider: Mapped[str]
    issuer: Mapped[str]
    subject: Mapped[str]
    email: Mapped[str]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime]


class IdentityQuery(ListQuery):
    """Filters of the list of identities."""


class Identity(Schema):
    """An account elsewhere that opens yours."""

    id: Id
    provider: ProviderName
    email: str = Field(description="Its address there, when it was last used.")
    created_at: datetime
    last_used_at: datetime
