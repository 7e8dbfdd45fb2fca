"""Events: every change is written to the log of its room, in the transaction of the change."""

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any

import orjson
from psycopg.errors import NotNullViolation
from sqlalchemy import bindparam, insert, text

from models.audit import AuditAction
from models.base import Resource
from models.event import Event, EventQuery, EventType, RoomRow
from models.membership import Member
from models.principal import Principal
from models.project import Project
from services.access_service import AccessService, access_service, not_found
from services.audit_service import AuditService, audit_service
from services.credential_service import session_over
from services.db_client import DatabaseClient, db
from services.event_bus import EventBus, event_bus
from services.event_log import EventLog, event_log, is_gapless
from services.job_queue import Lane, sql_to_defer
from services.live.hints import Hint
from services.prepared import Row
from utils.errors import ConflictError
from utils.metrics import EVENTS
from utils.trace_context import current_errand
from utils.validators import is_id

PLAN_WEBHOOKS = "webhooks.plan"  # (room): see services/webhook_planner.py
PLAN = sql_to_defer(
    PLAN_WEBHOOKS,
    Lane.WEBHOOKS,  # its work is the webhooks' own
    """
    jsonb_strip_nulls(jsonb_build_object(
        'room', id, 'request_id', CAST(:request_id AS text),
        'traceparent', CAST(:traceparent AS text)
    ))
    """,
)

# The row of the room is locked from here to the commit: this is what makes seq dense and ordered.
# One document with all changes costs a third of what an array for each of their columns does.
# The COMMIT may be sent along with it, so that nobody can act on its answer: it asks by itself for
# what webhooks take, and fails where there is no such room: seq is null then.
APPEND = text(
    f"""
    WITH room AS (
        UPDATE rooms SET seq = seq + :count WHERE id = :room
        RETURNING id, seq - :count AS base, followed
    ),
    written AS (
        INSERT INTO events (room, seq, at, type, actor_id, client_id, request_id, traceparent,
                            subject_id, version, data)
        SELECT :room, (SELECT base FROM room) + change.ordinal, clock_timestamp(), change.type,
               change.actor_id, :client_id, :request_id, :traceparent, change.subject_id,
               change.version, change.data
        FROM ROWS FROM (
            jsonb_to_recordset(CAST(:changes AS jsonb))
            AS (type text, actor_id uuid, subject_id uuid, version integer, data jsonb)
        ) WITH ORDINALITY AS change (type, actor_id, subject_id, version, data, ordinal)
    )
    SELECT base + :count AS seq, CASE WHEN followed THEN {PLAN} END FROM room
    """  # noqa: S608 - a constant
)

BATCH = 500  # events in one statement: imports make thousands

AUDITED = frozenset(set(EventType) & set(AuditAction))

client_id: ContextVar[str | None] = ContextVar("client_id", default=None)


@dataclass(frozen=True, slots=True)
class Change:
    """An event on its way into the log; its room numbers it."""

    room: str
    type: EventType
    actor_id: str
    subject_id: str
    version: int
    data: dict[str, Any]


def project_room(project_id: str) -> str:
    """Return the room of everyone in a project."""
    return f"project:{project_id}"


def user_room(user_id: str) -> str:
    """Return the room of what is private to a user."""
    return f"user:{user_id}"


def scope_room(project_id: str | None, user_id: str) -> str:
    """Return the room of a row that belongs to a project or else to a user."""
    return project_room(project_id) if project_id else user_room(user_id)


class EventService:
    """Writes and reads the log."""

    def __init__(
        self,
        database: DatabaseClient,
        bus: EventBus,
        access: AccessService,
        log: EventLog,
        audit: AuditService,
    ) -> None:
        self._db = database
        self._bus = bus
        self._access = access
        self._log = log
        self._audit = audit
        self._append = database.prepare(APPEND)
        self._open_room = database.prepare(insert(RoomRow).values(id=bindparam("room")))

    def open_room(self, room: str) -> None:
        """Make the room of a new project or user."""
        self._open_room.execute(room=room)

    def record(self, principal: Principal, room: str, kind: EventType, subject: Resource) -> None:
        """Note that `subject` changed; the event is written right before the commit."""
        self.record_data(
            principal, room, kind, subject.id, subject.version, subject.model_dump(mode="json")
        )

    def record_by(self, actor_id: str, room: str, kind: EventType, subject: Resource) -> None:
        """Like `record`, in a job: nobody is signed in there."""
        data = subject.model_dump(mode="json")
        self._add(Change(room, kind, actor_id, subject.id, subject.version, data))

    def record_departure(
        self, principal: Principal, room: str, kind: EventType, subject: Resource
    ) -> None:
        """Note that `subject` left a room; what it is by now concerns those who are where it is."""
        data = {"id": subject.id, "version": subject.version}
        self.record_data(principal, room, kind, subject.id, subject.version, data)

    def record_project(self, principal: Principal, kind: EventType, project: Project) -> None:
        """Note that a project changed; the role is the reader's own, and an event has many."""
        data = project.model_dump(mode="json", exclude={"role"})
        room = project_room(project.id)
        self.record_data(principal, room, kind, project.id, project.version, data)

    def record_member(self, principal: Principal, kind: EventType, member: Member) -> None:
        """Note that somebody's place in a project changed, for the project and for them."""
        self._record_place(principal, project_room(member.project_id), kind, member)
        self.record_own_place(principal, kind, member)

    def record_own_place(self, principal: Principal, kind: EventType, member: Member) -> None:
        """Note a change of somebody's place in a project for nobody but them."""
        if not member.placeholder:
            self._record_place(principal, user_room(member.user_id), kind, member)

    def _record_place(
        self, principal: Principal, room: str, kind: EventType, member: Member
    ) -> None:
        data = member.model_dump(mode="json")
        self.record_data(principal, room, kind, member.user_id, member.version, data)

    def record_data(
        self,
        principal: Principal,
        room: str,
        kind: EventType,
        subject_id: str,
        version: int,
        data: dict[str, Any],
    ) -> None:
        """Like `record`, for subjects that are no Resource; `data` must be JSON already."""
        self._add(Change(room, kind, principal.id, subject_id, version, data))
        if kind in AUDITED and room.startswith("project:"):
            self._write_down(principal, room, AuditAction(kind), subject_id)

    def _add(self, change: Change) -> None:
        """Write the event right before the commit."""
        pending = self._db.current.pending_events
        if not pending:
            self._db.before_commit(self._write_pending)
        pending.append(change)

    def _write_down(
        self, principal: Principal, room: str, action: AuditAction, subject_id: str
    ) -> None:
        """Note for the audit log, which is kept for longer, who changed who belongs to what."""
        is_about_member = action.startswith("member.")
        self._audit.record(
            action,
            user_id=subject_id if is_about_member else principal.id,
            actor_id=principal.id,
            subject_id=subject_id,
            project_id=room.partition(":")[2],
        )

    def _write_pending(self) -> None:
        """Write all events of the transaction; rooms are locked in the order of their ids."""
        pending = sorted(self._db.current.pending_events, key=attrgetter("room"))
        *batches, last = [
            changes[start : start + BATCH]
            for changes in (list(group) for _, group in groupby(pending, attrgetter("room")))
            for start in range(0, len(changes), BATCH)
        ]
        for batch in batches:
            self._write(batch, self._append.one)
        self._write(last, self._append.one_at_last)

    def _write(self, changes: list[Change], append: Callable[..., Row]) -> None:
        """Write events of one room."""
        room, errand = changes[0].room, current_errand()
        try:
            row = append(
                room=room,
                count=len(changes),
                client_id=client_id.get(),
                request_id=errand and errand.request_id,
                traceparent=str(errand.parent) if errand and errand.parent else None,
                changes=orjson.dumps(changes).decode(),
            )
        except NotNullViolation as error:
            raise _no_room(room) from error
        self._db.on_commit(partial(self._tell, Hint("room", room, row["seq"]), changes))

    def _tell(self, hint: Hint, changes: Sequence[Change]) -> None:
        """Let those who follow the room know, once it is certain."""
        self._bus.publish(hint)
        for change in changes:
            EVENTS.labels(change.type).inc()

    def read(self, principal: Principal, room: str, query: EventQuery) -> list[Event]:
        """Return the events of a room after `since`, oldest first."""
        self.require_entry(principal, room)
        state = self._log.state(room)
        events = self._log.read(room, query.since, query.limit)
        if state.continues(query.since, query.epoch) and is_gapless(events, query.since):
            return events
        raise ConflictError(
            "The log cannot go on from since; fetch a snapshot and go on from its seq.",
            code="resync_required",
        )

    def require_entry(self, principal: Principal, room: str) -> None:
        """Refuse whoever may not read a room: for them it does not exist."""
        kind, _, owner_id = room.partition(":")
        if principal.project_id not in (None, owner_id):
            raise not_found()
        if kind == "project" and is_id(owner_id):
            self._access.role_in(principal, owner_id)
        elif room != user_room(principal.id):
            raise not_found()


def _no_room(room: str) -> Exception:
    """Only the room of somebody who deleted their account goes away, while they still write."""
    if room.startswith("user:"):
        return session_over()
    return LookupError(f"the room {room} was never opened")


event_service = EventService(db, event_bus, access_service, event_log, audit_service)
