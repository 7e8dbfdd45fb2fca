"""Leases: what agents say about the tasks that they hold, and how that ends."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Interval,
    Select,
    and_,
    bindparam,
    cast,
    func,
    or_,
    select,
    text,
    update,
)

from models.base import columns_of
from models.event import EventType
from models.lease import (
    Completion,
    Failure,
    Heartbeat,
    Lease,
    LeaseQuery,
    LeaseRow,
    LeaseStatus,
)
from models.membership import MembershipRow
from models.notification import NotificationKind
from models.principal import Principal
from models.task import REVIEW, TaskRow, TaskStatus
from services.access_service import (
    ME,
    AccessService,
    access_service,
    is_member,
    not_found,
)
from services.db_client import DatabaseClient, db
from services.event_service import EventService, event_service, project_room
from services.listing import Build, Listing, Order, newest_first, page_of_each
from services.notification_service import NotificationService, notification_service
from services.task_service import TaskService, task_service
from services.tasks.leases import give_back
from utils.errors import ConflictError, ForbiddenError
from utils.pages import Page
from utils.validators import LABELS_MAX

COLUMNS = columns_of(LeaseRow, Lease)

# Whoever held a task sees how that ended, also when the project is not theirs to see any more.
GET = select(*COLUMNS).where(
    LeaseRow.id == bindparam("id"), or_(LeaseRow.agent_id == ME, is_member(LeaseRow.project_id))
)
OWN = select(*COLUMNS).where(LeaseRow.agent_id == ME)

FILTERS = {
    "task_id": LeaseRow.task_id == bindparam("task_id"),
    "agent": LeaseRow.agent_id == bindparam("agent"),
    "status": and_(LeaseRow.status == bindparam("status"), LeaseRow.ended_at.is_not(None)),
    "active": LeaseRow.ended_at.is_(None),
}
ORDERS = {"newest": Order({"id": LeaseRow.id}, descending=True)}

MY_PLACES = select(MembershipRow.project_id.label("id")).where(
    MembershipRow.user_id == ME, MembershipRow.active
)
THIS_PLACE = MY_PLACES.where(MembershipRow.project_id == bindparam("project_id"))


def _page_in(places: Select[Any]) -> Build:
    """Read at most a page from the index of each project."""
    seen = places.cte("places")

    def build(conditions: list[ColumnElement[bool]], order: Order) -> Select[Any]:
        in_place = select(*COLUMNS).where(LeaseRow.project_id == seen.c.id, *conditions)
        return page_of_each(seen, in_place, order)

    return build


HEARTBEAT = (
    update(LeaseRow)
    .where(
        LeaseRow.id == bindparam("lease_id"),
        LeaseRow.agent_id == ME,
        LeaseRow.ended_at.is_(None),
        is_member(LeaseRow.project_id),
    )
    .values(
        expires_at=func.now() + LeaseRow.seconds * cast("1 second", Interval),
        progress=func.coalesce(
            bindparam("progress", type_=LeaseRow.progress.type), LeaseRow.progress
        ),
        message=func.coalesce(bindparam("message", type_=LeaseRow.message.type), LeaseRow.message),
        updated_at=func.now(),
        version=LeaseRow.version + 1,
    )
    .returning(*COLUMNS)
)

# Who looks after what an agent could not do: the person accountable for it, or else whose the
# agent is, or who made the task, or an owner of the project, of whom there always is one.
CARETAKER = text(
    """
    SELECT users.id FROM memberships JOIN users ON users.id = memberships.user_id
    WHERE memberships.project_id = :project_id AND memberships.active
      AND memberships.role <> 'viewer' AND users.kind = 'person' AND users.is_active
    ORDER BY users.id IS NOT DISTINCT FROM CAST(:assignee_id AS uuid) DESC,
        users.id = (SELECT owner_id FROM users WHERE id = :agent_id) DESC,
        users.id = :created_by DESC, memberships.role = 'owner' DESC, users.id
    LIMIT 1
    """
)
OWNER = text("SELECT owner_id FROM users WHERE id = :agent_id AND owner_id IS NOT NULL")


class LeaseService:
    """What the holder of a lease does with it, and what others see of it."""

    def __init__(
        self,
        database: DatabaseClient,
        events: EventService,
        access: AccessService,
        tasks: TaskService,
        notifications: NotificationService,
    ) -> None:
        self._events = events
        self._access = access
        self._tasks = tasks
        self._leases = tasks.leases
        self._notifications = notifications
        self._get = database.prepare(GET)
        self._heartbeat = database.prepare(HEARTBEAT)
        self._caretaker = database.prepare(CARETAKER)
        self._owner = database.prepare(OWNER)
        self._own_leases = newest_first("leases of one's own", database, OWN, LeaseRow.id, FILTERS)
        self._everywhere = Listing("leases", database, _page_in(MY_PLACES), FILTERS, ORDERS)
        self._in_project = Listing(
            "leases of a project", database, _page_in(THIS_PLACE), FILTERS, ORDERS
        )

    def get(self, principal: Principal, lease_id: str) -> Lease:
        """Return a lease of one's own, or of a project that one belongs to."""
        row = self._get.first(id=lease_id, me=principal.id)
        if row is None:
            raise not_found()
        return Lease.model_validate(row)

    def page(self, principal: Principal, query: LeaseQuery) -> Page[Lease]:
        """Return the leases of one's projects, or with agent=me all of one's own, newest first."""
        values = query.set_filters() | {"me": principal.id}
        if query.status is LeaseStatus.ACTIVE:
            values["active"] = values.pop("status")
        if query.project_id is not None:
            page = self._in_project.page(query, _named(principal, values), "newest")
            if not page.items:
                self._access.role_in(principal, query.project_id)
        elif query.agent == "me":
            values.pop("agent")
            page = self._own_leases.page(query, values, "newest")
        else:
            page = self._everywhere.page(query, values, "newest")
        return page.map(Lease.model_validate)

    def heartbeat(self, principal: Principal, lease_id: str, body: Heartbeat) -> Lease:
        """Renew a lease, and say how far the work is."""
        row = self._heartbeat.first(
            lease_id=lease_id, me=principal.id, progress=body.progress, message=body.message
        )
        if row is None:
            seen = self._own(principal, lease_id)
            raise not_found() if seen.ended_at is None else _lost(seen)  # or left the project
        lease = Lease.model_validate(row)
        room = project_room(lease.project_id)
        self._events.record(principal, room, EventType.LEASE_UPDATED, lease)
        return lease

    def complete(self, principal: Principal, lease_id: str, body: Completion) -> Lease:
        """Complete the task, or propose it as done where the project wants a person to confirm."""
        seen = self._own(principal, lease_id)
        if seen.status in (LeaseStatus.COMPLETED, LeaseStatus.PROPOSED):
            return seen
        completed = {"status": TaskStatus.COMPLETED}
        lease, row = self._hold(principal, seen, completed)
        if body.message is not None:
            lease.message = body.message
        if self._tasks.rules.agents_propose(row.project_id):
            _mark_for_review(row)
            self._leases.tell(principal.id, row)
            self._leases.end(principal.id, lease, LeaseStatus.PROPOSED)
        else:
            self._tasks.change(principal, row, completed)  # which ends the lease
        self.tell_people(NotificationKind.AGENT_FINISHED, lease, row)
        return Lease.model_validate(lease)

    def fail(self, principal: Principal, lease_id: str, body: Failure) -> Lease:
        """Give a task up: to the next agent, or to a person."""
        seen = self._own(principal, lease_id)
        if seen.status is LeaseStatus.FAILED:
            return seen
        lease, row = self._hold(principal, seen)
        lease.reason = body.reason
        give_back(row, lease)
        if body.then == "hand_back":
            row.delegate_id, row.assignee_id = None, self._caretaker_of(lease, row)
        self._leases.tell(principal.id, row)
        self._leases.end(principal.id, lease, LeaseStatus.FAILED)
        self.tell_people(NotificationKind.AGENT_FAILED, lease, row)
        return Lease.model_validate(lease)

    def release(self, principal: Principal, lease_id: str) -> Lease:
        """Give a task back as it was, for whoever claims it next."""
        seen = self._own(principal, lease_id)
        if seen.status is LeaseStatus.RELEASED:
            return seen
        lease, row = self._hold(principal, seen)
        give_back(row, lease)
        self._leases.tell(principal.id, row)
        return self._leases.end(principal.id, lease, LeaseStatus.RELEASED)

    def _own(self, principal: Principal, lease_id: str) -> Lease:
        """Return a lease of the caller's; who ends one twice the same way is told the same."""
        lease = self.get(principal, lease_id)
        if lease.agent_id != principal.id:
            raise ForbiddenError(
                "This is the lease of another: agents claim a task of their own; people take a "
                "task over by changing its delegate_id or status.",
                code="not_your_lease",
            )
        return lease

    def _hold(
        self, principal: Principal, seen: Lease, changes: dict[str, Any] | None = None
    ) -> tuple[LeaseRow, TaskRow]:
        """Lock an active lease and its task for changes; ConflictError for one that has ended."""
        if seen.ended_at is not None:
            raise _lost(seen)
        row = self._tasks.load_for(principal, seen.task_id, changes or {})
        lease = self._leases.active(row.id)
        if lease is None or lease.id != seen.id:
            raise _lost(self.get(principal, seen.id))
        return lease, row

    def _caretaker_of(self, lease: LeaseRow, row: TaskRow) -> str:
        found = self._caretaker.one(
            project_id=row.project_id,
            assignee_id=row.assignee_id,
            agent_id=lease.agent_id,
            created_by=row.created_by,
        )
        return str(found["id"])

    def tell_people(self, kind: NotificationKind, lease: LeaseRow, row: TaskRow) -> None:
        """Tell whose the agent is, and who is accountable for the task."""
        people = [owner["owner_id"] for owner in self._owner.all(agent_id=lease.agent_id)]
        if row.assignee_id is not None:
            people.append(row.assignee_id)
        self._notifications.notify(
            kind,
            people,
            key=f"{kind} {lease.id}",
            actor_id=lease.agent_id,
            project_id=row.project_id,
            subject_id=row.id,
        )


def _named(principal: Principal, values: dict[str, Any]) -> dict[str, Any]:
    """Write `me` as the id of who asks."""
    return values | {"agent": principal.id} if values.get("agent") == "me" else values


def _mark_for_review(row: TaskRow) -> None:
    if REVIEW in row.labels:
        return
    if len(row.labels) >= LABELS_MAX:
        raise ConflictError(
            f"A task has at most {LABELS_MAX} labels, and the label {REVIEW} is to be one of them; "
            "take another off.",
            code="too_many_labels",
        )
    row.labels = [*row.labels, REVIEW]


def _lost(lease: Lease) -> ConflictError:
    return ConflictError(
        f"This lease has ended ({lease.status}): the task is not yours any more. Stop working on "
        "it, and claim another.",
        code="lease_lost",
        status_of_lease=lease.status,
    )


lease_service = LeaseService(db, event_service, access_service, task_service, notification_service)
