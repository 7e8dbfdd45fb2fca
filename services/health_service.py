"""Health: whether this installation can do its work."""

from functools import cached_property

from alembic.script import ScriptDirectory
from sqlalchemy import text

from config import settings
from models.health import Health, Readiness
from services.db_client import DatabaseClient, db
from utils.errors import UnavailableError


class HealthService:
    """Liveness needs nothing; readiness needs the database and the schema of this code."""

    def __init__(self, database: DatabaseClient) -> None:
        self._has_schema = database.prepare(
            text("SELECT to_regclass('alembic_version') IS NOT NULL AS found")
        )
        self._revision = database.prepare(text("SELECT version_num FROM alembic_version"))

    def live(self) -> Health:
        """The process runs; nothing else is asked."""
        return Health()

    def ready(self) -> Readiness:
        """Return the schema's revision; UnavailableError when it is not the one of this code."""
        applied = self._revision.first() if self._has_schema.one()["found"] else None
        if applied is None or applied["version_num"] != self._expected_revision:
            raise UnavailableError(
                "The database schema is not that of this version; run `flask db upgrade`.",
                code="schema_outdated",
            )
        return Readiness(schema_revision=applied["version_num"])

    @cached_property
    def _expected_revision(self) -> str | None:
        return ScriptDirectory(settings.project_dir / "migrations").get_current_head()


health_service = HealthService(db)
