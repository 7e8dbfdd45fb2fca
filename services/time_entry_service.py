"""Time entries: time recorded by hand, and what the timer recorded."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, or_, select, text

from models.base import apply_changes, columns_of
from models.event import EventType
from models.membership import ProjectRole
from models.principal import Principal
from models.project import ProjectSettings
from models.time_entry import (
    BUSY,
    TimeEntry,
    TimeEntryCreate,
    TimeEntryQuery,
    TimeEntryRow,
    TimeEntryUpdate,
    TimeSource,
)
from models.user import UserKind, UserRow
from services.access_service import (
    ME,
    AccessService,
    access_service,
    is_member,
    not_found,
)
from services.db_client import DatabaseClient, db
from services.event_service import EventService, event_service, scope_room
from services.listing import LIMIT, OFFSET, Build, Listing, Order
from services.operation_service import OperationService, operation_service
from services.project_service import ProjectService, project_service
from services.task_access import TaskAccess, task_access
from utils.errors import BadRequestError, ConflictError, ForbiddenError
from utils.helpers import new_id, utc_now
from utils.pages import Page
from utils.preconditions import IfMatch

LIVE = TimeEntryRow.deleted_at.is_(None)

GET = select(*columns_of(TimeEntryRow, TimeEntry)).where(
    TimeEntryRow.id == bindparam("id"),
    LIVE,
    or_(TimeEntryRow.user_id == ME, is_member(TimeEntryRow.scope_id)),
)

# Closed entries are found by the index of the constraint that keeps them apart; the running one
# takes the time up to now.
OVERLAPPING = text(
    f"""
    SELECT id FROM time_entries
    WHERE deleted_at IS NULL AND ended_at IS NOT NULL AND NOT allow_overlap AND id <> :id
      AND {BUSY} && numrange(
        CAST(:number AS numeric) * 1000000000000
            + EXTRACT(epoch FROM CAST(:started_at AS timestamptz) AT TIME ZONE 'UTC'),
        CAST(:number AS numeric) * 1000000000000
            + EXTRACT(epoch FROM CAST(:ended_at AS timestamptz) AT TIME ZONE 'UTC'))
    UNION ALL
    SELECT id FROM time_entries
    WHERE user_id = :user_id AND deleted_at IS NULL AND ended_at IS NULL AND NOT allow_overlap
      AND id <> :id AND started_at < :ended_at AND now() > :started_at
    LIMIT 20
    """  # noqa: S608 - BUSY is a constant
)

ORDERS = {
    "-started_at": Order(
        {"started_at": TimeEntryRow.started_at, "id": TimeEntryRow.id}, descending=True
    ),
    "started_at": Order(
        {"started_at": TimeEntryRow.started_at, "id": TimeEntryRow.id}, descending=False
    ),
}

FILTERS = {
    "user_id": TimeEntryRow.user_id == bindparam("user_id"),
    "task_id": TimeEntryRow.task_id == bindparam("task_id"),
    "started_after": TimeEntryRow.started_at >= bindparam("started_after"),
    "started_before": TimeEntryRow.started_at < bindparam("started_before"),
}

MINE = TimeEntryRow.user_id == ME
OF_PROJECT = and_(
    TimeEntryRow.scope_id == bindparam("project_id"), is_member(TimeEntryRow.scope_id)
)


def _page_of(scope: ColumnElement[bool]) -> Build:
    def build(conditions: list[ColumnElement[bool]], order: Order) -> Select[Any]:
        return (
            select(*columns_of(TimeEntryRow, TimeEntry), *order.cursor_columns())
            .where(scope, LIVE, *conditions)
            .order_by(*order.clauses())
            .limit(LIMIT)
            .offset(OFFSET)
        )

    return build


@dataclass(frozen=True, slots=True)
class Place:
    """Where time goes: a task, a project or neither, and how that is billed."""

    task_id: str | None
    project_id: str | None
    settings: ProjectSettings


class TimeEntryService:
    """Recording, reading and correcting time."""

    def __init__(
        self,
        database: DatabaseClient,
        events: EventService,
        access: AccessService,
        projects: ProjectService,
        tasks: TaskAccess,
        operations: OperationService,
    ) -> None:
        self._db = database
        self._events = events
        self._access = access
        self._projects = projects
        self._tasks = tasks
        self._operations = operations
        self._get = database.prepare(GET)
        self._overlapping = database.prepare(OVERLAPPING)
        self._mine = Listing("time entries", database, _page_of(MINE), FILTERS, ORDERS)
        self._of_project = Listing(
            "time entries of a project", database, _page_of(OF_PROJECT), FILTERS, ORDERS
        )

    def get(self, principal: Principal, entry_id: str) -> TimeEntry:
        """Return one's own entry, or one of a project that one belongs to."""
        row = self._get.first(id=entry_id, me=principal.id)
        if row is None:
            raise not_found()
        return TimeEntry.model_validate(row)

    def page(self, principal: Principal, query: TimeEntryQuery) -> Page[TimeEntry]:
        """Return one's own entries, or everybody's in a project."""
        values = query.set_filters() | {"me": principal.id}
        if query.project_id is None:
            return self._mine.page(query, values, query.sort).map(TimeEntry.model_validate)
        page = self._of_project.page(query, values, query.sort)
        if not page.items:
            self._access.role_in(principal, query.project_id)
        return page.map(TimeEntry.model_validate)

    def create(self, principal: Principal, body: TimeEntryCreate) -> TimeEntry:
        """Record time by hand."""
        place = self.place(principal, body.task_id, body.project_id)
        self.lock_person(principal.id)
        row = self.new_row(principal, place, TimeSource.MANUAL, body.started_at)
        row.ended_at = body.ended_at
        row.note, row.labels = body.note, body.labels
        row.timezone = body.timezone or principal.timezone
        row.allow_overlap = row.allow_overlap or body.allow_overlap
        if body.billable is not None:
            row.billable = body.billable
        self.check_span(row)
        self._db.session.add(row)
        self._db.session.flush()
        return self.changed(principal, row, EventType.TIME_ENTRY_CREATED)

    def update(
        self, principal: Principal, entry_id: str, changes: TimeEntryUpdate, if_match: IfMatch
    ) -> TimeEntry:
        """Correct an entry; giving a task or a project moves it there."""
        row = self._load(principal, entry_id)
        if_match.check(TimeEntry.model_validate(row))
        values = changes.model_dump(exclude_unset=True)
        if "ended_at" in values and row.ended_at is None:
            raise BadRequestError(
                "This timer is running; stop it, then correct its end.", code="timer_running"
            )
        left_room = _room(row)
        if {"task_id", "project_id"} & set(values):
            self._move(principal, row, values)
        if not apply_changes(row, values):
            return TimeEntry.model_validate(row)
        if {"started_at", "ended_at", "allow_overlap"} & set(values):
            self.check_span(row)
        self._db.session.flush()
        if left_room != _room(row):
            self._events.record_departure(
                principal, left_room, EventType.TIME_ENTRY_MOVED, TimeEntry.model_validate(row)
            )
        return self.changed(principal, row, EventType.TIME_ENTRY_UPDATED)

    def delete(self, principal: Principal, entry_id: str, if_match: IfMatch) -> None:
        """Put an entry into the trash."""
        row = self._load(principal, entry_id)
        if_match.check(TimeEntry.model_validate(row))
        row.put_in_trash(principal.id)
        self._db.session.flush()
        self._operations.record(row, row.scope_id, row.note, {"time_entry": 1})
        self.changed(principal, row, EventType.TIME_ENTRY_DELETED)

    # What the timer and the trash share:

    def place(self, principal: Principal, task_id: str | None, project_id: str | None) -> Place:
        """Check that the caller may record time there; a task implies its project."""
        if task_id is not None:
            its_project_id = self._tasks.hold(principal, task_id)
            if project_id not in (None, its_project_id):
                raise BadRequestError(
                    "The task belongs to another project; leave project_id out.",
                    code="project_mismatch",
                )
            project_id = its_project_id
        if project_id is None:
            return Place(task_id, None, ProjectSettings())
        project = self._projects.open_for_work(principal, project_id)
        return Place(task_id, project_id, project.settings)

    def lock_person(self, user_id: str) -> None:
        """Make changes of one person's time wait for each other until the commit."""
        self._db.session.execute(
            select(UserRow.id).where(UserRow.id == user_id).with_for_update(key_share=True)
        )

    def new_row(
        self, principal: Principal, place: Place, source: TimeSource, started_at: datetime
    ) -> TimeEntryRow:
        """Return a new entry with the rate of its project as it is now.

        What an agent records is told apart from people's time, however it was recorded.
        """
        is_agent = principal.kind is UserKind.AGENT
        return TimeEntryRow(
            id=new_id(),
            user_id=principal.id,
            user_number=principal.number,
            task_id=place.task_id,
            project_id=place.project_id,
            started_at=started_at,
            timezone=principal.timezone,
            billable=place.settings.billable,
            rate_minor=place.settings.hourly_rate_minor,
            currency=place.settings.currency,
            source=TimeSource.AGENT if is_agent else source,
            allow_overlap=is_agent,
        )

    def check_span(self, row: TimeEntryRow) -> None:
        """Refuse an entry that ends before it starts or overlaps others of the person."""
        ended_at = row.ended_at or utc_now()
        if ended_at <= row.started_at:
            raise BadRequestError(
                "An entry must end after it starts; look at started_at and ended_at.",
                code="empty_time_entry",
            )
        self.check_free(row, ended_at)

    def check_free(self, row: TimeEntryRow, ended_at: datetime) -> None:
        """Refuse an entry whose person has recorded other time before `ended_at`."""
        conflicting_ids = [] if row.allow_overlap else self.overlapping(row, ended_at)
        if conflicting_ids:
            raise ConflictError(
                "This overlaps other entries of the same person; change its times or theirs, "
                "or set allow_overlap.",
                code="time_overlap",
                conflicting_ids=conflicting_ids,
            )

    def overlapping(self, row: TimeEntryRow, ended_at: datetime) -> list[str]:
        """Return the ids of the person's entries in [started_at, ended_at), at most 20."""
        found = self._overlapping.all(
            id=row.id,
            user_id=row.user_id,
            number=row.user_number,
            started_at=row.started_at,
            ended_at=ended_at,
        )
        return [each["id"] for each in found]

    def check_may_correct(self, principal: Principal, user_id: str, project_id: str | None) -> None:
        """Let people correct their own time while they may work there, and owners all of it."""
        if project_id is None:
            if user_id != principal.id:
                raise not_found()
        elif user_id != principal.id:
            self._access.require(principal, project_id, ProjectRole.OWNER)
        elif not self._access.is_in(principal.id, project_id):
            raise ForbiddenError("You left this project; its owners can correct this entry.")
        else:
            self._access.require(principal, project_id, ProjectRole.EDITOR)

    def changed(self, principal: Principal, row: TimeEntryRow, event: EventType) -> TimeEntry:
        """Record the event of a change and return the entry as it is now."""
        entry = TimeEntry.model_validate(row)
        self._events.record(principal, _room(row), event, entry)
        return entry

    def _load(self, principal: Principal, entry_id: str) -> TimeEntryRow:
        """Load and lock an entry: one's own while one may work there, or any as a project's owner.

        The person is locked before the entry, as everywhere.
        """
        self.lock_person(self.get(principal, entry_id).user_id)
        query = select(TimeEntryRow).where(TimeEntryRow.id == entry_id, LIVE).with_for_update()
        row = self._db.session.scalars(query).one_or_none()
        if row is None:
            raise not_found()
        self.check_may_correct(principal, row.user_id, row.project_id)
        return row

    def _move(self, principal: Principal, row: TimeEntryRow, values: dict[str, Any]) -> None:
        """Replace task_id and project_id in `values` by a place that fits together.

        Where the entry is already, nothing moves: its task may be deleted or the project archived.
        """
        stays = values.get("project_id", row.project_id) == row.project_id
        task_id = values.get("task_id", row.task_id if stays else None)
        if stays and task_id == row.task_id:
            return
        project_id = values.get("project_id", None if task_id else row.project_id)
        place = self.place(principal, task_id, project_id)
        if row.user_id != principal.id:
            self._check_may_receive(row.user_id, place)
        if place.project_id != row.project_id:
            rate = place.settings
            values.setdefault("billable", rate.billable)
            values |= {"rate_minor": rate.hourly_rate_minor, "currency": rate.currency}
        values |= {"task_id": place.task_id, "project_id": place.project_id}

    def _check_may_receive(self, user_id: str, place: Place) -> None:
        """Somebody else's time goes only where that person can see it."""
        if place.project_id is None or not self._access.is_in(user_id, place.project_id):
            raise BadRequestError(
                "The person whose time this is does not belong there; add them first.",
                code="not_a_member",
            )


def _room(row: TimeEntryRow) -> str:
    return scope_room(row.project_id, row.user_id)


time_entry_service = TimeEntryService(
    db, event_service, access_service, project_service, task_access, operation_service
)
