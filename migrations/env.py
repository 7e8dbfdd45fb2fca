"""Runs migrations on the database that the settings name, or on the embedded one."""

from alembic import context
from sqlalchemy import NullPool, create_engine, text

import models.all  # noqa: F401 - fills the metadata
from models.base import Base
from services.db_client import running_database

LOCK = 0x57_1A_7  # any number that nobody else takes in this database


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
            )
            with context.begin_transaction():
                context.run_migrations()


run_migrations()
