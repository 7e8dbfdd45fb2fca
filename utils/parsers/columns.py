"""Where a file has which column, and its records while they are read."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from utils.parsers.result import BadCellError, LineError, UnreadableFileError
from utils.parsers.tables import Record, column_key

UNKNOWN_SHOWN_MAX = 100

T = TypeVar("T")


@dataclass(slots=True)
class Columns:
    """The columns that a format knows: where this file has them, and what it calls them."""

    positions: dict[str, int] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)

    def missing(self, required: tuple[str, ...]) -> list[str]:
        """Return those of the required columns that the file does not have."""
        return [name for name in required if name not in self.titles]


def find_columns(header: list[str], name_of: Callable[[str], str | None]) -> Columns:
    """Find the columns that `name_of` has a name for, asked by what `column_key` returns."""
    columns = Columns()
    for position, text in enumerate(header):
        title = " ".join(text.split())
        name = name_of(column_key(title))
        if name in columns.titles:
            raise UnreadableFileError(
                f"The columns {columns.titles[name]} and {title} mean the same. Remove one of them."
            )
        if name is not None:
            columns.positions[name] = position
            columns.titles[name] = title
        elif title:
            columns.unknown.append(title[:UNKNOWN_SHOWN_MAX])
    return columns


class Row:
    """One record while it is read: it gathers all that is wrong with it."""

    def __init__(self, record: Record, columns: Columns) -> None:
        self.line = record.line
        self.errors: list[LineError] = []
        self.titles = columns.titles
        self._positions = columns.positions
        self._cells = [*record.cells, ""]

    def text(self, column: str) -> str:
        """Return the cell as it is; an empty string where the file has no such column."""
        return self._cells[self._positions.get(column, -1)]

    def read(self, column: str, parse: Callable[[str], T], otherwise: T) -> T:
        """Return the value of the cell, or note what is wrong with it and return `otherwise`."""
        try:
            return parse(self._cells[self._positions.get(column, -1)])
        except BadCellError as error:
            self.fail(column, str(error))
            return otherwise

    def fail(self, column: str, message: str) -> None:
        """Note what is wrong with a cell."""
        self.errors.append(LineError(self.line, self.titles[column], message))
