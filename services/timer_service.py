"""The timer: at most one running entry for each person, by the server's clock."""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, select

from models.base import columns_of
from models.event import EventType
from models.principal import Principal
from models.time_entry import (
    TimeEntry,
    TimeEntryRow,
    TimerStart,
    TimerStarted,
    TimerStopped,
    TimeSource,
)
from services.db_client import DatabaseClient, db
from services.time_entry_service import Place, TimeEntryService, time_entry_service
from utils.errors import ConflictError
from utils.helpers import utc_now

INSTANT = timedelta(microseconds=1)

# What runs for a lease ends with it.
IS_RUNNING = (
    TimeEntryRow.ended_at.is_(None),
    TimeEntryRow.deleted_at.is_(None),
    TimeEntryRow.lease_id.is_(None),
)
RUNNING = select(*columns_of(TimeEntryRow, TimeEntry)).where(
    TimeEntryRow.user_id == bindparam("me"), *IS_RUNNING
)


class TimerService:
    """Starts and stops; the entries themselves are the time entry service's."""

    def __init__(self, database: DatabaseClient, entries: TimeEntryService) -> None:
        self._db = database
        self._entries = entries
        self._running = database.prepare(RUNNING)

    def running(self, principal: Principal) -> TimeEntry | None:
        """Return the running entry, None when no timer runs."""
        row = self._running.first(me=principal.id)
        return TimeEntry.model_validate(row) if row else None

    def start(self, principal: Principal, body: TimerStart) -> TimerStarted:
        """Start a timer; a running one is stopped at exactly its start, or 409."""
        place = self._entries.place(principal, body.task_id, body.project_id)
        running = self._lock_running(principal.id)
        if running is not None and body.on_running == "reject":
            raise ConflictError(
                "A timer is running; stop it first, or send on_running=stop.",
                code="timer_running",
                conflicting_ids=[running.id],
            )
        return self._switch(principal, running, place, body.note, [])

    def stop(self, principal: Principal) -> TimerStopped:
        """Stop the timer; when none runs nothing happens."""
        return TimerStopped(stopped=self.stop_of(principal, principal.id))

    def stop_of(self, principal: Principal, user_id: str) -> TimeEntry | None:
        """Stop the timer of somebody whom the caller may end, as `stop` does for oneself."""
        running = self._lock_running(user_id)
        return self._close(principal, running, _now_after(running)) if running else None

    def resume(self, principal: Principal, entry_id: str) -> TimerStarted:
        """Start a timer for what an earlier entry was about."""
        earlier = self._entries.get(principal, entry_id)
        # A task tells where it is by now; it may have moved a moment ago.
        project_id = None if earlier.task_id else earlier.project_id
        place = self._entries.place(principal, earlier.task_id, project_id)
        running = self._lock_running(principal.id)
        return self._switch(principal, running, place, earlier.note, earlier.labels)

    def _lock_running(self, user_id: str) -> TimeEntryRow | None:
        self._entries.lock_person(user_id)
        query = select(TimeEntryRow).where(TimeEntryRow.user_id == user_id, *IS_RUNNING)
        # Its task may be on the move to another project.
        return self._db.session.scalars(query.with_for_update()).one_or_none()

    def _switch(
        self,
        principal: Principal,
        running: TimeEntryRow | None,
        place: Place,
        note: str,
        labels: list[str],
    ) -> TimerStarted:
        """Stop what runs and start the new entry, both at the same instant."""
        now = _now_after(running)
        stopped = self._close(principal, running, now) if running else None
        row = self._entries.new_row(principal, place, TimeSource.TIMER, now)
        row.note, row.labels = note, labels
        self._entries.check_free(row, now + INSTANT)
        self._db.session.add(row)
        self._db.session.flush()
        started = self._entries.changed(principal, row, EventType.TIME_ENTRY_STARTED)
        return TimerStarted(started=started, stopped=stopped)

    def _close(self, principal: Principal, row: TimeEntryRow, now: datetime) -> TimeEntry:
        """Stopping never fails: what overlaps time recorded by hand meanwhile is marked."""
        if self._entries.overlapping(row, now):
            row.allow_overlap = True
        row.ended_at = now
        self._db.session.flush()
        return self._entries.changed(principal, row, EventType.TIME_ENTRY_STOPPED)


def _now_after(running: TimeEntryRow | None) -> datetime:
    """Return this instant, or one behind the running start when the clock was set back."""
    now = utc_now()
    return now if running is None else max(now, running.started_at + INSTANT)


timer_service = TimerService(db, time_entry_service)
