"""Metrics in the text that Prometheus reads: of all processes of this server, and of the work."""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from config import Settings, settings
from models.health import HealthDetails
from services.db_client import DatabaseClient, db
from services.health_service import HealthService, health_service
from services.process_metrics_service import ProcessMetricsService, process_metrics_service
from utils.errors import ServiceError
from utils.helpers import utc_now
from utils.logger import get_logger
from utils.metrics_directory import VARIABLE
from utils.offload import offload

logger = get_logger(__name__)


class MetricsService:
    """Adds up what processes wrote down, and asks the database for what it alone knows.

    An entry point of its own, as most of it must be told while the database is away, too.
    """

    def __init__(
        self,
        database: DatabaseClient,
        health: HealthService,
        process: ProcessMetricsService,
        options: Settings,
    ) -> None:
        self._db = database
        self._health = health
        self._process = process
        self._event_age = timedelta(days=options.event_days)

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format 0.0.4."""
        self._process.write_down()
        registry = CollectorRegistry()
        registry.register(_Collected(self._of_the_database()))
        own = _registry_of_all_processes()
        # To add up the files of many processes takes milliseconds.
        return offload(generate_latest, own) + generate_latest(registry)

    def _of_the_database(self) -> list[Metric]:
        try:
            details = self._db.reading(self._health.details)
        except ServiceError as error:
            logger.warning("metrics.without_database", code=error.code)
            return [_database_up(0)]
        return [
            _database_up(1),
            *self._of_the_work(details),
        ]

    def _of_the_work(self, details: HealthDetails) -> Iterator[Metric]:
        yield _gauge("stint_processes", "Processes that serve sockets.", details.processes)
        yield _gauge("stint_worker_up", "1 while a job worker is seen.", details.has_worker)
        yield _gauge("stint_jobs_waiting", "Jobs still to be done.", details.jobs_waiting)
        yield _gauge("stint_jobs_failed", "Jobs that were given up.", details.jobs_failed)
        yield _gauge(
            "stint_jobs_waiting_seconds",
            "How long the oldest job that is due has waited.",
            _seconds_since(details.jobs_waiting_since),
        )
        oldest = details.purge_overdue_since
        yield _gauge(
            "stint_purge_overdue_seconds",
            "For how long the oldest event should have been gone.",
            _seconds_since(oldest and oldest + self._event_age),
        )


def _seconds_since(moment: datetime | None) -> float:
    return max(0.0, (utc_now() - moment).total_seconds()) if moment else 0.0


def _database_up(value: int) -> Metric:
    meaning = "1 while the database answers, with a schema that is not older than the code."
    return _gauge("stint_database_up", meaning, value)


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=value)


def _registry_of_all_processes() -> CollectorRegistry:
    if VARIABLE not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # untyped there
    return registry


class _Collected:
    """Metrics that are there already, as a registry wants to be given them."""

    def __init__(self, found: list[Metric]) -> None:
        self._found = found

    def collect(self) -> list[Metric]:
        return self._found


metrics_service = MetricsService(db, health_service, process_metrics_service, settings)
