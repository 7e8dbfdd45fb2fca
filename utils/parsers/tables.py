"""From the bytes of a CSV file to its header and records, in any usual encoding and delimiter."""

import csv
import io
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, Self

from utils.parsers.result import LineError, UnreadableFileError

DELIMITERS = (",", ";", "\t")
UTF_16_BOMS = (b"\xff\xfe", b"\xfe\xff")
DOCUMENTS = {
    b"PK\x03\x04": "an Excel workbook or a ZIP archive",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"%PDF": "a PDF document",
}
QUOTING_RULE = "a quoted text must end with a quote, and quotes inside it be doubled"


class Record(NamedTuple):
    """The cells of one record and the physical line on which it begins."""

    line: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Table:
    """A header and the records with as many cells; `errors` stand for the others."""

    header: list[str]
    records: list[Record]
    errors: list[LineError]


def read_table(content: bytes, known_columns: Collection[str], preamble: int = 0) -> Table:
    """Read a CSV file; its delimiter is the one that finds most known columns in the header.

    Known columns are given as `column_key` returns them. Up to `preamble` records may come before
    the header, which is then the one that names most of them. Blank records are skipped.
    """
    lines = _Lines(decode(content))
    delimiter, header = _read_header(lines, known_columns, preamble)
    table = Table(header, [], [])
    for outcome in _read_body(lines, delimiter, len(header)):
        if isinstance(outcome, Record):
            table.records.append(outcome)
        else:
            table.errors.append(outcome)
    return table


def decode(content: bytes) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 with a byte order mark."""
    for signature, document in DOCUMENTS.items():
        if content.startswith(signature):
            raise UnreadableFileError(f"The file is {document}. Export the report as CSV instead.")
    try:
        text = content.decode("utf-16" if content.startswith(UTF_16_BOMS) else "utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFileError(
            "The file is not text in UTF-8. Export the report as CSV again, "
            "or save it from the spreadsheet as 'CSV UTF-8'."
        ) from None
    if "\x00" in text:
        raise UnreadableFileError(
            "The file contains NUL characters, so it is damaged or not a CSV file. "
            "Export the report as CSV again and send that file unchanged."
        )
    if not text.strip():
        raise UnreadableFileError("The file is empty. Export the report as CSV again.")
    return text


def column_key(name: str) -> str:
    """Return what identifies a column: its name without regard to case and spacing."""
    return " ".join(name.split()).casefold()


class _Lines:
    """The physical lines of a text; it can be told to go back and read some again.

    How often is limited, so that no file can make reading take more than a few passes.
    """

    def __init__(self, text: str) -> None:
        # Not splitlines(), which also ends lines where csv and editors do not, like at U+2028.
        self._lines = list(io.StringIO(text, newline=""))
        self._rereadable = 2 * len(self._lines)
        self.position = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        try:
            line = self._lines[self.position]
        except IndexError:
            raise StopIteration from None
        self.position += 1
        return line

    @property
    def at_end(self) -> bool:
        return self.position == len(self._lines)

    def back_to(self, position: int) -> None:
        distance = self.position - position
        if distance <= self._rereadable:
            self._rereadable -= distance
            self.position = position


def _read_header(
    lines: _Lines, known_columns: Collection[str], preamble: int
) -> tuple[str, list[str]]:
    """Return the delimiter and the header, and leave `lines` behind it."""
    best, delimiter, header, end = 0, "", [""], 0
    for candidate in DELIMITERS:
        lines.position = 0
        for cells in islice(_first_records(lines, candidate), preamble + 1):
            known = sum(column_key(cell) in known_columns for cell in cells)
            if known > best:
                best, delimiter, header, end = known, candidate, cells, lines.position
    if not best:
        raise UnreadableFileError(
            "No header line names a column that is known here. Export the report as CSV, "
            "separated by commas, semicolons or tabs, with its header line, and send it unchanged."
        )
    lines.position = end
    return delimiter, header


def _first_records(lines: _Lines, delimiter: str) -> Iterator[list[str]]:
    """Yield the records that are not blank, as far as they can be read with the delimiter."""
    with suppress(csv.Error):
        for cells in csv.reader(lines, delimiter=delimiter, strict=True):
            if not _is_blank(cells):
                yield cells


def _read_body(lines: _Lines, delimiter: str, width: int) -> Iterator[Record | LineError]:
    """Yield what comes after the header.

    A record that cannot be read is given up with its first line, and reading goes on at the next:
    a quote that is never closed would otherwise take all the lines behind it along.
    """
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while not lines.at_end:
        line = lines.position + 1
        try:
            cells = next(reader)
        except csv.Error as error:
            yield LineError(line, "", f"cannot be read as CSV ({error}): {QUOTING_RULE}")
            lines.back_to(line)
            continue
        if _is_blank(cells):
            continue
        if len(cells) == width:
            yield Record(line, cells)
        else:
            yield LineError(line, "", f"has {len(cells)} cells; the header has {width}")
            lines.back_to(line)


def _is_blank(cells: list[str]) -> bool:
    return not "".join(cells).strip()
