"""Comments: what is said about a task."""

from pydantic import Field
from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from models.base import (
    Base,
    Change,
    Identified,
    ListQuery,
    Question,
    Resource,
    Trashable,
    UuidText,
    Versioned,
)
from utils.validators import Id, Remark


class CommentRow(Identified, Versioned, Trashable, Base):
    """What somebody said about a task."""

    __tablename__ = "comments"
    __table_args__ = (
        # With those in the trash: they are looked for, too, before a task is deleted for good.
        Index("ix_comments_task_id_id", "task_id", "id"),
        Index(
            "ix_comments_operation_id",
            "operation_id",
            postgresql_where=text("operation_id IS NOT NULL"),
        ),
    )

    task_id: Mapped[str] = mapped_column(UuidText, ForeignKey("tasks.id"))
    created_by: Mapped[str] = mapped_column(UuidText, ForeignKey("users.id"))
    body: Mapped[str]
    mentions: Mapped[list[str]] = mapped_column(ARRAY(UuidText), server_default="{}")


class CommentCreate(Question):
    """Something to say about a task."""

    body: Remark = Field(
        description="Markdown, stored as it is. @name or @address mentions a member.",
        examples=["@Grace could you look at this?"],
    )


class CommentUpdate(Change):
    """What its author may change."""

    body: Remark = Field("", examples=["@Grace could you look at this by Friday?"])


class CommentQuery(ListQuery):
    """Filters of the list of comments."""


class Comment(Resource):
    """What somebody said about a task."""

    task_id: Id
    created_by: Id
    body: str
    mentions: list[Id] = Field(description="The members that its text mentions.")
