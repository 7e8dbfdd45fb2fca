"""One import of an archive: what came of it so far."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert

from models.archive import Archive, file_of
from models.base import Base, Resource, columns_of
from models.event import EventType
from models.imports import LineProblem
from models.principal import Principal
from services.archives.people import People
from services.db_client import DatabaseClient
from services.event_service import EventService
from services.prepared import Prepared
from utils.helpers import copied_id

BATCH = 100  # rows; other requests of the worker get their turn between batches


@dataclass
class ArchiveRun:
    """Who imports what, where things go, and the counts; keys are ids in the archive.

    `projects` are those that take things, by their ids here. `tasks` holds the project of each
    task that others may refer to: neither in the trash nor moved elsewhere by now.
    """

    principal: Principal
    archive: Archive
    people: People
    progress: Callable[[int], None]
    counts: Counter[str] = field(default_factory=Counter)
    matched: int = 0
    overlapping: int = 0
    skipped: int = 0
    problems: list[LineProblem] = field(default_factory=list)
    projects: dict[str, str] = field(default_factory=dict)
    tasks: dict[str, str | None] = field(default_factory=dict)

    def here(self, original_id: str) -> str:
        """Return the id that a thing of the archive has, or gets, here."""
        return copied_id(self.principal.id, original_id)

    def person(self, original_id: str) -> str:
        """Return who somebody is here."""
        return self.people[original_id].id

    def is_deleted(self, original_id: str) -> bool:
        """Tell whether somebody is an agent that was deleted here."""
        return self.people[original_id].deleted

    def task(self, original_id: str | None) -> str | None:
        """Return the id of a task, None where it cannot be referred to."""
        return self.here(original_id) if original_id in self.tasks else None

    def takes(self, project_id: str | None) -> bool:
        """Tell whether new things may go into a project; None is what is private."""
        return project_id is None or project_id in self.projects

    def project(self, original_id: str | None) -> str | None:
        """Return the id of a project that takes things."""
        return None if original_id is None else self.projects[original_id]

    def leave_out(self, kind: str, line: int, reason: str) -> None:
        """Note that a record does not come in."""
        self.skipped += 1
        self.problems.append(
            LineProblem(line=line, column=file_of(kind), message=reason, severity="error")
        )

    def warn(self, kind: str, line: int, message: str) -> None:
        """Note that a record comes in, but not quite as the archive has it."""
        self.problems.append(
            LineProblem(line=line, column=file_of(kind), message=message, severity="warning")
        )

    def new(self, kind: str, find: Prepared) -> list[tuple[int, Any]]:
        """Return the records of a kind that are not here yet, with their lines."""
        records = getattr(self.archive, kind)
        found = {
            row["id"]
            for batch in batches(records)
            for row in find.all(ids=[self.here(record.id) for record in batch])
        }
        self.matched += len(found)
        self.progress(len(found))
        numbered = enumerate(records, 1)
        return [(line, record) for line, record in numbered if self.here(record.id) not in found]


class ArchiveTable:
    """Inserts copies into one table, with their events."""

    def __init__(
        self,
        database: DatabaseClient,
        events: EventService,
        row: type[Base],
        answer: type[Resource],
        event: EventType,
    ) -> None:
        self._db = database
        self._events = events
        self._insert = insert(row).returning(*columns_of(row, answer))
        self._answer = answer
        self._event = event

    def insert(
        self, run: ArchiveRun, kind: str, rows: list[dict[str, Any]], rooms: dict[str, str]
    ) -> None:
        """Write rows; `rooms` says by their ids where they are announced."""
        for batch in batches(rows):
            for made in self._db.session.execute(self._insert, batch).mappings():
                subject = self._answer.model_validate(dict(made))
                self._events.record(run.principal, rooms[subject.id], self._event, subject)
            run.progress(len(batch))
        run.counts[kind] += len(rows)


def batches(items: list[Any]) -> Iterable[list[Any]]:
    """Cut a list into handy pieces."""
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))
