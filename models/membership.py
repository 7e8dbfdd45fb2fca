"""Memberships: who belongs to a project, and as what."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field, model_validator
from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Change, ListQuery, Question, Schema, UuidText, Versioned
from utils.validators import Email, Id


class ProjectRole(StrEnum):
    """Viewers read; editors work; owners also manage people and the project itself."""

    VIEWER = "viewer"
    EDITOR = "editor"
    OWNER = "owner"


class MembershipRow(Versioned, Base):
    """A user's role in a project; not active while the project is in the trash."""

    __tablename__ = "memberships"
    __table_args__ = (
        Index(None, "user_id", "project_id"),
        CheckConstraint("role IN ('viewer', 'editor', 'owner')", name="role"),
    )

    project_id: Mapped[str] = mapped_column(
        UuidText, ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[str] = mapped_column(UuidText, ForeignKey("users.id"), primary_key=True)
    role: Mapped[str]
    # One flag here hides everything in a deleted project: all access goes through memberships.
    active: Mapped[bool] = mapped_column(server_default="true")


class MemberCreate(Question):
    """Somebody to add, named by e-mail address or id."""

    email: Email | None = Field(None, examples=["grace@example.org"])
    user_id: Id | None = None
    role: ProjectRole = Field(ProjectRole.EDITOR, strict=False)

    @model_validator(mode="after")
    def _name_one_person(self) -> "MemberCreate":
        if (self.email is None) == (self.user_id is None):
            raise ValueError("give either email or user_id")
        return self


class MemberUpdate(Change):
    """A member's new role."""

    role: ProjectRole = Field(ProjectRole.VIEWER, strict=False, examples=["editor"])


class MemberQuery(ListQuery):
    """Filters of the list of members."""


class Member(Schema):
    """Somebody in a project; `placeholder` until the person named by an import signs up."""

    project_id: Id
    user_id: Id
    name: str
    email: str | None
    role: ProjectRole
    placeholder: bool
    created_at: datetime
    updated_at: datetime
    version: int
