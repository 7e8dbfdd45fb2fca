"""Tasks: what is to be done."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from sqlalchemy import (
    CheckConstraint,
    Computed,
    DateTime,
    Enum,
    ForeignKey,
    Index,
    Text,
    TextClause,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, Unmapped, mapped_column, unmapped_column

from models.base import (
    Base,
    Change,
    Identified,
    ListQuery,
    Question,
    Resource,
    Schema,
    Trashable,
    UuidText,
    Versioned,
)
from utils.positions import last_position
from utils.validators import (
    Blockers,
    Id,
    Instant,
    JsonObject,
    Label,
    Labels,
    Prose,
    Recurrence,
    SearchText,
    Title,
)


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
TRASHED = text("operation_id IS NOT NULL")
# Questions about blocked_by say it in these very words, with no parameter: so the index is theirs.
BLOCKED = text("cardinality(blocked_by) > 0")

# Titles weigh most, then descriptions, then what was said about the task. The scope is a word of
# its own: a search in one project meets that project's tasks in the index and no others.
SEARCH = (
    "array_to_tsvector(ARRAY[COALESCE(project_id, created_by)::text]) || "
    "setweight(to_tsvector('simple'::regconfig, title), 'A') || "
    "setweight(to_tsvector('simple'::regconfig, description), 'B') || "
    "setweight(discussion, 'C')"
)


# In these words, so that the indexes are found: who is to do it, and the order of claims.
PENDING = "deleted_at IS NULL AND status = 'pending'"
DOER = "COALESCE(delegate_id, assignee_id)"
CLAIM_ORDER = (
    text("priority DESC"),
    text("COALESCE(due_at, 'infinity'::timestamptz)"),
    "position",
    "id",
)


def _still_to_tell(marker: str) -> TextClause:
    """Condition: nobody was reminded of this due time yet."""
    return text(
        "deleted_at IS NULL AND status IN ('pending', 'in_progress') "
        f"AND due_at IS NOT NULL AND due_at IS DISTINCT FROM {marker}"
    )


class TaskRow(Identified, Versioned, Trashable, Base):
    """A task of a project, or a personal one of its creator.

    `scope_id` is the id of the project or else of the creator: one column that says who may see
    the row, on which every list is indexed and by which the table can be sharded.
    """

    __tablename__ = "tasks"
    __table_args__ = (
        Index(
            "ix_tasks_scope_id_created_at_id",
            "scope_id",
            text("created_at DESC"),
            text("id DESC"),
            postgresql_where=LIVE,
        ),
        Index(
            "ix_tasks_scope_id_status_created_at_id",
            "scope_id",
            "status",
            text("created_at DESC"),
            text("id DESC"),
            postgresql_where=LIVE,
        ),
        Index(
            "ix_tasks_scope_id_assignee_id_created_at_id",
            "scope_id",
            "assignee_id",
            text("created_at DESC"),
            text("id DESC"),
            postgresql_where=LIVE,
        ),
        Index(
            "ix_tasks_scope_id_delegate_id_created_at_id",
            "scope_id",
            "delegate_id",
            text("created_at DESC"),
            text("id DESC"),
            postgresql_where=text("deleted_at IS NULL AND delegate_id IS NOT NULL"),
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
        Index("ix_tasks_scope_id_position_id", "scope_id", "position", "id", postgresql_where=LIVE),
        # What agents may claim, the best first: what is nobody's, and what was given to somebody.
        Index(
            "ix_tasks_claimable",
            "scope_id",
            *CLAIM_ORDER,
            postgresql_where=text(f"{PENDING} AND delegate_id IS NULL AND assignee_id IS NULL"),
        ),
        Index(
            "ix_tasks_given",
            text(DOER),
            *CLAIM_ORDER,
            postgresql_where=text(f"{PENDING} AND {DOER} IS NOT NULL"),
        ),
        Index("ix_tasks_due_soon", "due_at", postgresql_where=_still_to_tell("due_soon_for")),
        Index("ix_tasks_overdue", "due_at", postgresql_where=_still_to_tell("overdue_for")),
        Index("ix_tasks_parent_id", "parent_id", postgresql_where=text("parent_id IS NOT NULL")),
        Index("ix_tasks_operation_id", "operation_id", postgresql_where=TRASHED),
        Index(
            "ix_tasks_blocked_by", "blocked_by", postgresql_using="gin", postgresql_where=BLOCKED
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
    delegate_id: Mapped[str | None] = mapped_column(UuidText, ForeignKey("users.id"))
    parent_id: Mapped[str | None] = mapped_column(UuidText, ForeignKey("tasks.id"))
    # Ids of tasks of the same scope. Those in the trash stay in it, so that they come back with it.
    blocked_by: Mapped[list[str]] = mapped_column(ARRAY(UuidText), server_default="{}")
    position: Mapped[str] = mapped_column(Text(collation="C"), default=last_position)
    title: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    status: Mapped[str] = mapped_column(server_default="pending")
    priority: Mapped[str] = mapped_column(
        Enum(*(priority.value for priority in TaskPriority), name="task_priority"),
        server_default="none",
    )
    due_at: Mapped[datetime | None]
    labels: Mapped[list[str]] = mapped_column(server_default="{}")
    recurrence: Mapped[str | None]
    series: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    # It may be gone by now; it is kept so that there is never another.
    next_id: Mapped[str | None] = mapped_column(UuidText)
    task_metadata: Mapped[dict[str, Any]] = mapped_column("metadata", server_default="{}")
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    # The due times of which somebody was reminded, written by the reminder service alone.
    due_soon_for: Unmapped[Any] = unmapped_column(DateTime(timezone=True), nullable=True)
    overdue_for: Unmapped[Any] = unmapped_column(DateTime(timezone=True), nullable=True)
    # The words that are searched; if they were mapped, the ORM would read them after every change.
    # The discussion is what the comments say, written by the comment service.
    discussion: Unmapped[Any] = unmapped_column(TSVECTOR, server_default="", nullable=False)
    search: Unmapped[Any] = unmapped_column(
        TSVECTOR, Computed(SEARCH, persisted=True), nullable=False
    )


REVIEW = "review"  # the label of what agents propose as done

MONDAY_MORNING = "2026-03-02T09:00:00Z"
EVERY_MONDAY = "FREQ=WEEKLY;BYDAY=MO"
RECURS = (
    "An RRULE of RFC 5545, hourly at most: completing the task makes the next one. It counts from "
    "the due date, on the wall clock of your time zone."
)


class TaskCreate(Question):
    """A new task; without `project_id` it is personal."""

    title: Title = Field(examples=["Write the first chapter"])
    description: Prose = ""
    project_id: Id | None = None
    status: TaskStatus = Field(TaskStatus.PENDING, strict=False)
    priority: TaskPriority = Field(TaskPriority.NONE, strict=False)
    due_at: Instant | None = Field(None, examples=[MONDAY_MORNING])
    labels: Labels = Field(default_factory=list, examples=[["writing"]])
    assignee_id: Id | None = Field(
        None, description="Who is accountable for it: a member of the project."
    )
    delegate_id: Id | None = Field(
        None, description="The agent that is to do it: an editor of the project."
    )
    parent_id: Id | None = Field(None, description="The task that it is a part of.")
    blocked_by: Blockers = Field(
        default_factory=list, description="Tasks that must be completed before it."
    )
    recurrence: Recurrence | None = Field(None, examples=[EVERY_MONDAY], description=RECURS)
    metadata: JsonObject = Field(default_factory=dict, description="Yours; stored as it is.")


class TaskUpdate(Change):
    """What may change; members that are absent stay as they are."""

    title: Title = ""
    description: Prose = ""
    status: TaskStatus = Field(TaskStatus.PENDING, strict=False, examples=["completed"])
    priority: TaskPriority = Field(TaskPriority.NONE, strict=False)
    due_at: Instant | None = Field(None, examples=[MONDAY_MORNING])
    labels: Labels = Field(default_factory=list)
    assignee_id: Id | None = None
    delegate_id: Id | None = Field(
        None,
        description="Another agent, or none: that takes it from the agent that holds it. What is "
        "in progress is pending then, until the agent claims it; send a status to have another.",
    )
    parent_id: Id | None = None
    blocked_by: Blockers = Field(default_factory=list)
    recurrence: Recurrence | None = Field(
        None,
        examples=[EVERY_MONDAY],
        description=f"{RECURS} Another rule begins another series at the due date; null ends it. "
        "Another due date alone moves this task and not the series.",
    )
    metadata: JsonObject = Field(
        default_factory=dict, description="A JSON merge patch (RFC 7396): null removes a member."
    )


class TaskMove(Change):
    """Where a task goes; its subtasks, items, comments and time go along.

    Without `project_id` it stays in its project; null makes it personal again.
    """

    project_id: Id | None = None
    parent_id: Id | None = None
    before_id: Id = Field(
        "",
        description="The task that it comes right before.",
        examples=["0198c2f4-7d1b-7c3a-9f6e-2b1d5a4c8e70"],
    )
    after_id: Id = Field("", description="The task that it comes right after.")


TaskSort = Literal[
    "-created_at", "created_at", "due_at", "-priority", "-updated_at", "position", "relevance"
]


class TaskQuery(ListQuery):
    """Filters of the list of tasks."""

    project_id: Id | None = Field(None, description="Only tasks of this project.")
    status: TaskStatus | None = None
    assignee: Id | Literal["me"] | None = Field(None, description="A user's id, or me.")
    delegate: Id | Literal["me"] | None = Field(None, description="An agent's id, or me.")
    label: Label | None = None
    priority: TaskPriority | None = None
    due_before: Instant | None = None
    due_after: Instant | None = Field(None, description="At or after this instant.")
    parent_id: Id | None = Field(None, description="Only the subtasks of this task.")
    blocked_by: Id | None = Field(None, description="Only tasks that this task blocks.")
    search: SearchText | None = Field(
        None,
        description='Words in title, description or comments; "a phrase", or and -not work.',
    )
    sort: TaskSort | None = Field(
        None,
        description="Newest first by default, and when searching by relevance among the newest "
        "500 matches. Tasks without a due date come last.",
    )

    @model_validator(mode="after")
    def _rank_what_is_searched(self) -> "TaskQuery":
        if self.sort == "relevance" and self.search is None:
            raise ValueError("sort=relevance takes a search")
        return self


class Series(Schema):
    """Where in a series of tasks one stands."""

    timezone: str = Field(description="On whose wall clock the times are.", examples=["UTC"])
    starts_at: datetime = Field(description="When the first is due; the rule counts from it.")
    occurs_at: datetime = Field(description="When the rule wants this one; due_at may be moved.")


class Task(Resource):
    """A task."""

    project_id: Id | None
    created_by: Id
    assignee_id: Id | None = Field(description="Who is accountable for it.")
    delegate_id: Id | None = Field(description="The agent that does it, or is to.")
    parent_id: Id | None
    blocked_by: list[Id] = Field(description="Those that are open hold it up.")
    position: str = Field(description="Tasks sort by it; see before_id and after_id.")
    title: str
    description: str
    status: TaskStatus
    priority: TaskPriority
    due_at: datetime | None
    recurrence: str | None = Field(description="The rule of its series.", examples=[EVERY_MONDAY])
    series: Series | None
    next_id: Id | None = Field(description="The next of its series, once this one is done with.")
    labels: list[str]
    metadata: dict[str, Any] = Field(validation_alias="task_metadata")
    started_at: datetime | None = Field(description="When it was first put in progress.")
    completed_at: datetime | None


class Skipped(Schema):
    """What became of a task that was skipped."""

    skipped: Task
    next: Task | None = Field(description="The next of the series; null at its end.")


class TaskWarning(Schema):
    """What the rules of the project have against a change that was made all the same."""

    code: str = Field(examples=["task_blocked"])
    message: str
    task_ids: list[Id]


class ChangedTask(Task):
    """A task after a change, as it is read, and what speaks against the change."""

    warnings: list[TaskWarning] = Field(
        default_factory=list, exclude_if=lambda warnings: not warnings
    )


ExpectedVersion = Annotated[
    int | None,
    Field(description="Refuse when the task has another version; agents must name one."),
]


class BulkCreate(Question):
    """A task to make."""

    kind: Literal["create"]
    task: TaskCreate


class BulkUpdate(Question):
    """Fields to change."""

    kind: Literal["update"]
    id: Id
    task: TaskUpdate
    if_version: ExpectedVersion = None


class BulkMove(Question):
    """A task to put elsewhere."""

    kind: Literal["move"]
    id: Id
    to: TaskMove
    if_version: ExpectedVersion = None


class BulkDelete(Question):
    """A task to put into the trash, with its subtasks."""

    kind: Literal["delete"]
    id: Id
    if_version: ExpectedVersion = None


BulkChange = Annotated[BulkCreate | BulkUpdate | BulkMove | BulkDelete, Field(discriminator="kind")]


class TaskBulk(Question):
    """Changes that are made together, in this order, or not at all."""

    takes_versions = True

    changes: list[BulkChange] = Field(
        min_length=1,
        max_length=200,
        examples=[[{"kind": "create", "task": {"title": "Write the first chapter"}}]],
    )


class BulkOutcome(Schema):
    """What came of all the changes."""

    operation_id: Id = Field(description="Restores what was deleted, by POST /trash/{id}/restore.")
    tasks: list[ChangedTask | None] = Field(
        description="The task after each change; null where it was deleted."
    )
