"""The database seen past the service."""

from collections.abc import Mapping
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from services.db_client import DatabaseClient

# New connections to the database need not wait for the disk, or have to again.
LAZY_COMMITS: LiteralString = """
    DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database());
    END $$
"""
DURABLE_COMMITS: LiteralString = LAZY_COMMITS.replace(
    "SET synchronous_commit = off", "RESET synchronous_commit"
)


def connect(database: str) -> psycopg.Connection[dict[str, Any]]:
    """Open a connection of one's own to the database with this URL of SQLAlchemy's."""
    url = database.replace("postgresql+psycopg://", "postgresql://", 1)
    return psycopg.connect(url, autocommit=True, row_factory=dict_row)


def rows(
    database: str, query: LiteralString, values: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Run one statement and return its rows, if it has any."""
    with connect(database) as connection:
        cursor = connection.execute(query, values)
        return cursor.fetchall() if cursor.description else []


def number(database: str, query: LiteralString, values: Mapping[str, Any] | None = None) -> int:
    """Return the one number that a query counts."""
    (row,) = rows(database, query, values)
    (counted,) = row.values()
    assert isinstance(counted, int)
    return counted


def run(client: DatabaseClient, query: LiteralString, *values: Any) -> Any:
    """Run a statement in the unit of work that is open; return the first value of its answer."""
    cursor = client.current.driver.execute(query, values)
    row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None
