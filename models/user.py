"""Users: people, and agents who belong to one."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Change, Identified, Question, Resource, UuidText, Versioned
from utils.validators import HOW_TO_CHOOSE, Email, Name, Password, ZoneName


class UserKind(StrEnum):
    """People sign in with a password; agents are software and never do."""

    PERSON = "person"
    AGENT = "agent"


class UserRole(StrEnum):
    """Rights over the whole installation."""

    MEMBER = "member"
    ADMIN = "admin"


DELETED_NAME = "deleted user"

OWNED = "owner_id IS NOT NULL"


class UserRow(Identified, Versioned, Base):
    """One user; a placeholder stands for somebody named in an import who has not signed up."""

    __tablename__ = "users"
    __table_args__ = (
        Index("uq_users_email", "email", unique=True),
        Index("uq_users_placeholder_email", "placeholder_email", unique=True),
        Index("uq_users_number", "number", unique=True),
        CheckConstraint("kind IN ('person', 'agent')", name="kind"),
        CheckConstraint("role IN ('member', 'admin')", name="role"),
        CheckConstraint("email IS NULL OR placeholder_email IS NULL", name="one_email"),
        Index("ix_users_owner_id_id", "owner_id", "id", postgresql_where=text(OWNED)),
        CheckConstraint(f"kind = 'agent' OR NOT ({OWNED})", name="owner"),
    )

    # Folds a person and an instant into one axis; see TimeEntryRow.
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    kind: Mapped[str] = mapped_column(server_default="person")
    role: Mapped[str] = mapped_column(server_default="member")
    email: Mapped[str | None]
    placeholder_email: Mapped[str | None]
    password_hash: Mapped[str | None]
    name: Mapped[str]
    timezone: Mapped[str] = mapped_column(default="UTC", server_default="UTC")
    is_active: Mapped[bool] = mapped_column(server_default="true")
    verified: Mapped[bool] = mapped_column(server_default="false")
    # They deleted their account: the row stays for what they did, without their name.
    deleted_at: Mapped[datetime | None]
    # What only agents have; see models/agent.py.
    owner_id: Mapped[str | None] = mapped_column(UuidText, ForeignKey("users.id"))
    agent_kind: Mapped[str] = mapped_column(server_default="")
    description: Mapped[str] = mapped_column(server_default="")
    capabilities: Mapped[list[str]] = mapped_column(server_default="{}")
    agent_metadata: Mapped[dict[str, Any]] = mapped_column(server_default="{}")


class UserCreate(Question):
    """What signing up takes."""

    email: Email = Field(examples=["ada@example.org"])
    password: Password = Field(
        description=HOW_TO_CHOOSE,
        examples=["correct horse battery"],
    )
    name: Name = Field(examples=["Ada Lovelace"])
    timezone: ZoneName = Field("UTC", examples=["Europe/Berlin"])


class UserUpdate(Change):
    """What somebody may change about themselves."""

    name: Name = Field("", examples=["Ada King"])
    timezone: ZoneName = ""


class User(Resource):
    """A user, as they see themselves."""

    email: str | None
    name: str
    timezone: str
    kind: UserKind
    role: UserRole
    verified: bool
