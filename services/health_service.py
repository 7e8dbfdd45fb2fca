"""Health: whether this installation can do its work."""

from functools import cached_property

from alembic.script import ScriptDirectory
from sqlalchemy import text

from config import settings
from models.health import Bus, Health, HealthDetails, PoolUse, Readiness
from services.connection_manager import ConnectionManager, connection_manager
from services.db_client import DatabaseClient, db
from services.event_bus import EventBus, event_bus
from utils.errors import UnavailableError

# Near the old end of the log, which a summary of its stretches finds without reading the rest.
DETAILS = text(
    """
    SELECT current_setting('server_version') AS database_version,
        (SELECT count(*) FROM processes WHERE expires_at > now()) AS processes,
        (SELECT count(DISTINCT connection_id) FROM presences
         JOIN processes ON processes.id = process_id AND expires_at > now()) AS sockets_in_rooms,
        (SELECT min(at) FROM events WHERE at < now() - make_interval(days => :days + 1))
            AS purge_overdue_since,
        (SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo') AS jobs_waiting,
        (SELECT COALESCE(
             scheduled_at,
             (SELECT min(at) FROM procrastinate_events WHERE job_id = jobs.id AND type = 'deferred')
         ) FROM procrastinate_jobs AS jobs
         WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now())
         ORDER BY priority DESC, id LIMIT 1) AS jobs_waiting_since,
        (SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed') AS jobs_failed
    """
)


class HealthService:
    """Liveness needs nothing; readiness needs the database and the schema of this code."""

    def __init__(
        self, database: DatabaseClient, bus: EventBus, connections: ConnectionManager
    ) -> None:
        self._db = database
        self._bus = bus
        self._connections = connections
        self._details = database.prepare(DETAILS)
        self._has_schema = database.prepare(
            text("SELECT to_regclass('alembic_version') IS NOT NULL AS found")
        )
        self._revision = database.prepare(text("SELECT version_num FROM alembic_version"))

    def live(self) -> Health:
        """The process runs; nothing else is asked."""
        return Health()

    def ready(self) -> Readiness:
        """Return the schema's revision; UnavailableError when it is not the one of this code."""
        applied = self._applied_revision()
        if applied is None or applied != self._expected_revision:
            raise UnavailableError(
                "The database schema is not that of this version; run `flask db upgrade`.",
                code="schema_outdated",
            )
        return Readiness(schema_revision=applied)

    def details(self) -> HealthDetails:
        """Return what operators want to know; nothing of it takes long to find out."""
        found = self._details.one(days=settings.event_days)
        size, in_use = self._db.pool_use()
        return HealthDetails(
            **found,
            schema_revision=self._applied_revision(),
            pool=PoolUse(size=size, in_use=in_use),
            bus=Bus(
                channel="redis" if settings.redis_url else "postgres",
                is_connected=self._bus.is_connected,
            ),
            sockets=len(self._connections),
        )

    def _applied_revision(self) -> str | None:
        row = self._revision.first() if self._has_schema.one()["found"] else None
        return row["version_num"] if row else None

    @cached_property
    def _expected_revision(self) -> str | None:
        return ScriptDirectory(settings.project_dir / "migrations").get_current_head()


health_service = HealthService(db, event_bus, connection_manager)
