"""Health: whether this installation can do its work."""

from shutil import disk_usage

from sqlalchemy import text

from config import Settings, settings
from models.health import Bus, Health, HealthDetails, Lack, PoolUse, Readiness
from services.connection_manager import ConnectionManager, connection_manager
from services.db_client import DatabaseClient, db
from services.event_bus import EventBus, event_bus
from services.postgres.embedded import EmbeddedPostgres, embedded_postgres
from services.schema_service import SchemaService, schema_service
from utils.errors import UnavailableError

WORKER_SEEN = """
    EXISTS (SELECT FROM procrastinate_workers
            WHERE last_heartbeat > now() - make_interval(secs => :seconds))
"""
HAS_WORKER = text(f"SELECT {WORKER_SEEN} AS found")
# Near the old end of the log, which a summary of its stretches finds without reading the rest.
DETAILS = text(
    f"""
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
        (SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed') AS jobs_failed,
        {WORKER_SEEN} AS has_worker
    """  # noqa: S608 - constants
)
WORKER_SECONDS = 30  # a worker says every few seconds that it lives
DISK_BYTES_MIN = 512 * 1024 * 1024


class HealthService:
    """Liveness needs nothing; readiness needs the database and the schema of this code."""

    def __init__(
        self,
        database: DatabaseClient,
        bus: EventBus,
        connections: ConnectionManager,
        schema: SchemaService,
        embedded: EmbeddedPostgres,
        options: Settings,
    ) -> None:
        self._schema = schema
        self._embedded = embedded
        self._options = options
        self._db = database
        self._bus = bus
        self._connections = connections
        self._details = database.prepare(DETAILS)
        self._has_schema = database.prepare(
            text("SELECT to_regclass('alembic_version') IS NOT NULL AS found")
        )
        self._has_worker = database.prepare(HAS_WORKER)
        self._revision = database.prepare(text("SELECT version_num FROM alembic_version"))

    def live(self) -> Health:
        """The process runs; nothing else is asked."""
        return Health()

    def ready(self) -> Readiness:
        """Return the schema's revision; UnavailableError when it is older than this code."""
        applied = self._served_revision()
        lacking = self._lacking()
        return Readiness(
            status="degraded" if lacking else "ready", schema_revision=applied, lacking=lacking
        )

    def _lacking(self) -> list[Lack]:
        found = {
            Lack.BUS: self._bus.is_connected,
            Lack.WORKER: self._has_worker.one(seconds=WORKER_SECONDS)["found"],
            # Not by DATABASE_URL: where it is unset, the launcher sets it for what it starts.
            Lack.DISK: not self._embedded.is_used
            or disk_usage(self._embedded.directory).free > DISK_BYTES_MIN,
        }
        return [lack for lack, is_there in found.items() if not is_there]

    def details(self) -> HealthDetails:
        """Return what operators want to know; nothing of it takes long to find out."""
        revision = self._served_revision()
        found = self._details.one(days=self._options.event_days, seconds=WORKER_SECONDS)
        size, in_use = self._db.pool_use()
        return HealthDetails(
            **found,
            schema_revision=revision,
            pool=PoolUse(size=size, in_use=in_use),
            bus=Bus(
                channel="redis" if self._options.redis_url else "postgres",
                is_connected=self._bus.is_connected,
            ),
            sockets=len(self._connections),
        )

    def _served_revision(self) -> str:
        """Return the schema's revision; one that is newer than this code serves it, too.

        Schemas are brought up to date before the code, and what they get first is additions.
        """
        row = self._revision.first() if self._has_schema.one()["found"] else None
        revision = str(row["version_num"]) if row else None
        if revision is None or (revision != self._schema.head and self._schema.knows(revision)):
            raise UnavailableError(
                "The database schema is older than this version; run `flask db upgrade`.",
                code="schema_outdated",
            )
        return revision


health_service = HealthService(
    db, event_bus, connection_manager, schema_service, embedded_postgres, settings
)
