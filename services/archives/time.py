"""Time of an archive."""

from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY

from models.archive import ArchivedTimeEntry
from models.base import UuidText
from models.event import EventType
from models.time_entry import TimeEntry, TimeEntryRow, TimeSource
from models.user import UserKind
from services.archives.run import ArchiveRun, ArchiveTable
from services.archives.tasks import NO_PLACE
from services.db_client import DatabaseClient, db
from services.event_service import EventService, event_service, scope_room
from services.imports.busy_times import BusyTimes
from services.imports.time_writer import FIND_BUSY, LONGEST_USUAL
from utils.helpers import utc_now

FIND = select(TimeEntryRow.id).where(
    TimeEntryRow.id == any_(bindparam("ids", type_=ARRAY(UuidText)))
)

Entries = list[ArchivedTimeEntry]


class ArchiveTime:
    """Records the time anew: each person's is theirs again, with the rates of then."""

    def __init__(self, database: DatabaseClient, events: EventService) -> None:
        self._table = ArchiveTable(
            database, events, TimeEntryRow, TimeEntry, EventType.TIME_ENTRY_IMPORTED
        )
        self._find = database.prepare(FIND)
        self._find_busy = database.prepare(FIND_BUSY)

    def write(self, run: ArchiveRun) -> None:
        """Record the entries that are not here yet.

        A timer that ran is stopped at the moment of the export. What overlaps time that is here
        already is kept and marked, as in every import.
        """
        new: Entries = []
        for line, entry in run.new("time_entries", self._find):
            if run.takes(entry.project_id):
                new.append(entry)
            else:
                run.leave_out("time_entries", line, NO_PLACE)
        busy = self._busy_times(run, new)
        # Those that the database will keep apart come first.
        new.sort(key=lambda entry: (entry.allow_overlap, entry.started_at))
        rows = [_values(run, entry, busy) for entry in new]
        rooms = {row["id"]: scope_room(row["project_id"], run.principal.id) for row in rows}
        self._table.insert(run, "time_entries", rows, rooms)

    def _busy_times(self, run: ArchiveRun, entries: Entries) -> defaultdict[str, BusyTimes]:
        """Return the time that each person has recorded here already."""
        busy: defaultdict[str, BusyTimes] = defaultdict(BusyTimes)
        if not entries:
            return busy
        rows = self._find_busy.all(
            user_ids=sorted({run.person(entry.user_id) for entry in entries}),
            earliest=min(entry.started_at for entry in entries) - LONGEST_USUAL,
            end=max(_end_of(run, entry) for entry in entries),
        )
        for row in rows:
            busy[row["user_id"]].take(row["started_at"], row["ended_at"] or utc_now())
        return busy


def _end_of(run: ArchiveRun, entry: ArchivedTimeEntry) -> datetime:
    return entry.ended_at or max(run.archive.made_at, entry.started_at)


def _values(
    run: ArchiveRun, entry: ArchivedTimeEntry, busy: defaultdict[str, BusyTimes]
) -> dict[str, Any]:
    person = run.people[entry.user_id]
    ended_at = _end_of(run, entry)
    # What others say of somebody's time must not block that person's own timer, nor tell those
    # others when it runs.
    foreign = person.newcomer and person.has_account and person.id != run.principal.id
    may_overlap = entry.allow_overlap or foreign
    # Who was an agent elsewhere may be a person here, whose archive this becomes.
    imported = foreign or ended_at == entry.started_at or entry.source is TimeSource.AGENT
    source = TimeSource.IMPORT if imported else entry.source
    overlaps = not may_overlap and busy[person.id].take(entry.started_at, ended_at)
    run.overlapping += overlaps
    return entry.model_dump() | {
        "id": run.here(entry.id),
        "user_id": person.id,
        "user_number": person.number,
        "project_id": run.project(entry.project_id),
        "task_id": run.task(entry.task_id),
        "ended_at": ended_at,
        "source": TimeSource.AGENT if person.kind is UserKind.AGENT else source,
        "allow_overlap": may_overlap or overlaps,
    }


archive_time = ArchiveTime(db, event_service)
