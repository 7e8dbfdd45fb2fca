"""Tables as CSV (RFC 4180)."""

import csv
import io
from collections.abc import Iterable, Sequence

# A spreadsheet takes cells that begin so for formulas.
FORMULA_MARKS = ("=", "+", "-", "@", "\t", "\r")


def write_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Return a table in UTF-8."""
    return write_rows([header]) + write_rows(rows)


def write_rows(rows: Iterable[Sequence[object]]) -> bytes:
    """Return rows of a table; text that a spreadsheet would run is marked as text."""
    out = io.StringIO()
    csv.writer(out).writerows([_plain(cell) for cell in row] for row in rows)
    return out.getvalue().encode()


def _plain(cell: object) -> object:
    if isinstance(cell, str) and cell.startswith(FORMULA_MARKS):
        return f"'{cell}"
    return cell
