"""Bringing back time."""

from sqlalchemy import ColumnElement, select

from models.event import EventType
from models.principal import Principal
from models.time_entry import TimeEntryRow
from services.db_client import DatabaseClient
from services.time_entry_service import TimeEntryService
from services.timer_service import IS_RUNNING
from services.trash.outcome import Outcome
from services.trash.places import Places
from utils.errors import ConflictError, ServiceError
from utils.helpers import utc_now


class TimeEntryRestorer:
    """Time comes back where nothing else was recorded meanwhile."""

    kind = "time_entry"

    def __init__(self, database: DatabaseClient, entries: TimeEntryService, places: Places) -> None:
        self._db = database
        self._entries = entries
        self._places = places

    def restore(self, principal: Principal, operation_id: str) -> Outcome:
        """Bring back entries that the caller may correct and that overlap no other."""
        outcome = Outcome()
        deleted = TimeEntryRow.operation_id == operation_id
        people = self._db.session.scalars(select(TimeEntryRow.user_id).where(deleted).distinct())
        for user_id in sorted(people):
            self._entries.lock_person(user_id)
        query = select(TimeEntryRow).where(deleted).order_by(TimeEntryRow.id).with_for_update()
        for row in self._db.session.scalars(query).all():
            try:
                self._check(principal, row)
            except ServiceError as error:
                outcome.note(self.kind, row.id, error.code, error.detail)
                continue
            row.take_out_of_trash()
            self._db.session.flush()
            self._entries.changed(principal, row, EventType.TIME_ENTRY_RESTORED)
            outcome.restored += 1
        return outcome

    def _check(self, principal: Principal, row: TimeEntryRow) -> None:
        if row.project_id is not None:
            self._places.check_project(principal, row.project_id)
        self._entries.check_may_correct(principal, row.user_id, row.project_id)
        self._check_unique(row)
        self._entries.check_free(row, row.ended_at or utc_now())

    def _check_unique(self, row: TimeEntryRow) -> None:
        """Refuse what may be there only once, however much the entries of a person may overlap."""
        is_timer = row.ended_at is None and row.lease_id is None
        if is_timer and self._is_there(TimeEntryRow.user_id == row.user_id, *IS_RUNNING):
            raise ConflictError(
                "This timer was running and now another one is; stop that first.",
                code="timer_running",
            )
        if row.import_key is not None and self._is_there(
            TimeEntryRow.import_key == row.import_key, TimeEntryRow.project_id == row.project_id
        ):
            raise ConflictError(
                "The same line was imported again meanwhile; this one would be its double.",
                code="imported_again",
            )

    def _is_there(self, *conditions: ColumnElement[bool]) -> bool:
        query = select(TimeEntryRow.id).where(TimeEntryRow.deleted_at.is_(None), *conditions)
        return self._db.session.scalars(query).first() is not None
