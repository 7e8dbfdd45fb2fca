"""Notifications: what people are told of because it concerns them, once for each occasion."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Text, any_, bindparam, cast, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY

from models.base import UuidText, columns_of
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
from services.portions import delete_portion
from services.prepared import Row
from utils.helpers import new_id
from utils.pages import Page

COLUMNS = columns_of(NotificationRow, Notification)
SHOWN_TO_ME = (NotificationRow.user_id == ME, NotificationRow.shown)
MINE = select(*COLUMNS).where(*SHOWN_TO_ME)
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
    .where(
        NotificationRow.id == any_(bindparam("ids", type_=ARRAY(UuidText))), *SHOWN_TO_ME, UNREAD
    )
    .values(read_at=func.now(), updated_at=func.now(), version=NotificationRow.version + 1)
    .returning(NotificationRow.user_id, *COLUMNS)
)

HOW_MANY_UNREAD = select(
    func.count().label("count"), func.max(cast(NotificationRow.id, Text)).label("newest")
).where(*SHOWN_TO_ME, UNREAD)

READ_AT_ONCE = 500
SOME_UNREAD = (
    select(NotificationRow.id)
    .where(*SHOWN_TO_ME, UNREAD, NotificationRow.id <= bindparam("newest"))
    .order_by(NotificationRow.id.desc())
    .limit(READ_AT_ONCE)
    .with_for_update()  # so that it finds as many, whatever others mark meanwhile
)

FILTERS = {"unread": bindparam("unread") == UNREAD}

KEPT_DAYS = 90
PURGED_AT_ONCE = 1_000
PURGE = delete_portion(
    NotificationRow,
    NotificationRow.created_at < func.now() - literal(timedelta(days=KEPT_DAYS)),
    PURGED_AT_ONCE,
).returning(NotificationRow.user_id, NotificationRow.shown, *COLUMNS)


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
        self._read = database.prepare(READ)
        self._how_many_unread = database.prepare(HOW_MANY_UNREAD)
        self._some_unread = database.prepare(SOME_UNREAD)
        self._purge = database.prepare(PURGE)
        self._listing = newest_first("notifications", database, MINE, NotificationRow.id, FILTERS)
        self._delivery = jobs.job("notifications.deliver", self._deliver)
        self._reading = jobs.job("notifications.read", self._go_on_reading)

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
        changed = self._read.first(me=principal.id, ids=[notification_id])
        if changed is not None:
            return self._record(changed, EventType.NOTIFICATION_READ)
        row = self._get.first(me=principal.id, id=notification_id)
        if row is None:
            raise not_found()
        return Notification.model_validate(row)

    def read_all(self, principal: Principal) -> AllRead:
        """Mark all of one's own notifications as read: the newest now, the others in a job."""
        unread = self._how_many_unread.one(me=principal.id)
        if unread["count"]:
            self._read_up_to(principal.id, unread["newest"])
        return AllRead(count=unread["count"])

    def purge(self) -> dict[str, int]:
        """Delete some of those that are past their time; returns how many, until none is.

        What nobody has read by then counts as read.
        """
        rows = self._purge.all()
        for row in rows:
            if row["shown"] and row["read_at"] is None:
                self._record(row, EventType.NOTIFICATION_READ)
        return {"notifications": len(rows)}

    def _read_up_to(self, user_id: str, newest: str) -> None:
        """Mark some as read, and those that are older soon after."""
        ids = [row["id"] for row in self._some_unread.all(me=user_id, newest=newest)]
        for row in self._read.all(me=user_id, ids=ids):
            self._record(row, EventType.NOTIFICATION_READ)
        if len(ids) == READ_AT_ONCE:
            self._reading.defer(user_id=user_id, newest=ids[-1])

    def _go_on_reading(self, user_id: str, newest: str) -> None:
        self._db.transaction(lambda: self._read_up_to(user_id, newest))

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
