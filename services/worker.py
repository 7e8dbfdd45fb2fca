"""The worker process: does what is in the job queue until it is told to stop.

It runs beside the web, in a process of its own that gevent has not patched: the queue's library
needs asyncio, and a job may take as long as it likes.
"""

import asyncio
import logging
import math
import os
import signal
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Timer
from typing import Any, LiteralString

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from procrastinate.sql import queries

from config import settings
from services.db_client import find_database_url
from services.event_bus import EventBus, event_bus
from services.job_queue import JobQueue, Lane, job_queue
from services.patient_connection import TCP_LIMITS, PatientAsyncConnection
from utils.errors import UnavailableError
from utils.logger import get_logger

HEARTBEAT_SECONDS = 3.0
STALLED_SECONDS = 12.0  # a worker without a heartbeat for so long is dead, and its jobs are free
RESCUE_SECONDS = 5.0
RESCUES_MAX = 20  # a job that takes its worker along each time is given up
STOP_SECONDS = 10.0
WRITE_DOWN_SECONDS = 3.0  # then to say how it ended, if the database answers
RECONNECT_SECONDS = 2.0
POOL_SECONDS = 5.0
POLL_SECONDS = 0.5  # nothing tells a worker that the job ahead in a line has ended
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

OUTCOMES = (queries["finish_job"], queries["retry_job"])
DATABASE_AWAY = (ConnectorException, psycopg.Error, UnavailableError)

logger = get_logger(__name__)


class Worker:
    """Runs so many jobs of each lane at once, in threads."""

    def __init__(self, queue: JobQueue, bus: EventBus, lanes: Mapping[Lane, int]) -> None:
        self._queue = queue
        self._tasks = queue.tasks
        self._bus = bus
        self._lanes = lanes

    def run(self) -> None:
        """Work until SIGTERM or SIGINT; what is being done then is finished, within limits."""
        logging.getLogger("procrastinate").setLevel(logging.CRITICAL)  # jobs log for themselves
        self._queue.start_periodic()
        self._bus.start()  # what jobs change is seen live
        asyncio.run(self._until_stopped())

    def run_once(self) -> None:
        """Do what is due now and what follows from it, and return when nothing is left."""
        while self._queue.has_due(self._lanes):
            asyncio.run(self._serve(wait=False))

    async def _until_stopped(self) -> None:
        serving = asyncio.create_task(self._reconnecting())

        def stop() -> None:
            self._queue.stopping.set()
            serving.cancel()
            _end_at_last(STOP_SECONDS + WRITE_DOWN_SECONDS)
            logger.info("worker.stopping")

        for number in STOP_SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, stop)
        with suppress(asyncio.CancelledError):
            await serving
        logger.info("worker.stopped")

    async def _reconnecting(self) -> None:
        while True:
            try:
                await self._serve(wait=True)
            except* DATABASE_AWAY as group:
                logger.warning("worker.database_away", error=type(group.exceptions[0]).__name__)
            # A group of tasks that ends with an error forgets that it was cancelled meanwhile.
            if self._queue.stopping.is_set():
                return
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _serve(self, *, wait: bool) -> None:
        """Serve all lanes; when one of them ends for want of a database, all do."""
        threads = ThreadPoolExecutor(sum(self._lanes.values()), thread_name_prefix="job")
        asyncio.get_running_loop().set_default_executor(threads)
        connector = connector_for(len(self._lanes))
        with self._tasks.replace_connector(connector) as tasks:
            async with tasks.open_async(), asyncio.TaskGroup() as group:
                for lane, jobs_at_once in self._lanes.items():
                    group.create_task(_serve_lane(tasks, lane, jobs_at_once, wait=wait))
                if wait:
                    group.create_task(_rescue_for_ever(tasks))
                    group.create_task(_end_when_unsure(connector))
                    logger.info(
                        "worker.started",
                        **{str(lane): at_once for lane, at_once in self._lanes.items()},
                    )


def _end_at_last(seconds: float) -> None:
    """End the process then, whatever it still waits for.

    On a line that went silent each question takes its time to be given up, one after another. What
    is not written down by then is done again, as after any death.
    """

    def end() -> None:
        logger.warning("worker.cut_short")
        os._exit(0)

    timer = Timer(seconds, end)
    timer.daemon = True
    timer.start()


async def _serve_lane(tasks: App, lane: Lane, jobs_at_once: int, *, wait: bool) -> None:
    await tasks.run_worker_async(
        queues=[lane],
        concurrency=jobs_at_once,
        wait=wait,
        delete_jobs="successful",
        fetch_job_polling_interval=POLL_SECONDS,
        install_signal_handlers=False,
        shutdown_graceful_timeout=STOP_SECONDS,
        update_heartbeat_interval=HEARTBEAT_SECONDS,
        stalled_worker_timeout=STALLED_SECONDS,
    )
    if wait:  # the library stops without a word when it has lost the database
        raise ConnectorException(lane)


async def _end_when_unsure(connector: "_Connector") -> None:
    """Begin anew when it is not known of a job whether it counts as done: that frees it."""
    await connector.outcome_lost.wait()
    raise ConnectorException("outcome")


async def _rescue_for_ever(tasks: App) -> None:
    """Let the jobs of dead workers run again, here or at another worker."""
    while True:
        await _rescue(tasks)
        await asyncio.sleep(RESCUE_SECONDS)


async def _rescue(tasks: App) -> None:
    manager = tasks.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
        try:
            await _free(manager, job)
        except ConnectorException as error:
            if not isinstance(error.__cause__, psycopg.errors.RaiseException):
                raise
            continue  # another worker was faster
        logger.warning(
            "job.rescued",
            job=job.task_name,
            attempts=job.attempts,
            request_id=job.task_kwargs.get("request_id"),
        )
    await manager.prune_stalled_workers(STALLED_SECONDS)


async def _free(manager: JobManager, job: Job) -> None:
    if job.attempts >= RESCUES_MAX:
        await manager.finish_job(job, status=Status.FAILED, delete_job=False)
        return
    try:
        await manager.retry_job(job)
    except UniqueViolation:  # what is done at certain times is due again already
        await manager.finish_job(job, status=Status.FAILED, delete_job=True)


class _Connector(PsycopgConnector):
    """The library forgets a job whose end it could not write down: no other would ever do it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.outcome_lost = asyncio.Event()

    async def execute_query_async(self, query: LiteralString, **arguments: Any) -> None:
        try:
            await super().execute_query_async(query, **arguments)
        except ConnectorException as error:
            if query not in OUTCOMES or not isinstance(error.__cause__, psycopg.OperationalError):
                raise
            logger.warning("job.outcome_lost", job_id=arguments["job_id"])
            self.outcome_lost.set()


def connector_for(lanes: int) -> _Connector:
    """A pool with a listening connection for each lane, and two for everything else."""
    size = lanes + 2
    # What is given up here would go on there, and be asked for again.
    limits = f"-c timezone=UTC -c statement_timeout={settings.database_statement_ms}"
    return _Connector(
        conninfo=find_database_url().replace("postgresql+psycopg://", "postgresql://", 1),
        min_size=size,
        max_size=size,
        timeout=POOL_SECONDS,
        connection_class=PatientAsyncConnection,
        kwargs={"application_name": "stint-worker", "options": limits, **TCP_LIMITS},
    )


# A slow receiver of webhooks must hold up neither letters nor reminders, and one that does not
# answer no other receiver.
worker = Worker(
    job_queue,
    event_bus,
    {
        Lane.DEFAULT: settings.worker_jobs,
        Lane.WEBHOOKS: settings.worker_webhooks,
        Lane.LATE_WEBHOOKS: math.ceil(settings.worker_webhooks / 5),
    },
)
