"""What a check returns."""

from typing import Any, NamedTuple

import psycopg

from config import Settings
from models.doctor import Verdict


class Outcome(NamedTuple):
    """How something is, and in words."""

    verdict: Verdict
    message: str


class Patient(NamedTuple):
    """The database as the checks see it: read only, with short limits; and the settings."""

    connection: psycopg.Connection[tuple[Any, ...]]
    options: Settings

    def all(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self.connection.execute(query.encode(), values).fetchall()

    def one(self, query: str, **values: Any) -> tuple[Any, ...]:
        """Return the one row of a query."""
        (row,) = self.all(query, **values)
        return row

    def has(self, table: str) -> bool:
        """Tell whether there is such a table."""
        return bool(self.one("SELECT to_regclass(%(table)s) IS NOT NULL", table=table)[0])


def ok(message: str) -> Outcome:
    """All is well."""
    return Outcome(Verdict.OK, message)


def warn(message: str) -> Outcome:
    """It may become a problem, or is one for some."""
    return Outcome(Verdict.WARN, message)


def fail(message: str) -> Outcome:
    """It is a problem."""
    return Outcome(Verdict.FAIL, message)


def some(names: list[str]) -> str:
    """Name the first few."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
