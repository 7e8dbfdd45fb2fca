"""Letters about notifications: one of its own for each, or a digest in the morning."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import text

from config import settings
from models.mail import Letter
from models.notification import NotificationKind
from services.db_client import DatabaseClient, db
from services.job_queue import JobQueue, job_queue
from services.mailer import Mailer, mailer, one_line
from services.prepared import Row
from utils.helpers import utc_now
from utils.zones import zone_names

DIGEST_AT = time(8)
LINES_MAX = 100  # in one digest
SUBJECT_MAX = 150

# Condition: a person is there, and what it is about is still so and may be seen by them. That is a
# task where it is by now, or else what belongs to a project.
REACHES = """
    users.is_active AND users.kind = 'person' AND users.email IS NOT NULL
    AND tasks.deleted_at IS NULL
    AND CASE
        WHEN {kind} = 'assigned' THEN tasks.assignee_id = users.id
        WHEN {kind} = 'mentioned' THEN EXISTS (
            SELECT FROM comments
            WHERE task_id = tasks.id AND deleted_at IS NULL AND users.id = ANY(mentions)
        )
        WHEN {kind} IN ('due_soon', 'overdue') THEN tasks.id IS NOT NULL
        ELSE true
    END
    AND (
        COALESCE(tasks.scope_id, {project_id}) IS NULL
        OR COALESCE(tasks.scope_id, {project_id}) = users.id
        OR EXISTS (
            SELECT FROM memberships
            WHERE memberships.project_id = COALESCE(tasks.scope_id, {project_id})
              AND memberships.user_id = users.id AND memberships.active
        )
    )
"""

WAITING = """
    SELECT notifications.id, notifications.kind, notifications.title, notifications.message,
        users.email, users.name, actors.name AS actor, projects.name AS project,
        tasks.id AS task_id
    FROM notifications
    JOIN users ON users.id = notifications.user_id
    LEFT JOIN tasks ON tasks.id = notifications.subject_id
    LEFT JOIN projects ON projects.id = COALESCE(tasks.project_id, notifications.project_id)
    LEFT JOIN users AS actors ON actors.id = notifications.actor_id
    LEFT JOIN notification_preferences AS preferences ON preferences.user_id = users.id
    WHERE notifications.{whose} AND users.verified AND {reaches}
      AND notifications.mailed_at IS NULL AND notifications.read_at IS NULL
      AND (
          :one OR COALESCE((preferences.channels -> notifications.kind ->> 'digest')::boolean, true)
      )
    ORDER BY notifications.id DESC LIMIT :limit
"""
MAILED = text("UPDATE notifications SET mailed_at = now() WHERE id = ANY(CAST(:ids AS uuid[]))")

ZONES = text("SELECT DISTINCT timezone FROM users WHERE verified AND is_active")
# Each day is claimed together with its job, so that two workers make one digest of it.
CLAIM = text(
    """
    INSERT INTO digests (user_id, day)
    SELECT users.id, due.day
    FROM unnest(CAST(:zones AS text[]), CAST(:days AS date[]), CAST(:moments AS timestamptz[]))
        AS due (zone, day, moment)
    JOIN users ON users.timezone = due.zone
    LEFT JOIN digests ON digests.user_id = users.id
    LEFT JOIN notification_preferences AS preferences ON preferences.user_id = users.id
    WHERE users.verified AND users.is_active AND (digests.day IS NULL OR digests.day < due.day)
      AND EXISTS (
          SELECT FROM notifications
          WHERE user_id = users.id AND mailed_at IS NULL AND read_at IS NULL
            AND notifications.created_at < due.moment
            AND COALESCE((preferences.channels -> notifications.kind ->> 'digest')::boolean, true)
      )
    ON CONFLICT (user_id) DO UPDATE SET day = excluded.day WHERE digests.day < excluded.day
    RETURNING user_id
    """
)

SENTENCES = {
    NotificationKind.ASSIGNED: "{actor} gave you a task",
    NotificationKind.MENTIONED: "{actor} mentioned you",
    NotificationKind.DUE_SOON: "This is due soon",
    NotificationKind.OVERDUE: "This is overdue",
    NotificationKind.TIMER_LONG: "Your timer has been running for long",
    NotificationKind.INVITED: "{actor} added you to a project",
    NotificationKind.AGENT_FINISHED: "{actor} has finished",
    NotificationKind.AGENT_FAILED: "{actor} has failed",
    NotificationKind.EXPORT_READY: "Your export is ready",
    NotificationKind.WEBHOOK_DISABLED: "A webhook was switched off",
    NotificationKind.MESSAGE: "{actor} writes",
}


@dataclass(frozen=True, slots=True)
class Line:
    """What a letter says of one notification."""

    sentence: str
    title: str
    message: str
    project: str
    url: str

    @classmethod
    def of(cls, row: Row) -> "Line":
        """Make it of a row of `WAITING`."""
        actor = row["actor"] or "Somebody"
        place = f"/#/tasks/{row['task_id']}" if row["task_id"] else ""
        return cls(
            sentence=one_line(SENTENCES[NotificationKind(row["kind"])].format(actor=actor)),
            title=one_line(row["title"]),
            message=row["message"],
            project=one_line(row["project"] or ""),
            url=settings.site_url + place,
        )

    @property
    def subject(self) -> str:
        """What stands in the header."""
        words = f"{self.sentence}: {self.title}" if self.title else self.sentence
        return one_line(words)[:SUBJECT_MAX]


class NotificationLetterService:
    """Mails what was not read meanwhile, to those alone who may see it still."""

    def __init__(self, database: DatabaseClient, jobs: JobQueue, mail: Mailer) -> None:
        self._db = database
        self._mail = mail
        reaches = REACHES.format(kind="notifications.kind", project_id="notifications.project_id")
        self._one = database.prepare(text(WAITING.format(whose="id = :id", reaches=reaches)))
        self._all = database.prepare(text(WAITING.format(whose="user_id = :id", reaches=reaches)))
        self._mailed = database.prepare(MAILED)
        self._zones = database.prepare(ZONES)
        self._claim = database.prepare(CLAIM)
        self._letter = jobs.job("notifications.mail", self._send)
        self._digest = jobs.job("notifications.digest", self._send_digest)
        jobs.every("*/15 * * * *", "notifications.digests", self.scan)

    def send(self, notification_id: str, user_id: str) -> None:
        """Mail a notification after the commit."""
        if self._mail.can_send:
            self._letter.defer(notification_id=notification_id, in_line=_line_of(user_id))

    def scan(self) -> None:
        """Ask for the digests of everybody for whom it is past 08:00 and who has got none today.

        A late worker makes up for it on the same day.
        """
        if self._mail.can_send:
            self._db.transaction(lambda: self._ask_for_digests(utc_now()))

    def _ask_for_digests(self, now: datetime) -> None:
        due = [
            (zone, morning.date(), morning.astimezone(UTC))
            for row in self._zones.all()
            if (zone := row["timezone"]) in zone_names()
            and (morning := morning_of(now, ZoneInfo(zone))) <= now
        ]
        zones, days, moments = zip(*due, strict=True) if due else ((), (), ())
        for row in self._claim.all(zones=list(zones), days=list(days), moments=list(moments)):
            self._digest.defer(user_id=row["user_id"], in_line=_line_of(row["user_id"]))

    def _send(self, notification_id: str) -> None:
        found = self._db.reading(lambda: self._one.all(id=notification_id, one=True, limit=1))
        for row in found:
            line = Line.of(row)
            self._mail.send(
                Letter.NOTIFICATION, row["email"], subject=line.subject, name=row["name"], line=line
            )
        self._note(found)

    def _send_digest(self, user_id: str) -> None:
        found = self._db.reading(lambda: self._all.all(id=user_id, one=False, limit=LINES_MAX))
        if found:
            lines = [Line.of(row) for row in found]
            self._mail.send(Letter.DIGEST, found[0]["email"], name=found[0]["name"], lines=lines)
        self._note(found)

    def _note(self, mailed: Sequence[Row]) -> None:
        """Write down what was mailed: a worker that is killed before this mails it again."""
        if mailed:
            ids = [row["id"] for row in mailed]
            self._db.transaction(lambda: self._mailed.execute(ids=ids))


def morning_of(now: datetime, zone: ZoneInfo) -> datetime:
    """Return when today's digests are due on the wall clocks of `zone`."""
    return datetime.combine(now.astimezone(zone).date(), DIGEST_AT, tzinfo=zone)


def _line_of(user_id: str) -> str:
    """Letters to one person wait for each other: what a letter tells no digest tells again."""
    return f"letters to {user_id}"


notification_letter_service = NotificationLetterService(db, job_queue, mailer)
