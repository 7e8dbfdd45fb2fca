"""Writing the entries of an import into one project: tasks by name, time without doubles."""

import hashlib
import json
from collections import Counter, defaultdict
from datetime import timedelta
from typing import Any

from sqlalchemy import any_, bindparam, insert, or_, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from models.base import UuidText, columns_of
from models.event import EventType
from models.principal import Principal
from models.project import Project
from models.task import Task, TaskRow
from models.time_entry import LONG, TimeEntry, TimeEntryRow, TimeSource
from services.db_client import DatabaseClient, db
from services.event_service import EventService, event_service, project_room
from services.imports.busy_times import BusyTimes
from services.imports.contract import Progress, Source, Written, in_batches
from services.imports.people import ImportPeople, Person, import_people, person_key
from utils.helpers import new_id, utc_now
from utils.parsers import LineError, ParsedEntry

LONGEST_USUAL = timedelta(hours=24)  # longer entries are few and have an index

LIVE = TimeEntryRow.deleted_at.is_(None)

FIND_TASKS = select(TaskRow.id, TaskRow.title).where(
    TaskRow.scope_id == bindparam("project_id"),
    TaskRow.title == any_(bindparam("titles", type_=ARRAY(TaskRow.title.type))),
    TaskRow.deleted_at.is_(None),
)

FIND_KEYS = select(TimeEntryRow.import_key).where(
    TimeEntryRow.project_id == bindparam("project_id"),
    TimeEntryRow.import_key == any_(bindparam("keys", type_=ARRAY(TaskRow.title.type))),
    LIVE,
)

FIND_BUSY = (
    select(TimeEntryRow.user_id, TimeEntryRow.started_at, TimeEntryRow.ended_at)
    .where(
        TimeEntryRow.user_id == any_(bindparam("user_ids", type_=ARRAY(UuidText))),
        TimeEntryRow.started_at < bindparam("end"),
        or_(
            TimeEntryRow.started_at >= bindparam("earliest"),
            text(LONG),
        ),
        LIVE,
    )
    # Those that the database keeps apart come first.
    .order_by(TimeEntryRow.allow_overlap, TimeEntryRow.started_at)
)


class ImportWriter:
    """Writes time into one project inside the caller's transaction."""

    def __init__(
        self, database: DatabaseClient, events: EventService, people: ImportPeople
    ) -> None:
        self._db = database
        self._events = events
        self._people = people
        self._find_tasks = database.prepare(FIND_TASKS)
        self._find_keys = database.prepare(FIND_KEYS)
        self._find_busy = database.prepare(FIND_BUSY)

    def write(
        self,
        principal: Principal,
        project: Project | None,
        source: Source,
        entries: list[ParsedEntry],
        progress: Progress,
    ) -> Written:
        """Write the entries that are not there yet; time that belongs to no project is refused."""
        if project is None:
            return Written(errors=list(map(_without_project, entries)))
        keyed = _with_keys(source, entries)
        known = self._known_keys(project, list(keyed))
        new = {key: entry for key, entry in keyed.items() if key not in known}
        progress(len(known))
        people, people_made = self._people.resolve(
            principal, project, source.timezone, list(new.values())
        )
        tasks, tasks_made = self._resolve_tasks(principal, project, list(new.values()))
        busy = self._busy_times(people, list(new.values()))
        rows, overlapping = [], 0
        for key, entry in sorted(new.items(), key=lambda item: item[1].started_at):
            person = people[person_key(entry)]
            # What others say of somebody's time must not block that person's own timer, nor tell
            # those others when it runs.
            foreign = person.newcomer and person.has_account and person.id != principal.id
            overlaps = not foreign and busy[person.id].take(entry.started_at, entry.ended_at)
            overlapping += overlaps
            rows.append(
                _values(entry, source, project, person, tasks.get(entry.task), key)
                | {"allow_overlap": overlaps or foreign}
            )
        self._insert(principal, project, rows, progress)
        return Written(
            created=len(rows),
            matched=len(known),
            overlapping=overlapping,
            people_created=people_made,
            tasks_created=tasks_made,
        )

    def _known_keys(self, project: Project, keys: list[str]) -> set[str]:
        return {
            row["import_key"]
            for batch in in_batches(keys)
            for row in self._find_keys.all(project_id=project.id, keys=batch)
        }

    def _resolve_tasks(
        self, principal: Principal, project: Project, entries: list[ParsedEntry]
    ) -> tuple[dict[str, str], int]:
        """Return the ids of the tasks named in `entries` by title, and how many were made."""
        titles = sorted({entry.task for entry in entries if entry.task})
        found = self._find_tasks.all(project_id=project.id, titles=titles)
        tasks = {row["title"]: row["id"] for row in found}
        missing = [title for title in titles if title not in tasks]
        rows: list[dict[str, Any]] = [
            {"id": new_id(), "title": title, "project_id": project.id, "created_by": principal.id}
            for title in missing
        ]
        for batch in in_batches(rows):
            made = self._db.session.execute(
                insert(TaskRow).returning(*columns_of(TaskRow, Task)), batch
            )
            for row in made.mappings():
                task = Task.model_validate(dict(row))
                tasks[task.title] = task.id
                self._events.record(
                    principal, project_room(project.id), EventType.TASK_CREATED, task
                )
        return tasks, len(missing)

    def _busy_times(
        self, people: dict[str, Person], entries: list[ParsedEntry]
    ) -> defaultdict[str, BusyTimes]:
        """Return the time that each person has recorded already."""
        busy: defaultdict[str, BusyTimes] = defaultdict(BusyTimes)
        if not entries:
            return busy
        user_ids = [person.id for person in people.values()]
        earliest = min(entry.started_at for entry in entries) - LONGEST_USUAL
        end = max(entry.ended_at for entry in entries)
        for row in self._find_busy.all(user_ids=user_ids, earliest=earliest, end=end):
            busy[row["user_id"]].take(row["started_at"], row["ended_at"] or utc_now())
        return busy

    def _insert(
        self,
        principal: Principal,
        project: Project,
        rows: list[dict[str, Any]],
        progress: Progress,
    ) -> None:
        statement = insert(TimeEntryRow).returning(*columns_of(TimeEntryRow, TimeEntry))
        for batch in in_batches(rows):
            for row in self._db.session.execute(statement, batch).mappings():
                entry = TimeEntry.model_validate(dict(row))
                self._events.record(
                    principal, project_room(project.id), EventType.TIME_ENTRY_IMPORTED, entry
                )
            progress(len(batch))


def _with_keys(source: Source, entries: list[ParsedEntry]) -> dict[str, ParsedEntry]:
    """Return each entry by what identifies it in this and later imports of the same lines.

    Lines that are the same to the letter are counted: the third of them is the third again.
    """
    seen: Counter[str] = Counter()
    keyed = {}
    for entry in entries:
        content = [
            source.format, person_key(entry), entry.started_at.isoformat(),
            entry.ended_at.isoformat(), entry.project, entry.client, entry.task, entry.note,
            entry.labels, entry.billable,
        ]  # fmt: skip
        text = json.dumps(content)
        seen[text] += 1
        digest = hashlib.sha256(f"{text}#{seen[text]}".encode()).hexdigest()
        keyed[digest[:32]] = entry
    return keyed


def _values(
    entry: ParsedEntry,
    source: Source,
    project: Project,
    person: Person,
    task_id: str | None,
    import_key: str,
) -> dict[str, Any]:
    return {
        "id": new_id(),
        "user_id": person.id,
        "user_number": person.number,
        "project_id": project.id,
        "task_id": task_id,
        "note": entry.note,
        "labels": list(entry.labels),
        "started_at": entry.started_at,
        "ended_at": entry.ended_at,
        "timezone": source.timezone,
        "billable": entry.billable,
        "rate_minor": entry.rate_minor,
        "currency": entry.currency,
        "source": TimeSource.IMPORT,
        "import_key": import_key,
    }


def _without_project(entry: ParsedEntry) -> LineError:
    return LineError(entry.line, "Project", "names no project; send project_id to say where to")


import_writer = ImportWriter(db, event_service, import_people)
