"""Time entries: how long it took, and the running timer."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field, computed_field
from sqlalchemy import BigInteger, Boolean, CheckConstraint, Computed, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
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
from utils.validators import Id, Instant, Labels, Note, ZoneName

LIVE = text("deleted_at IS NULL")
TRASHED = text("operation_id IS NOT NULL")
LONG = "(ended_at IS NULL OR ended_at - started_at > '24:00:00')"

# Each person has a stretch of the number line of their own, wide enough for any instant in
# seconds; so one range type of core PostgreSQL tells whether two entries of a person overlap.
BUSY = (
    "numrange("
    "user_number::numeric * 1000000000000 + EXTRACT(epoch FROM started_at AT TIME ZONE 'UTC'), "
    "user_number::numeric * 1000000000000 + EXTRACT(epoch FROM ended_at AT TIME ZONE 'UTC'))"
)


class TimeSource(StrEnum):
    """How an entry came about; that of an agent is always `agent`, and that of people never."""

    TIMER = "timer"
    MANUAL = "manual"
    AGENT = "agent"
    IMPORT = "import"


class TimeEntryRow(Identified, Versioned, Trashable, Base):
    """A stretch of somebody's time, half-open: [started_at, ended_at); running without an end.

    `scope_id` is the project's id or else the person's, as for tasks.
    """

    __tablename__ = "time_entries"
    __table_args__ = (
        Index(
            "uq_time_entries_running",
            "user_id",
            unique=True,
            # An agent may hold several tasks, each of which takes its time.
            postgresql_where=text("ended_at IS NULL AND deleted_at IS NULL AND lease_id IS NULL"),
        ),
        Index(
            "uq_time_entries_lease_id",
            "lease_id",
            unique=True,
            postgresql_where=text("lease_id IS NOT NULL"),
        ),
        ExcludeConstraint(
            (text(BUSY), "&&"),
            name="ex_time_entries_overlap",
            using="gist",
            where=text("deleted_at IS NULL AND ended_at IS NOT NULL AND NOT allow_overlap"),
        ),
        Index(
            "ix_time_entries_user_id_started_at_id",
            "user_id",
            text("started_at DESC"),
            text("id DESC"),
            postgresql_where=LIVE,
        ),
        Index(
            "ix_time_entries_scope_id_started_at_id",
            "scope_id",
            text("started_at DESC"),
            text("id DESC"),
            postgresql_where=LIVE,
        ),
        # Entries of over a day are few: reports find them here, and all others by their start.
        Index(
            "ix_time_entries_long",
            "scope_id",
            "started_at",
            postgresql_where=text(f"deleted_at IS NULL AND {LONG}"),
        ),
        Index(
            "ix_time_entries_long_by_user",
            "user_id",
            "started_at",
            postgresql_where=text(f"deleted_at IS NULL AND {LONG}"),
        ),
        Index(
            "ix_time_entries_forgotten",
            "started_at",
            postgresql_where=text("ended_at IS NULL AND deleted_at IS NULL AND NOT long_told"),
        ),
        # With those in the trash: they are looked for, too, before a task is deleted for good.
        Index(
            "ix_time_entries_task_id_started_at",
            "task_id",
            text("started_at DESC"),
            postgresql_where=text("task_id IS NOT NULL"),
        ),
        Index(
            "uq_time_entries_import_key",
            "import_key",  # a digest: first, because it alone picks the row
            "project_id",
            unique=True,
            postgresql_where=LIVE,
        ),
        Index("ix_time_entries_operation_id", "operation_id", postgresql_where=TRASHED),
        CheckConstraint(
            "ended_at > started_at OR (ended_at = started_at AND source IN ('import', 'agent'))",
            name="span",
        ),
        CheckConstraint("source IN ('timer', 'manual', 'agent', 'import')", name="source"),
    )

    user_id: Mapped[str] = mapped_column(UuidText, ForeignKey("users.id"))
    user_number: Mapped[int] = mapped_column(BigInteger)
    project_id: Mapped[str | None] = mapped_column(UuidText, ForeignKey("projects.id"))
    task_id: Mapped[str | None] = mapped_column(UuidText, ForeignKey("tasks.id"))
    scope_id: Mapped[str] = mapped_column(
        UuidText, Computed("COALESCE(project_id, user_id)", persisted=True)
    )
    note: Mapped[str] = mapped_column(server_default="")
    labels: Mapped[list[str]] = mapped_column(server_default="{}")
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    timezone: Mapped[str]
    billable: Mapped[bool] = mapped_column(server_default="false")
    rate_minor: Mapped[int | None]
    currency: Mapped[str | None]
    source: Mapped[str]
    allow_overlap: Mapped[bool] = mapped_column(server_default="false")
    lease_id: Mapped[str | None] = mapped_column(
        UuidText, ForeignKey("leases.id", ondelete="SET NULL")
    )
    import_key: Mapped[str | None]
    # Whether somebody was told that it has run for long, written by the reminder service alone.
    long_told: Unmapped[bool] = unmapped_column(Boolean, server_default="false", nullable=False)


class TimeEntryCreate(Question):
    """Time recorded by hand; naming a task implies its project."""

    started_at: Instant = Field(examples=["2026-03-02T09:00:00+01:00"])
    ended_at: Instant = Field(examples=["2026-03-02T10:30:00+01:00"])
    task_id: Id | None = None
    project_id: Id | None = None
    note: Note = ""
    labels: Labels = Field(default_factory=list)
    timezone: ZoneName | None = Field(None, description="Where it was worked; yours by default.")
    billable: bool | None = Field(None, description="The project's setting by default.")
    allow_overlap: bool = Field(False, description="Keep it although it overlaps another entry.")


class TimeEntryUpdate(Change):
    """What may change; `ended_at` of a running entry is set by stopping the timer."""

    started_at: Instant = datetime.min.replace(tzinfo=UTC)
    ended_at: Instant = datetime.min.replace(tzinfo=UTC)
    task_id: Id | None = None
    project_id: Id | None = None
    note: Note = Field("", examples=["Second draft"])
    labels: Labels = Field(default_factory=list)
    timezone: ZoneName = ""
    billable: bool = False
    allow_overlap: bool = False


class TimerStart(Question):
    """What to time; everything may be filled in later."""

    task_id: Id | None = None
    project_id: Id | None = None
    note: Note = Field("", examples=["First draft"])
    on_running: Literal["stop", "reject"] = Field(
        "stop", description="Whether a running timer is stopped, or 409 is answered."
    )


class TimeEntryQuery(ListQuery):
    """Filters of the list of time entries: yours, or with `project_id` those of a project."""

    project_id: Id | None = Field(None, description="All entries of this project, of all people.")
    user_id: Id | None = Field(None, description="With project_id: only this person's.")
    task_id: Id | None = None
    started_after: Instant | None = Field(None, description="Started at or after this instant.")
    started_before: Instant | None = None
    sort: Literal["-started_at", "started_at"] = "-started_at"


class TimeEntry(Resource):
    """A time entry."""

    user_id: Id
    project_id: Id | None
    task_id: Id | None
    note: str
    labels: list[str]
    started_at: datetime
    ended_at: datetime | None = Field(description="Null while the timer runs.")
    timezone: str
    billable: bool
    rate_minor: int | None = Field(description="Rate per hour, in minor units, when it started.")
    currency: str | None
    source: TimeSource
    allow_overlap: bool
    lease_id: Id | None = Field(description="The agent's hold on a task that it ran for.")

    @computed_field(description="Elapsed seconds; null while the timer runs.")  # type: ignore[prop-decorator]  # mypy cannot type a decorated property
    @property
    def seconds(self) -> int | None:
        """Elapsed time, daylight saving or not."""
        if self.ended_at is None:
            return None
        return round((self.ended_at - self.started_at).total_seconds())


class TimerStarted(Schema):
    """The entry that runs now, and the one that ran before."""

    started: TimeEntry
    stopped: TimeEntry | None


class TimerStopped(Schema):
    """The entry that was running."""

    stopped: TimeEntry | None = Field(description="Null when no timer ran.")
