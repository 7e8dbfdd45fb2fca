"""The schema: which revision the database is at, and bringing it up to date."""

from functools import cached_property
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from config import settings

LOCK = int.from_bytes(b"stint")  # whoever changes the schema takes it; nobody else has this number


class SchemaService:
    """Knows the revisions in a folder of migrations; `flask db` is for all else."""

    def __init__(self, migrations: Path) -> None:
        self._migrations = migrations

    @cached_property
    def _scripts(self) -> ScriptDirectory:
        return ScriptDirectory(str(self._migrations))

    @cached_property
    def head(self) -> str:
        """The revision that this code needs."""
        return str(self._scripts.get_current_head())

    def knows(self, revision: str) -> bool:
        """Tell whether a revision is one of this code's; those of newer code are not."""
        return any(script.revision == revision for script in self._scripts.walk_revisions())

    def upgrade(self) -> None:
        """Bring the database of the settings up to date; the process ends where that fails."""
        config = Config()
        config.set_main_option("script_location", str(self._migrations).replace("%", "%%"))
        command.upgrade(config, "head")


schema_service = SchemaService(settings.project_dir / "migrations")
