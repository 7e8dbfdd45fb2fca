"""Reminders: of what is due soon or overdue, and of timers that somebody may have forgotten.

What is to be told is found by a look at due times, not by jobs that wait for them: so changed due
times, a worker that was late and one that was killed need no care. What was told is marked in the
transaction of the notification, so that it is told once.
"""

from functools import partial

from sqlalchemy import text

from models.notification import NotificationKind
from services.db_client import DatabaseClient, db
from services.job_queue import JobQueue, job_queue
from services.notification_service import NotificationService, notification_service
from services.prepared import Prepared, Row

EVERY_MINUTE = "* * * * *"
PORTION = 200

OPEN = "tasks.deleted_at IS NULL AND tasks.status IN ('pending', 'in_progress')"

# In the very words of the indexes, which hold no more than what is still to be told. What lies in
# an archived or deleted project counts as told, or else it would be looked at each minute. Agents
# are not told: whose they are is. Somebody to tell is who is to do it, or else who made it: also
# where the one who was to do it has left the project or is disabled.
TASKS = """
    WITH due AS (
        SELECT id FROM tasks
        WHERE {open} AND due_at IS NOT NULL AND due_at IS DISTINCT FROM {marker} AND {condition}
        ORDER BY due_at LIMIT :portion FOR NO KEY UPDATE SKIP LOCKED
    ),
    told AS (
        UPDATE tasks SET {marks} WHERE id = ANY(ARRAY(SELECT id FROM due))
        RETURNING tasks.id, tasks.due_at, tasks.project_id, tasks.created_by, tasks.assignee_id
    )
    SELECT told.id AS subject_id, told.project_id, concat(told.id, ' ', told.due_at) AS occasion,
        CASE WHEN NOT (COALESCE(projects.archived, false) OR projects.deleted_at IS NOT NULL)
             THEN COALESCE(doers.owner_id, doers.id, makers.owner_id, makers.id) END AS user_id,
        '' AS title
    FROM told JOIN users AS makers ON makers.id = told.created_by
    LEFT JOIN projects ON projects.id = told.project_id
    LEFT JOIN memberships ON memberships.project_id = told.project_id
        AND memberships.user_id = told.assignee_id AND memberships.active
    LEFT JOIN users AS doers ON doers.id = told.assignee_id AND doers.is_active
        AND (told.project_id IS NULL OR memberships.user_id IS NOT NULL)
"""
DUE_SOON = TASKS.format(
    open=OPEN,
    marker="due_soon_for",
    condition="due_at > now() AND due_at <= now() + interval '24 hours'",
    marks="due_soon_for = due_at",
)
OVERDUE = TASKS.format(
    open=OPEN,
    marker="overdue_for",
    condition="due_at <= now()",
    marks="due_soon_for = due_at, overdue_for = due_at",
)

# What runs for a lease nobody has forgotten: it ends when the agent is not heard of.
LONG_TIMERS = """
    WITH running AS (
        SELECT id FROM time_entries
        WHERE ended_at IS NULL AND deleted_at IS NULL AND NOT long_told AND lease_id IS NULL
          AND started_at <= now() - interval '8 hours'
        ORDER BY started_at LIMIT :portion FOR NO KEY UPDATE SKIP LOCKED
    ),
    told AS (
        UPDATE time_entries SET long_told = true WHERE id = ANY(ARRAY(SELECT id FROM running))
        RETURNING time_entries.id, time_entries.user_id, time_entries.task_id, time_entries.note
    )
    SELECT told.id AS subject_id, NULL AS project_id, told.id AS occasion,
        COALESCE(users.owner_id, users.id) AS user_id,
        COALESCE(NULLIF(told.note, ''), tasks.title, '') AS title
    FROM told JOIN users ON users.id = told.user_id
    LEFT JOIN tasks ON tasks.id = told.task_id
"""

LOOKS = {
    NotificationKind.DUE_SOON: DUE_SOON,
    NotificationKind.OVERDUE: OVERDUE,
    NotificationKind.TIMER_LONG: LONG_TIMERS,
}


class ReminderService:
    """Looks each minute for what is to be told."""

    def __init__(
        self, database: DatabaseClient, jobs: JobQueue, notifications: NotificationService
    ) -> None:
        self._db = database
        self._notifications = notifications
        self._looks = {kind: database.prepare(text(look)) for kind, look in LOOKS.items()}
        jobs.every(EVERY_MINUTE, "reminders.scan", self.scan)

    def scan(self) -> None:
        """Tell all that is to be told, in many short transactions that it opens itself."""
        for kind, look in self._looks.items():
            while self._db.transaction(partial(self._tell, kind, look)) == PORTION:
                pass

    def _tell(self, kind: NotificationKind, look: Prepared) -> int:
        rows = look.all(portion=PORTION)
        for row in rows:
            if row["user_id"] is not None:
                self._tell_one(kind, row)
        return len(rows)

    def _tell_one(self, kind: NotificationKind, row: Row) -> None:
        self._notifications.tell(
            kind,
            [row["user_id"]],
            key=f"{kind} {row['occasion']}",
            actor_id=None,
            project_id=row["project_id"],
            subject_id=row["subject_id"],
            title=row["title"][:200],
        )


reminder_service = ReminderService(db, job_queue, notification_service)
