"""The archive of an account: what its files hold, line by line.

A ZIP of `manifest.json` and one file of JSON lines for each kind of record; the tables beside them
are for people. What one record refers to is a record of the same archive, or is left out.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, NonNegativeInt, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from models.base import Question
from models.item import ItemStatus
from models.membership import ProjectRole
from models.project import ProjectSettings
from models.task import TaskPriority, TaskStatus
from models.time_entry import TimeSource
from models.user import UserKind
from utils.positions import is_position
from utils.validators import (
    NO_NUL,
    NOT_BLANK,
    Blockers,
    Id,
    Instant,
    JsonObject,
    Labels,
    Name,
    Note,
    Prose,
    Recurrence,
    Remark,
    Title,
    ZoneName,
)

ARCHIVE_FORMAT, ARCHIVE_VERSION = "stint", 1

EMPTY_SOURCES = (TimeSource.IMPORT, TimeSource.AGENT)  # of entries without a length


def _check_position(text: str) -> str:
    if not is_position(text):
        raise PydanticCustomError("position", "must be a position as Stint makes them")
    return text


# An account that an import made may be called by its address.
PersonName = Annotated[str, StringConstraints(min_length=1, max_length=254, pattern=NOT_BLANK)]
Address = Annotated[
    str, StringConstraints(to_lower=True, min_length=1, max_length=254, pattern=NOT_BLANK)
]
Position = Annotated[str, AfterValidator(_check_position)]
ShortText = Annotated[str, StringConstraints(max_length=200, pattern=NO_NUL)]


class Manifest(Question):
    """What is in the archive; `sha256` is that of each kind's file."""

    format: Literal["stint"]
    version: Literal[1]
    made_at: Instant
    counts: dict[str, NonNegativeInt]
    sha256: dict[str, str]


class ArchivedUser(Question):
    """Whose archive it is."""

    id: Id
    name: PersonName
    email: Address | None
    timezone: ZoneName


class ArchivedAgent(Question):
    """An agent of theirs."""

    id: Id
    name: PersonName
    agent_kind: ShortText
    description: Prose
    capabilities: Labels = Field(default_factory=list)  # archives of before there were do without
    agent_metadata: JsonObject
    timezone: ZoneName
    created_at: Instant
    updated_at: Instant


class ArchivedPerson(Question):
    """Somebody else whom the archive mentions; with an address when in a project of theirs."""

    id: Id
    kind: UserKind = Field(strict=False)
    name: PersonName
    email: Address | None

    @model_validator(mode="after")
    def _check_address(self) -> Self:
        if self.kind is UserKind.AGENT and self.email is not None:
            raise PydanticCustomError("email", "must be null for agents")
        return self


class ArchivedProject(Question):
    """A project that they belong to; the role is theirs."""

    id: Id
    name: Name
    description: Prose
    settings: ProjectSettings
    archived: bool
    role: ProjectRole = Field(strict=False)
    created_by: Id
    created_at: Instant
    updated_at: Instant


class ArchivedMember(Question):
    """Somebody in a project that they own, or themselves in any other."""

    project_id: Id
    user_id: Id
    role: ProjectRole = Field(strict=False)
    created_at: Instant


class ArchivedSeries(Question):
    """Where in a series of tasks one stands."""

    timezone: ZoneName
    starts_at: Instant
    occurs_at: Instant


class ArchivedTask(Question):
    """A task: theirs, or of a project of theirs."""

    id: Id
    project_id: Id | None
    created_by: Id
    assignee_id: Id | None
    parent_id: Id | None
    blocked_by: Blockers
    position: Position
    title: Title
    description: Prose
    status: TaskStatus = Field(strict=False)
    priority: TaskPriority = Field(strict=False)
    due_at: Instant | None
    # Archives of before there were series and delegates do without.
    recurrence: Recurrence | None = None
    series: ArchivedSeries | None = None
    next_id: Id | None = None
    delegate_id: Id | None = None
    labels: Labels
    metadata: JsonObject
    started_at: Instant | None
    completed_at: Instant | None
    created_at: Instant
    updated_at: Instant


class ArchivedItem(Question):
    """A line of their inbox, or of the checklist of one of the tasks."""

    id: Id
    created_by: Id
    task_id: Id | None
    promoted_task_id: Id | None
    name: Name
    description: Prose
    status: ItemStatus = Field(strict=False)
    position: Position
    created_at: Instant
    updated_at: Instant


class ArchivedComment(Question):
    """What was said about one of the tasks."""

    id: Id
    task_id: Id
    created_by: Id
    body: Remark
    mentions: list[Id]
    created_at: Instant
    updated_at: Instant


class ArchivedTimeEntry(Question):
    """A stretch of their time, or of somebody's in a project of theirs."""

    id: Id
    user_id: Id
    project_id: Id | None
    task_id: Id | None
    note: Note
    labels: Labels
    started_at: Instant
    ended_at: Instant | None
    timezone: ZoneName
    billable: bool
    rate_minor: int | None = Field(ge=0, le=100_000_000)
    currency: str | None = Field(pattern=r"^[A-Z]{3}$")
    source: TimeSource = Field(strict=False)
    allow_overlap: bool
    created_at: Instant
    updated_at: Instant

    @model_validator(mode="after")
    def _check_span(self) -> Self:
        if self.ended_at is None or self.ended_at > self.started_at:
            return self
        if self.ended_at == self.started_at and self.source in EMPTY_SOURCES:
            return self
        raise PydanticCustomError("span", "must end after it starts")


RECORDS: dict[str, type[Question]] = {
    "user": ArchivedUser,
    "agents": ArchivedAgent,
    "people": ArchivedPerson,
    "projects": ArchivedProject,
    "members": ArchivedMember,
    "tasks": ArchivedTask,
    "items": ArchivedItem,
    "comments": ArchivedComment,
    "time_entries": ArchivedTimeEntry,
}


NOTIFICATIONS_TABLE = "notifications.csv"  # what they were told of; for people alone


def file_of(kind: str) -> str:
    """Return the name of the file with the records of a kind."""
    return "user.json" if kind == "user" else f"{kind}.jsonl"


def table_of(kind: str) -> str:
    """Return the name of the table with them."""
    return f"{kind}.csv"


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive that was read and found sound."""

    made_at: datetime
    user: ArchivedUser
    agents: list[ArchivedAgent] = field(default_factory=list)
    people: list[ArchivedPerson] = field(default_factory=list)
    projects: list[ArchivedProject] = field(default_factory=list)
    members: list[ArchivedMember] = field(default_factory=list)
    tasks: list[ArchivedTask] = field(default_factory=list)
    items: list[ArchivedItem] = field(default_factory=list)
    comments: list[ArchivedComment] = field(default_factory=list)
    time_entries: list[ArchivedTimeEntry] = field(default_factory=list)

    def __len__(self) -> int:
        """Return how many records there are."""
        return sum(len(getattr(self, kind)) for kind in RECORDS if kind != "user")
