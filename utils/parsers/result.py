"""What every parser gives back, and how it refuses."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Literal, TypeVar

from utils.errors import UnprocessableError

Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True)
class ParsedEntry:
    """One stretch of somebody's time.

    `line` is the physical line of the file, from 1, on which the record begins. Both instants are
    in UTC and may be the same. At least one of `person_name` and `person_email` is given; every
    other text may be empty. `rate_minor` is an hourly rate in hundredths of `currency`; both are
    None or neither is.
    """

    line: int
    person_name: str
    person_email: str
    project: str
    client: str
    task: str
    note: str
    labels: tuple[str, ...]
    billable: bool
    started_at: datetime
    ended_at: datetime
    rate_minor: int | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class ParsedItem:
    """A line of a task's checklist; what its name has no room for is the description."""

    name: str
    description: str
    done: bool


@dataclass(frozen=True, slots=True)
class ParsedTask:
    """A task.

    `line` is the physical line of the file, from 1, on which the record begins. `key` tells the
    task from all others of the file, and is the same in a later file. `parent` is the line of the
    task that it is a part of, and `level` counts from 1 for those without. Instants are in UTC.
    `details` is what there is no other place for, as the file has it.
    """

    line: int
    key: str
    project: str
    title: str
    description: str
    labels: tuple[str, ...]
    status: Literal["pending", "completed", "cancelled"]
    priority: Literal["none", "low", "medium", "high"]
    due_at: datetime | None
    completed_at: datetime | None
    order: int
    parent: int | None
    level: int
    items: tuple[ParsedItem, ...]
    details: dict[str, str]


@dataclass(frozen=True, slots=True)
class LineError:
    """Why a record was left out; `column` is empty where the record as a whole is at fault.

    With the severity `warning` it came in all the same, but not quite as the file has it.
    """

    line: int
    column: str
    message: str
    severity: Literal["error", "warning"] = "error"


@dataclass(frozen=True, slots=True)
class ParsedFile(Generic[Entry]):
    """Entries and errors in the order of the file; a record is in one of the two.

    An entry is what the file is about: a stretch of time, or a task. `unknown_columns` are those
    that the format is not known to have: nothing was read from them.
    """

    entries: list[Entry] = field(default_factory=list)
    errors: list[LineError] = field(default_factory=list)
    unknown_columns: list[str] = field(default_factory=list)


class UnreadableFileError(UnprocessableError):
    """Nothing in the file can be read; the reason tells the person what to do about it."""

    default_code = "unreadable_file"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)


class BadCellError(ValueError):
    """A value does not fit its column; the message completes a line's error."""
