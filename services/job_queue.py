"""Work for the worker process, asked for in the transaction of the write that causes it.

What a transaction asks for is there when it commits and was never there when it rolls back. A job
runs at least once: also again when its worker was killed on the way, so it must be safe to repeat.
Its arguments are JSON without secrets: they stand in the database, and operators may read them.
"""

import logging
import random
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from threading import Event
from typing import Any

from procrastinate import App, BaseRetryStrategy, RetryDecision, SyncPsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job as QueuedJob
from procrastinate.manager import JobManager
from procrastinate.tasks import Task
from procrastinate.types import JSONValue
from sqlalchemy import text

from services.db_client import DatabaseClient, db
from utils.errors import ServiceError
from utils.logger import get_logger, open_log_context
from utils.trace_context import Errand, current_errand, on_errand
from utils.tracing import Kind, span

Work = Callable[..., None]


class Lane(StrEnum):
    """A part of the queue that has its own number of jobs at once."""

    DEFAULT = "default"
    WEBHOOKS = "webhooks"
    LATE_WEBHOOKS = "late_webhooks"


PAUSES = (5, 30, 120, 600, 1_800, 7_200)  # seconds between attempts: together over two and a half h
JITTER = 0.25
FRAMES_TOLD = 5

HAS_DUE = text(
    """
    SELECT EXISTS (SELECT FROM procrastinate_jobs AS job WHERE status = 'todo'
                   AND queue_name = ANY(:lanes)
                   AND coalesce(scheduled_at, '-infinity') <= now()
                   AND NOT EXISTS (SELECT FROM procrastinate_jobs AS ahead
                                   WHERE ahead.lock = job.lock AND ahead.id < job.id
                                   AND ahead.status IN ('todo', 'doing'))) AS found
    """
)

logger = get_logger(__name__)


def sql_to_defer(name: str, lane: Lane, arguments: str) -> str:
    """Return SQL that asks for a job, for a statement that finds out itself whether there is need.

    `arguments` is SQL for its JSON; see `Job.defer` for all others.
    """
    job = f"ROW('{lane}', '{name}', 0, NULL, NULL, {arguments}, NULL)"
    return f"procrastinate_defer_jobs_v1(ARRAY[CAST({job} AS procrastinate_job_to_defer_v1)])"


class UnknownJobError(Exception):
    """Newer code asks for this kind of work; restart this worker with that code."""


class Retries(BaseRetryStrategy):
    """Tries again after each of the pauses, in seconds, a little later than it says."""

    def __init__(self, pauses: Sequence[int]) -> None:
        self._pauses = pauses

    def get_retry_decision(
        self,
        *,
        exception: BaseException,  # noqa: ARG002 - as inherited
        job: QueuedJob,
    ) -> RetryDecision | None:
        """Return when, or None after the last attempt: the job has failed then."""
        if job.attempts >= len(self._pauses) or job.queueing_lock is not None:
            return None  # what is done at certain times is due again anyway
        pause = self._pauses[job.attempts] * random.uniform(1, 1 + JITTER)  # noqa: S311 - jitter
        return RetryDecision(retry_at=datetime.now(UTC) + timedelta(seconds=pause))


class Job:
    """One kind of work; whoever only asks for it needs no more than its name and lane."""

    def __init__(self, queue: "JobQueue", name: str, lane: Lane) -> None:
        self._queue = queue
        self.name = name
        self.lane = lane

    def defer(
        self,
        *,
        in_line: str | None = None,
        at: datetime | None = None,
        **arguments: JSONValue,
    ) -> None:
        """Ask for it once the transaction commits; it goes on with the errand at hand.

        Of the jobs with one `in_line` each waits for the ones before it; `at` is the earliest time.
        """
        self._queue.add(
            QueuedJob(
                queue=self.lane,
                lock=in_line,
                queueing_lock=None,
                task_name=self.name,
                task_kwargs=arguments | _errand_told(),
                scheduled_at=at,
            )
        )


class JobQueue:
    """Keeps the kinds of work and writes what is asked for, in one statement a transaction."""

    def __init__(self, database: DatabaseClient, tasks: App) -> None:
        self._db = database
        tasks.tasks = _Kinds(tasks)
        self.tasks = tasks
        self.stopping = Event()  # set: long jobs are to leave the rest to another one
        self._periodic: list[tuple[str, Any]] = []
        # Never connects: whoever defers a job brings the connection of the transaction along.
        self._writer = JobManager(SyncPsycopgConnector())
        self._has_due = database.prepare(HAS_DUE)

    def job(
        self,
        name: str,
        work: Work,
        *,
        lane: Lane = Lane.DEFAULT,
        pauses: Sequence[int] = PAUSES,
    ) -> Job:
        """Return a kind of work for the worker process, where `work` opens its own transactions."""
        self.tasks.task(name=name, queue=lane, retry=Retries(pauses))(_logged(name, work))
        return Job(self, name, lane)

    def every(self, cron: str, name: str, work: Callable[[], None]) -> None:
        """Do `work` at these times, by one worker and never twice at once.

        The last field of `cron` may be seconds. Times that pass while no worker runs are skipped.
        """
        run = _logged(name, work, logging.DEBUG)  # some are done each minute
        task = self.tasks.task(name=name, queue="default", lock=name, queueing_lock=name)(
            lambda timestamp: run()  # noqa: ARG005 - the library tells the time by this name
        )
        self._periodic.append((cron, task))

    def start_periodic(self) -> None:
        """Let the workers of this process ask for what is done at certain times."""
        for cron, task in self._periodic:
            self.tasks.periodic(cron=cron)(task)

    def has_due(self, lanes: Iterable[Lane]) -> bool:
        """Tell whether something waits to be done now."""
        return bool(self._db.reading(lambda: self._has_due.one(lanes=list(lanes)))["found"])

    def add(self, job: QueuedJob) -> None:
        """Write the job right before the commit."""
        pending = self._db.current.pending_jobs
        if not pending:
            self._db.last_before_commit(self._write_pending)
        pending.append(job)

    def _write_pending(self) -> None:
        unit = self._db.current
        try:
            self._writer.batch_defer_jobs(unit.pending_jobs, connection=unit.driver)
        except ConnectorException as error:
            raise error.__cause__ or error from None  # what the database said, as for all else


class _Kinds(dict[str, Task[Any, Any, Any]]):
    """Kinds of work by their names.

    In an upgrade an older worker finds some that newer code alone knows. The library would give
    them up at once; here they fail like others, and whoever comes to them next tries again.
    """

    def __init__(self, tasks: App) -> None:
        super().__init__(tasks.tasks)
        self._tasks = tasks

    def get(self, name: str, _default: object = None) -> Task[Any, Any, Any]:
        return super().get(name) or Task(
            _logged(name, _leave_to_newer_code),
            blueprint=self._tasks,
            name=name,
            queue=Lane.DEFAULT,
            retry=Retries(PAUSES),
        )


def _leave_to_newer_code(**_arguments: Any) -> None:
    raise UnknownJobError


def _errand_told() -> dict[str, JSONValue]:
    """Return what a job is told of the request that asks for it, among its arguments."""
    errand = current_errand()
    if errand is None:
        return {}
    told: dict[str, JSONValue] = {"request_id": errand.request_id}
    return told if errand.parent is None else told | {"traceparent": str(errand.parent)}


def _logged(name: str, work: Work, level: int = logging.INFO) -> Work:
    """Return `work` with a line in the log for each run, and for failures the place alone.

    Their own words may quote an address or a token.
    """

    def run(
        *, request_id: str | None = None, traceparent: str | None = None, **arguments: Any
    ) -> None:
        open_log_context(job=name)
        errand = Errand(request_id) if request_id else Errand.new()
        with on_errand(errand.part_of(traceparent)), span(Kind.CONSUMER, name):
            run_logged(arguments)

    def run_logged(arguments: dict[str, Any]) -> None:
        begin = time.perf_counter()
        try:
            work(**arguments)
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)[-FRAMES_TOLD:]
            logger.warning(
                "job.failed",
                error=error.code if isinstance(error, ServiceError) else type(error).__name__,
                where=[f"{frame.filename}:{frame.lineno}" for frame in frames],
            )
            raise
        logger.log(level, "job.done", ms=round((time.perf_counter() - begin) * 1000, 1))

    return run


job_queue = JobQueue(db, App(connector=SyncPsycopgConnector()))
