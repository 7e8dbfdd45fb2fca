"""Runs migrations on the database that the settings name, or on the embedded one."""

import sys

from alembic import context
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

import models.all  # noqa: F401 - fills the metadata
from models.base import Base
from services.db_client import running_database
from utils.errors import ServiceError

LOCK = int.from_bytes(b"stint")  # nobody else takes this number in our database


def _is_ours(name: str | None, _kind: str, _parents: object) -> bool:
    """The tables of the job queue have no models: they belong to their library."""
    return not (name or "").startswith("procrastinate_")


def run_migrations() -> None:
    """Migrate in one transaction; of several processes at once, one does it."""
    with running_database() as url:
        engine = create_engine(url, poolclass=NullPool)
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            context.configure(
                connection=connection,
                target_metadata=Base.metadata,
                compare_type=True,
                compare_server_default=True,
                include_name=_is_ours,
            )
            with context.begin_transaction():
                context.run_migrations()


try:
    run_migrations()
except ServiceError as error:
    sys.exit(f"stint: {error.detail}")
except DBAPIError as error:
    reason = str(error.orig).partition("\n")[0]
    sys.exit(f"stint: the database cannot be used, look at DATABASE_URL: {reason}")
