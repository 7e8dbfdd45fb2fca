"""Notifications: what people are told of because it concerns them, once for each occasion."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, func, select, text, update

from models.base import columns_of
from models.event import EventType
from models.notification import (
    AllRead,
    Notification,
    NotificationKind,
    NotificationQuery,
    NotificationRow,
)
from models.notification_preferences import MAILED
from models.principal import Principal
from services.access_service import ME, not_found
from services.db_client import DatabaseClient, db
from services.event_service import EventService, event_service, user_room
from services.job_queue import JobQueue, job_queue
from services.listing import newest_first
from services.notification_letter_service import (
    REACHES,
    NotificationLetterService,
    notification_letter_service,
)
from services.prepared import Row
from utils.helpers import new_id
from utils.pages import Page

COLUMNS = columns_of(NotificationRow, Notification)
MINE = select(*COLUMNS).where(NotificationRow.user_id == ME, NotificationRow.shown)
UNREAD = NotificationRow.read_at.is_(None)

# What is more than that waits for the digest: one bulk change may be of hundreds of tasks.
LETTERS_AN_HOUR = 20
LETTERS_OF_THE_HOUR = """
    SELECT count(*) FROM (
        SELECT by_mail, created_at FROM notifications
        WHERE user_id = users.id ORDER BY id DESC LIMIT 200
    ) AS latest
    WHERE by_mail AND created_at > now() - interval '1 hour'
"""

# Nobody is told of what they did themselves, save that they may write to themselves.
MAKE = """
    INSERT INTO notifications
        (id, user_id, kind, key, actor_id, project_id, subject_id, title, message, shown, by_mail)
    SELECT wanted.id, users.id, kinds.name, :key, :actor_id,
        CASE WHEN tasks.id IS NULL THEN CAST(:project_id AS uuid) ELSE tasks.project_id END,
        :subject_id, COALESCE(tasks.title, NULLIF(:title, ''), projects.name, ''), :message,
        COALESCE((preferences.channels -> kinds.name ->> 'in_app')::boolean, true),
        users.verified
            AND COALESCE((preferences.channels -> kinds.name ->> 'email')::boolean, :by_mail)
            AND ({letters}) < {letters_max}
    FROM unnest(CAST(:ids AS uuid[]), CAST(:user_ids AS uuid[])) AS wanted (id, user_id)
    CROSS JOIN (SELECT CAST(:kind AS text) AS name) AS kinds
    JOIN users ON users.id = wanted.user_id
    LEFT JOIN tasks ON tasks.id = CAST(:subject_id AS uuid)
    LEFT JOIN projects ON projects.id = CAST(:project_id AS uuid)
    LEFT JOIN notification_preferences AS preferences ON preferences.user_id = users.id
    WHERE {reaches}
      AND (kinds.name = 'message' OR users.id IS DISTINCT FROM CAST(:actor_id AS uuid))
    ON CONFLICT (user_id, key) DO NOTHING
    RETURNING *
"""

READ = (
    update(NotificationRow)
    .where(NotificationRow.user_id == ME, NotificationRow.shown, UNREAD)
    .values(read_at=func.now(), updated_at=func.now(), version=NotificationRow.version + 1)
    .returning(NotificationRow.user_id, *COLUMNS)
)

FILTERS = {"unread": bindparam("unread") == UNREAD}

KEPT_DAYS = 90
PURGED_AT_ONCE = 1_000
PURGE = text(
    """
    WITH old AS (
        SELECT id FROM notifications
        WHERE created_at < now() - make_interval(days => :days)
        LIMIT :limit FOR UPDATE SKIP LOCKED
    )
    DELETE FROM notifications WHERE id IN (SELECT id FROM old) RETURNING *
    """
)


class NotificationService:
    """Tells people, and lets them say that they have read it."""

    def __init__(
        self,
        database: DatabaseClient,
        events: EventService,
        jobs: JobQueue,
        letters: NotificationLetterService,
    ) -> None:
        self._db = database
        self._events = events
        self._letters = letters
        make = MAKE.format(
            reaches=REACHES.format(kind="kinds.name", project_id="CAST(:project_id AS uuid)"),
            letters=LETTERS_OF_THE_HOUR,
            letters_max=LETTERS_AN_HOUR,
        )
        self._make = database.prepare(text(make))
        self._get = database.prepare(MINE.where(NotificationRow.id == bindparam("id")))
        self._read = database.prepare(READ.where(NotificationRow.id == bindparam("one_id")))
        self._read_all = database.prepare(READ)
        self._purge = database.prepare(PURGE)
        self._listing = newest_first("notifications", database, MINE, NotificationRow.id, FILTERS)
        self._delivery = jobs.job("notifications.deliver", self._deliver)

    def notify(
        self,
        kind: NotificationKind,
        user_ids: Sequence[str],
        *,
        key: str,
        actor_id: str | None = None,
        project_id: str | None = None,
        subject_id: str | None = None,
        title: str = "",
    ) -> None:
        """Tell people of something after the commit, once for each `key`.

        Passed over are by then: who did it, who may not see it, agents, and who cannot sign in.
        A task tells its title itself, and a project its name where there is no other title.
        """
        others = sorted(set(user_ids) - {actor_id})
        if others:
            self._delivery.defer(
                kind=kind,
                user_ids=[*others],
                key=key,
                actor_id=actor_id,
                project_id=project_id,
                subject_id=subject_id,
                title=title,
            )

    def tell(
        self,
        kind: NotificationKind,
        user_ids: Sequence[str],
        *,
        key: str,
        actor_id: str | None,
        project_id: str | None = None,
        subject_id: str | None = None,
        title: str = "",
        message: str = "",
    ) -> list[str]:
        """Tell people right in the caller's transaction; returns the ids of what was made."""
        rows = self._make.all(
            ids=[new_id() for _ in user_ids],
            user_ids=list(user_ids),
            kind=kind,
            key=key,
            actor_id=actor_id,
            project_id=project_id,
            subject_id=subject_id,
            title=title,
            message=message,
            by_mail=kind in MAILED,
        )
        for row in rows:
            if row["shown"]:
                self._record(row, EventType.NOTIFICATION_CREATED)
            if row["by_mail"]:
                self._letters.send(row["id"], row["user_id"])
        return [row["id"] for row in rows]

    def page(self, principal: Principal, query: NotificationQuery) -> Page[Notification]:
        """Return one's own notifications, newest first."""
        values = query.set_filters() | {"me": principal.id}
        return self._listing.page(query, values, "newest").map(Notification.model_validate)

    def read(self, principal: Principal, notification_id: str) -> Notification:
        """Mark a notification as read."""
        changed = self._read.first(me=principal.id, one_id=notification_id)
        if changed is not None:
            return self._record(changed, EventType.NOTIFICATION_READ)
        row = self._get.first(me=principal.id, id=notification_id)
        if row is None:
            raise not_found()
        return Notification.model_validate(row)

    def read_all(self, principal: Principal) -> AllRead:
        """Mark all of one's own notifications as read."""
        rows = self._read_all.all(me=principal.id)
        for row in rows:
            self._record(row, EventType.NOTIFICATION_READ)
        return AllRead(count=len(rows))

    def purge(self) -> dict[str, int]:
        """Delete some of those that are past their time; returns how many, until none is.

        What nobody has read by then counts as read.
        """
        rows = self._purge.all(days=KEPT_DAYS, limit=PURGED_AT_ONCE)
        for row in rows:
            if row["shown"] and row["read_at"] is None:
                self._record(row, EventType.NOTIFICATION_READ)
        return {"notifications": len(rows)}

    def _deliver(self, kind: str, **what: Any) -> None:
        self._db.transaction(lambda: self.tell(NotificationKind(kind), **what))

    def _record(self, row: Row, event: EventType) -> Notification:
        """Tell whose it is; nobody but them may have marked it as read."""
        notification = Notification.model_validate(row)
        user_id = row["user_id"]
        is_new = event is EventType.NOTIFICATION_CREATED
        actor_id = notification.actor_id if is_new else None
        self._events.record_by(actor_id or user_id, user_room(user_id), event, notification)
        return notification


notification_service = NotificationService(
    db, event_service, job_queue, notification_letter_service
)
