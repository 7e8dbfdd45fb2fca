"""Tasks: what is to be done."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import CheckConstraint, Computed, Enum, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import TSVECTOR
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
from utils.validators import Id, Instant, JsonObject, Label, Labels, Prose, SearchText, Title


class TaskStatus(StrEnum):
    """Where a task stands."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class TaskPriority(StrEnum):
    """How pressing a task is, least first: the database sorts in this order."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    URGENT = "urgent"


LIVE = text("deleted_at IS NULL")


class TaskRow(Identified, Versioned, Trashable, Base):
    """A task of a project, or a personal one of its creator.

    `scope_id` is the id of the project or else of the creator: one column that says who may see
    the row, on which every list is indexed and by which the table can be sharded.
    """

    __tablename__ = "tasks"
    __table_args__ = (
        Index("ix_tasks_scope_id_id", "scope_id", text("id DESC"), postgresql_where=LIVE),
        Index(
            "ix_tasks_scope_id_status_id",
            "scope_id",
            "status",
            text("id DESC"),
            postgresql_where=LIVE,
        ),
        Index(
            "ix_tasks_scope_id_assignee_id_id",
            "scope_id",
            "assignee_id",
            text("id DESC"),
            postgresql_where=LIVE,
        ),
        Index(
            "ix_tasks_scope_id_due_at_id",
            "scope_id",
            text("COALESCE(due_at, 'infinity'::timestamptz)"),
            "id",
            postgresql_where=LIVE,
        ),
        Index(
            "ix_tasks_scope_id_updated_at_id",
            "scope_id",
            text("updated_at DESC"),
            text("id DESC"),
            postgresql_where=LIVE,
        ),
        Index(
            "ix_tasks_scope_id_priority_id",
            "scope_id",
            text("priority DESC"),
            text("id DESC"),
            postgresql_where=LIVE,
        ),
        Index("ix_tasks_labels", "labels", postgresql_using="gin", postgresql_where=LIVE),
        Index("ix_tasks_search", "search", postgresql_using="gin", postgresql_where=LIVE),
        CheckConstraint(
            "status IN ('pending', 'in_progress', 'completed', 'cancelled')", name="status"
        ),
    )

    project_id: Mapped[str | None] = mapped_column(UuidText, ForeignKey("projects.id"))
    created_by: Mapped[str] = mapped_column(UuidText, ForeignKey("users.id"))
    scope_id: Mapped[str] = mapped_column(
        UuidText, Computed("COALESCE(project_id, created_by)", persisted=True)
    )
    assignee_id: Mapped[str | None] = mapped_column(UuidText, ForeignKey("users.id"))
    title: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    status: Mapped[str] = mapped_column(server_default="pending")
    priority: Mapped[str] = mapped_column(
        Enum(*(priority.value for priority in TaskPriority), name="task_priority"),
        server_default="none",
    )
    due_at: Mapped[datetime | None]
    labels: Mapped[list[str]] = mapped_column(server_default="{}")
    task_metadata: Mapped[dict[str, Any]] = mapped_column("metadata", server_default="{}")
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    search: Mapped[Any] = mapped_column(
        TSVECTOR,
        Computed("to_tsvector('simple'::regconfig, title || ' ' || description)", persisted=True),
        deferred=True,
    )


class TaskCreate(Question):
    """A new task; without `project_id` it is personal."""

    title: Title = Field(examples=["Write the first chapter"])
    description: Prose = ""
    project_id: Id | None = None
    status: TaskStatus = Field(TaskStatus.PENDING, strict=False)
    priority: TaskPriority = Field(TaskPriority.NONE, strict=False)
    due_at: Instant | None = None
    labels: Labels = Field(default_factory=list, examples=[["writing"]])
    assignee_id: Id | None = Field(None, description="A member of the project.")
    metadata: JsonObject = Field(default_factory=dict, description="Yours; stored as it is.")


class TaskUpdate(Change):
    """What may change; members that are absent stay as they are."""

    title: Title = ""
    description: Prose = ""
    status: TaskStatus = Field(TaskStatus.PENDING, strict=False, examples=["completed"])
    priority: TaskPriority = Field(TaskPriority.NONE, strict=False)
    due_at: Instant | None = None
    labels: Labels = Field(default_factory=list)
    assignee_id: Id | None = None
    metadata: JsonObject = Field(
        default_factory=dict, description="A JSON merge patch (RFC 7396): null removes a member."
    )


TaskSort = Literal["-created_at", "created_at", "due_at", "-priority", "-updated_at"]


class TaskQuery(ListQuery):
    """Filters of the list of tasks."""

    project_id: Id | None = Field(None, description="Only tasks of this project.")
    status: TaskStatus | None = None
    assignee: Id | Literal["me"] | None = Field(None, description="A user's id, or me.")
    label: Label | None = None
    priority: TaskPriority | None = None
    due_before: Instant | None = None
    due_after: Instant | None = Field(None, description="At or after this instant.")
    search: SearchText | None = Field(
        None, description='Words in title or description; "a phrase", or and -not work.'
    )
    sort: TaskSort = Field("-created_at", description="Tasks without a due date come last.")


class Task(Resource):
    """A task."""

    project_id: Id | None
    created_by: Id
    assignee_id: Id | None
    title: str
    description: str
    status: TaskStatus
    priority: TaskPriority
    due_at: datetime | None
    labels: list[str]
    metadata: dict[str, Any] = Field(validation_alias="task_metadata")
    started_at: datetime | None = Field(description="When it was first put in progress.")
    completed_at: datetime | None
