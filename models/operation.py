"""Operations: what one action has put into the trash, to be brought back as one."""

from datetime import datetime
from typing import Any

from pydantic import Field
from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Identified, ListQuery, Schema, UuidText
from utils.validators import Id


class OperationRow(Identified, Base):
    """One action that deleted something; its id is the `operation_id` of what it deleted."""

    __tablename__ = "operations"
    __table_args__ = (
        Index("ix_operations_scope_id_id", "scope_id", "id"),
        Index(
            "ix_operations_deleted_by_id",
            "deleted_by",
            "id",
            postgresql_where=text("scope_id IS NULL"),
        ),
        Index("ix_operations_deleted_at", "deleted_at"),
    )

    # The project, or the person whose it was; none when it reached over several.
    scope_id: Mapped[str | None] = mapped_column(UuidText)
    deleted_by: Mapped[str] = mapped_column(UuidText, ForeignKey("users.id"))
    deleted_at: Mapped[datetime]
    title: Mapped[str]
    counts: Mapped[dict[str, Any]]


class TrashQuery(ListQuery):
    """Filters of the trash."""

    project_id: Id | None = Field(None, description="Only what was deleted in this project.")


class Operation(Schema):
    """What one action has put into the trash."""

    id: Id = Field(description="The operation_id that restores it.")
    project_id: Id | None
    deleted_by: Id
    deleted_at: datetime
    title: str = Field(description="What it was, by the name of the first.")
    counts: dict[str, int] = Field(
        description="How many of each kind.", examples=[{"task": 3, "comment": 1}]
    )


class NotRestored(Schema):
    """Something that could not come back, or not as it was."""

    kind: str = Field(examples=["time_entry"])
    id: Id
    code: str = Field(description="Stable, for programs.", examples=["time_overlap"])
    message: str


class Restored(Schema):
    """What became of an operation that was undone."""

    restored: dict[str, int] = Field(description="How many of each kind came back.")
    problems: list[NotRestored] = Field(description="What did not, or came back changed.")
