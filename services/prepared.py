"""Statements of SQLAlchemy Core, compiled to text once and run without the ORM."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import psycopg
from psycopg.rows import dict_row
from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

Row = dict[str, Any]

_DIALECT = PGDialect_psycopg()  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy


class Prepared:
    """A statement ready to run on the connection of the current unit of work.

    Parameters are named like its bindparams; rows come as dictionaries keyed by column label.
    psycopg prepares the text on the server after a few runs on the same connection.
    """

    def __init__(
        self, statement: ClauseElement, driver: Callable[[], psycopg.Connection[Any]]
    ) -> None:
        self._statement = statement
        self._driver = driver

    @cached_property
    def _compiled(self) -> tuple[bytes, Row]:
        compiled = self._statement.compile(dialect=_DIALECT)
        return str(compiled).encode(), dict(compiled.params)

    @property
    def sql(self) -> str:
        """The text that is sent, with pyformat placeholders."""
        return self._compiled[0].decode()

    def _run(self, parameters: Row) -> psycopg.Cursor[Row]:
        sql, defaults = self._compiled
        cursor = self._driver().cursor(row_factory=dict_row)
        return cursor.execute(sql, {**defaults, **parameters})

    def all(self, **parameters: Any) -> list[Row]:
        """Run it and return every row."""
        return self._run(parameters).fetchall()

    def first(self, **parameters: Any) -> Row | None:
        """Run it and return the first row, if there is one."""
        return self._run(parameters).fetchone()

    def one(self, **parameters: Any) -> Row:
        """Run it and return the row that must be there."""
        row = self.first(**parameters)
        if row is None:
            raise LookupError(f"no row from: {self.sql}")
        return row

    def execute(self, **parameters: Any) -> int:
        """Run it and return the number of rows it touched."""
        return self._run(parameters).rowcount
