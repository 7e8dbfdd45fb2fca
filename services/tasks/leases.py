"""The leases of tasks: how an agent's hold on one begins and ends, and what that does to the rest.

Whoever calls it has locked the task, so that nobody else begins or ends a lease of it meanwhile.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select

from models.event import EventType
from models.lease import Lease, LeaseRow, LeaseStatus
from models.principal import Principal
from models.task import REVIEW, Task, TaskRow, TaskStatus
from models.time_entry import TimeEntry, TimeEntryRow, TimeSource
from models.user import UserKind
from services.db_client import DatabaseClient
from services.event_service import EventService, project_room, scope_room
from services.project_service import ProjectService
from services.time_entry_service import Place, TimeEntryService
from utils.errors import ConflictError
from utils.helpers import new_id, utc_now

INSTANT = timedelta(microseconds=1)

TAKEN_OVER = "Somebody took the task over, gave it to another or moved it away."
SWITCHED_OFF = "The agent was switched off."


class TaskLeases:
    """Begins and ends leases, and the time that goes with them."""

    def __init__(
        self,
        database: DatabaseClient,
        events: EventService,
        projects: ProjectService,
        entries: TimeEntryService,
    ) -> None:
        self._db = database
        self._events = events
        self._projects = projects
        self._entries = entries

    def tell(self, actor_id: str, row: TaskRow) -> None:
        """Write a task that was changed by a lease, and tell its room."""
        self._db.session.flush()
        room = scope_room(row.project_id, row.created_by)
        self._events.record_by(actor_id, room, EventType.TASK_UPDATED, Task.model_validate(row))

    def begin(
        self, principal: Principal, row: TaskRow, seconds: int, *, was_delegated: bool
    ) -> Lease:
        """Give the task to an agent, whose time runs from now on."""
        now = utc_now()
        lease = LeaseRow(
            id=new_id(),
            task_id=row.id,
            project_id=row.scope_id,
            agent_id=principal.id,
            created_at=now,
            updated_at=now,
            seconds=seconds,
            expires_at=now + timedelta(seconds=seconds),
            was_delegated=was_delegated,
        )
        self._db.session.add(lease)
        self._db.session.flush()
        place = Place(row.id, row.project_id, self._projects.settings_of(row.scope_id))
        entry = self._entries.new_row(principal, place, TimeSource.AGENT, now)
        entry.lease_id = lease.id
        self._db.session.add(entry)
        self._db.session.flush()
        self._entries.changed(principal, entry, EventType.TIME_ENTRY_STARTED)
        return self._changed(principal.id, lease, EventType.LEASE_CREATED)

    def active(self, task_id: str) -> LeaseRow | None:
        """Return the active lease of a task, locked; None where nobody holds it."""
        query = select(LeaseRow).where(LeaseRow.task_id == task_id, LeaseRow.ended_at.is_(None))
        return self._db.session.scalars(query.with_for_update()).one_or_none()

    def is_proposed(self, row: TaskRow) -> bool:
        """Tell whether a person has yet to confirm what an agent has done."""
        if row.status != TaskStatus.IN_PROGRESS or REVIEW not in row.labels:
            return False
        query = select(LeaseRow.status).where(LeaseRow.task_id == row.id)
        latest = self._db.session.scalars(query.order_by(LeaseRow.id.desc()).limit(1)).first()
        return latest == LeaseStatus.PROPOSED

    def settle(self, principal: Principal, row: TaskRow) -> LeaseRow | None:
        """End the lease of a task that was changed by other ways than by its lease, if any.

        A person may always take a task over; ConflictError for other agents.
        """
        lease = self.active(row.id)
        if lease is None:
            return None
        if lease.agent_id != principal.id:
            _require_person(principal)
            self.take(principal.id, lease, TAKEN_OVER)
        elif row.status == TaskStatus.COMPLETED:
            self.end(principal.id, lease, LeaseStatus.COMPLETED)
        else:
            self.end(principal.id, lease, LeaseStatus.RELEASED)
        return lease

    def withdraw(self, principal: Principal, row: TaskRow) -> None:
        """Let whoever holds a task hold it no more, and the next one begin anew."""
        lease = self.settle(principal, row)
        if lease is not None:
            give_back(row, lease)

    def withdraw_all(self, principal: Principal, agent_id: str) -> None:
        """Take everything from an agent that it holds, since nobody lets it act any more."""
        for row, lease in self.held_by(agent_id):
            give_back(row, lease)
            self.tell(principal.id, row)
            self.take(principal.id, lease, SWITCHED_OFF)

    def held_by(
        self, agent_id: str, *conditions: ColumnElement[bool], most: int | None = None
    ) -> Iterator[tuple[TaskRow, LeaseRow]]:
        """Lock what an agent holds: tasks, each with its lease."""
        query = (
            select(TaskRow)
            .join(LeaseRow, LeaseRow.task_id == TaskRow.id)
            .where(LeaseRow.agent_id == agent_id, LeaseRow.ended_at.is_(None), *conditions)
            .order_by(TaskRow.id)
            .limit(most)
            .with_for_update(of=TaskRow)
        )
        for row in self._db.session.scalars(query).all():
            lease = self.active(row.id)
            if lease is not None and lease.agent_id == agent_id:  # else it ended a moment ago
                yield row, lease

    def take(self, actor_id: str, lease: LeaseRow, reason: str) -> None:
        """End a lease without its agent."""
        lease.reason = reason
        self.end(actor_id, lease, LeaseStatus.TAKEN_OVER)

    def end(
        self,
        actor_id: str,
        lease: LeaseRow,
        status: LeaseStatus,
        at: datetime | None = None,
    ) -> Lease:
        """End a lease and the time that runs for it, now or when the agent was last heard of."""
        lease.status, lease.ended_at = status, utc_now()
        if status is LeaseStatus.COMPLETED:
            lease.progress = 100
        self._db.session.flush()
        self._stop_time(actor_id, lease, at or lease.ended_at)
        return self._changed(actor_id, lease, EventType.LEASE_ENDED)

    def _stop_time(self, actor_id: str, lease: LeaseRow, at: datetime) -> None:
        query = select(TimeEntryRow).where(
            TimeEntryRow.lease_id == lease.id, TimeEntryRow.ended_at.is_(None)
        )
        entry = self._db.session.scalars(query.with_for_update()).one_or_none()
        if entry is None:
            return
        entry.ended_at = max(at, entry.started_at + INSTANT)
        self._db.session.flush()
        if entry.deleted_at is None:
            room = scope_room(entry.project_id, entry.user_id)
            stopped = TimeEntry.model_validate(entry)
            self._events.record_by(actor_id, room, EventType.TIME_ENTRY_STOPPED, stopped)

    def _changed(self, actor_id: str, lease: LeaseRow, event: EventType) -> Lease:
        """Tell the project of a lease; return it as it is now."""
        answer = Lease.model_validate(lease)
        self._events.record_by(actor_id, project_room(lease.project_id), event, answer)
        return answer


def _require_person(principal: Principal) -> None:
    if principal.kind is UserKind.AGENT:
        raise ConflictError(
            "Another agent holds this task; claim one of your own, or let a person take it over.",
            code="task_held",
        )


def give_back(row: TaskRow, lease: LeaseRow) -> None:
    """Make the task as it was before it was claimed; written with the next flush."""
    row.status, row.started_at = TaskStatus.PENDING, None
    if not lease.was_delegated:
        row.delegate_id = None
