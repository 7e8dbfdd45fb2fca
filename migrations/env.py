"""Runs migrations on the database that the settings name, or on the embedded one."""

import sys

from alembic import context
from sqlalchemy.exc import DBAPIError

import models.all  # noqa: F401 - fills the metadata
from models.base import Base
from services.db_client import running_database
from services.schema_changes import changing_schema, migrate_patiently, what_is_left
from utils.errors import ServiceError


def print_migrations() -> None:
    """Print the SQL of migrations, which nothing is asked of the database for."""
    context.configure(
        dialect_name="postgresql",
        dialect_opts={"paramstyle": "named"},  # others would double each %
        literal_binds=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def run_migrations() -> None:
    """Migrate, each revision in a transaction; of several processes at once, one does it."""
    applied: list[object] = []

    def migrate() -> None:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            transaction_per_migration=True,
            compare_type=True,
            compare_server_default=True,
            include_name=_is_ours,
            on_version_apply=lambda **applying: applied.append(applying["step"]),
        )
        with context.begin_transaction():
            context.run_migrations()

    def may_repeat() -> bool:
        # From another revision on, "-2" would go too far.
        return not applied or not str(context.get_revision_argument()).startswith(("+", "-"))

    with running_database() as url, changing_schema(url) as connection:
        migrate_patiently(connection, migrate, may_repeat)


def _is_ours(name: str | None, _kind: str, _parents: object) -> bool:
    """The tables of the job queue have no models: they belong to their library."""
    return not (name or "").startswith("procrastinate_")


try:
    if context.is_offline_mode():
        print_migrations()
    else:
        run_migrations()
except ServiceError as error:
    sys.exit(f"stint: {error.detail}")
except DBAPIError as error:
    reason = str(error.orig).partition("\n")[0]
    if error.statement is not None:
        left = what_is_left(error)
        sys.exit(f"stint: a migration failed and {left}, those before it stay: {reason}")
    sys.exit(f"stint: the database cannot be used, look at DATABASE_URL: {reason}")
