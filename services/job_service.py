"""Jobs that wait, run or have failed: what administrators do about them.

The tables are the queue's own; so are the functions that change them.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Enum,
    Text,
    bindparam,
    case,
    cast,
    column,
    func,
    or_,
    select,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from models.job import Job, JobQuery, JobStatus
from services.access_service import not_found
from services.db_client import DatabaseClient, db
from services.listing import newest_first
from services.portions import PORTION
from utils.errors import ConflictError
from utils.logger import get_logger
from utils.pages import Page

STATUSES = {JobStatus.WAITING: "todo", JobStatus.RUNNING: "doing", JobStatus.FAILED: "failed"}

JOBS = table(
    "procrastinate_jobs",
    column("id", BigInteger),
    column("status", Enum(*STATUSES.values(), name="procrastinate_job_status")),
    *(column(name) for name in ("task_name", "attempts", "args", "scheduled_at")),
)
HAPPENINGS = Enum("deferred", "started", name="procrastinate_job_event_type")
EVENTS = table("procrastinate_events", column("job_id"), column("type", HAPPENINGS), column("at"))


def _last(kind: str) -> ColumnElement[Any]:
    """Return when this happened to a job last."""
    of_job = EVENTS.c.job_id == JOBS.c.id, EVENTS.c.type == kind
    return select(func.max(EVENTS.c.at)).where(*of_job).scalar_subquery()


ERRAND = cast(["request_id", "traceparent"], ARRAY(Text))  # see services/job_queue.py

COLUMNS = [
    JOBS.c.id,
    JOBS.c.task_name.label("kind"),
    case(*((JOBS.c.status == each, name.value) for name, each in STATUSES.items())).label("status"),
    JOBS.c.attempts,
    JOBS.c.args.op("-")(ERRAND).label("arguments"),
    JOBS.c.args.op("->>")("request_id").label("request_id"),
    _last("deferred").label("created_at"),
    _last("started").label("attempted_at"),
    JOBS.c.scheduled_at.label("due_at"),
]
KNOWN = or_(*(JOBS.c.status == each for each in STATUSES.values()))
FILTERS = {
    "status": JOBS.c.status == bindparam("status"),
    "kind": JOBS.c.task_name == bindparam("kind"),
}
LIST = select(*COLUMNS).where(KNOWN)

LOCK = text("SELECT status FROM procrastinate_jobs WHERE id = :id FOR UPDATE")
RETRY = text("SELECT procrastinate_retry_job_v2(:id, now(), NULL, NULL, NULL)")
DISCARD = text("DELETE FROM procrastinate_jobs WHERE id = :id")
PURGE = text(
    """
    WITH old AS (
        SELECT id FROM procrastinate_jobs AS jobs
        WHERE status = 'failed' AND NOT EXISTS (
            SELECT FROM procrastinate_events
            WHERE job_id = jobs.id AND at > now() - make_interval(days => :days)
        )
        LIMIT :limit FOR UPDATE SKIP LOCKED
    )
    DELETE FROM procrastinate_jobs WHERE id IN (SELECT id FROM old)
    """
)
DAYS_KEPT = 30

logger = get_logger(__name__)


class JobService:
    """Lists, retries and discards; who calls it must be an administrator."""

    def __init__(self, database: DatabaseClient) -> None:
        self._get = database.prepare(select(*COLUMNS).where(JOBS.c.id == bindparam("id")))
        self._lock = database.prepare(LOCK)
        self._retry = database.prepare(RETRY)
        self._discard = database.prepare(DISCARD)
        self._purge = database.prepare(PURGE)
        self._listing = newest_first("jobs", database, LIST, JOBS.c.id, FILTERS)

    def page(self, query: JobQuery) -> Page[Job]:
        """Return jobs, the newest first."""
        values = query.set_filters()
        if query.status is not None:
            values["status"] = STATUSES[query.status]
        return self._listing.page(query, values, "newest").map(Job.model_validate)

    def retry(self, job_id: int) -> Job:
        """Let a job that has failed be tried once more, at once."""
        if self._lock_status(job_id) != STATUSES[JobStatus.FAILED]:
            raise ConflictError(
                "This job has not failed; only those that have can be tried again.",
                code="job_not_failed",
            )
        self._retry.first(id=job_id)
        logger.info("job.retried", job_id=job_id)
        return Job.model_validate(self._get.one(id=job_id))

    def discard(self, job_id: int) -> None:
        """Forget a job that waits or has failed."""
        if self._lock_status(job_id) == STATUSES[JobStatus.RUNNING]:
            raise ConflictError(
                "This job is running; wait until it is done or has failed.", code="job_running"
            )
        self._discard.execute(id=job_id)
        logger.info("job.discarded", job_id=job_id)

    def purge(self) -> dict[str, int]:
        """Delete some of the jobs that failed long ago; returns how many, until none is."""
        return {"failed jobs": self._purge.execute(days=DAYS_KEPT, limit=PORTION)}

    def _lock_status(self, job_id: int) -> str:
        row = self._lock.first(id=job_id)
        if row is None:
            raise not_found()
        return str(row["status"])


job_service = JobService(db)
