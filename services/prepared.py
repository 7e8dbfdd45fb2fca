"""Statements of SQLAlchemy Core, compiled to text once and run without the ORM."""

from collections.abc import Callable, Iterator
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

import psycopg
from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

if TYPE_CHECKING:
    from sqlalchemy.sql.compiler import SQLCompiler

    from services.unit_of_work import UnitOfWork

Row = dict[str, Any]
Text = tuple[bytes, list[str], Row]  # what is sent, its parameters in order, and their defaults

# PostgreSQL's own placeholders: psycopg has nothing to translate when the statement runs.
_DIALECT = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy
_COMPILING = Lock()


class Prepared:
    """A statement ready to run on the connection of the current unit of work.

    Parameters are named like its bindparams; rows come as dictionaries keyed by column label.
    psycopg prepares the text on the server after a few runs on the same connection.
    """

    def __init__(
        self,
        statement: ClauseElement,
        unit: "Callable[[], UnitOfWork]",
        *,
        on_server: bool | None,
    ) -> None:
        self._statement: ClauseElement | None = statement
        self._text: Text = b"", [], {}
        self._unit = unit
        self._on_server = on_server
        self._labels: list[str] = []

    @cached_property
    def _compiled(self) -> Text:
        with _COMPILING:  # two threads of a worker may both be the first
            if self._statement is not None:
                compiled = cast("SQLCompiler", self._statement.compile(dialect=_DIALECT))
                names = list(compiled.positiontup or ())
                self._text = str(compiled).encode(), names, dict(compiled.params)
                self._statement = None  # it takes fifty times the memory of its text
            return self._text

    @property
    def sql(self) -> str:
        """The text that is sent, with $1, $2, ... for its parameters."""
        return self._compiled[0].decode()

    def values(self, **parameters: Any) -> list[Any]:
        """Return what is sent for $1, $2, ... when it runs with these parameters."""
        _, names, defaults = self._compiled
        given = {**defaults, **parameters}
        return [given[name] for name in names]

    def _run(self, parameters: Row) -> psycopg.RawCursor[Any]:
        values = self.values(**parameters)
        return self._unit().run(self._compiled[0], values, prepare=self._on_server)

    def _labels_of(self, cursor: psycopg.RawCursor[Any]) -> list[str]:
        if not self._labels:
            self._labels = [column.name for column in cursor.description or ()]
        return self._labels

    def all(self, **parameters: Any) -> list[Row]:
        """Run it and return every row."""
        cursor = self._run(parameters)
        labels = self._labels_of(cursor)
        return [dict(zip(labels, row, strict=True)) for row in cursor.fetchall()]

    def batches(self, size: int, **parameters: Any) -> Iterator[list[Row]]:
        """Run it and yield its rows, so many at a time; in a transaction, and one at a time.

        The rows wait on the server, so that memory holds no more than a batch.
        """
        driver = self._unit().driver
        driver.execute("SET LOCAL cursor_tuple_fraction = 1")  # planned for all rows, not for some
        with psycopg.RawServerCursor(driver, "batches") as cursor:
            cursor.execute(self._compiled[0], self.values(**parameters))
            labels = [column.name for column in cursor.description or ()]
            while rows := cursor.fetchmany(size):
                yield [dict(zip(labels, row, strict=True)) for row in rows]

    def first(self, **parameters: Any) -> Row | None:
        """Run it and return the first row, if there is one."""
        return self._first_of(self._run(parameters))

    def _first_of(self, cursor: psycopg.RawCursor[Any]) -> Row | None:
        row = cursor.fetchone()
        return None if row is None else dict(zip(self._labels_of(cursor), row, strict=True))

    def one(self, **parameters: Any) -> Row:
        """Run it and return the row that must be there."""
        return self._only(self._run(parameters))

    def one_at_last(self, **parameters: Any) -> Row:
        """Like `one`; it commits when nothing else is left to be done before the commit."""
        return self._only(self._unit().run_last(self._compiled[0], self.values(**parameters)))

    def _only(self, cursor: psycopg.RawCursor[Any]) -> Row:
        row = self._first_of(cursor)
        if row is None:
            raise LookupError(f"no row from: {self.sql}")
        return row

    def execute(self, **parameters: Any) -> int:
        """Run it and return the number of rows it touched."""
        return self._run(parameters).rowcount
