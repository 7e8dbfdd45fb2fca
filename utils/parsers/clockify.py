"""Clockify's detailed report as CSV."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import TypeVar
from zoneinfo import ZoneInfo

from utils.parsers import cells
from utils.parsers.result import (
    BadCellError,
    LineError,
    ParsedEntry,
    ParsedFile,
    UnreadableFileError,
)
from utils.parsers.tables import Record, Table, column_key, read_table
from utils.parsers.timestamps import DateOrder, date_order, parse_date, parse_time, to_instants

START_DATE, START_TIME, END_DATE, END_TIME = "Start Date", "Start Time", "End Date", "End Time"
USER, EMAIL, RATE, DURATION = "User", "Email", "Billable Rate", "Duration (h)"
PROJECT, CLIENT, TASK, NOTE = "Project", "Client", "Task", "Description"
LABELS, BILLABLE = "Tags", "Billable"

REQUIRED = (START_DATE, START_TIME, END_DATE, END_TIME)
READ = (*REQUIRED, USER, EMAIL, DURATION, PROJECT, CLIENT, TASK, NOTE, LABELS, BILLABLE)
LEFT_OUT = ("Group", "Type", "Invoiced", "Invoice ID", "Duration (decimal)", "Date of creation")
BY_KEY = {column_key(name): name for name in (*READ, *LEFT_OUT)}

NO_LABELS: tuple[str, ...] = ()
UNKNOWN_SHOWN_MAX = 100

_RATE_KEY = re.compile(r"billable rate \(([a-z]{3})\)")
_AMOUNT_KEY = re.compile(r"billable amount \([a-z]{3}\)")

_person_name = cells.name_up_to(100)
_project_name = cells.name_up_to(100)
_client_name = cells.name_up_to(100)
_task_title = cells.name_up_to(200)
_note = cells.text_up_to(3000)

T = TypeVar("T")


def parse_clockify(content: bytes, zone: ZoneInfo) -> ParsedFile:
    """Read an export whose wall-clock times are those of `zone`; what it shows is not in the file.

    Raises UnreadableFileError where no entry can be read at all. `to_instants` says what becomes of
    times that come twice or never, `date_order` how 03/04/2024 is understood.
    """
    table = read_table(content, BY_KEY.keys())
    columns = _find_columns(table.header)
    dates = partial(parse_date, order=_date_order(table, columns))
    parsed = ParsedFile(errors=table.errors, unknown_columns=columns.unknown)
    for record in table.records:
        row = _Row(record, columns)
        entry = _read_entry(row, dates, zone)
        if entry is not None:
            parsed.entries.append(entry)
        parsed.errors.extend(row.errors)
    parsed.errors.sort(key=lambda error: error.line)
    return parsed


@dataclass(slots=True)
class _Columns:
    """Where this file has which column, and what it calls them."""

    positions: dict[str, int] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    currency: str | None = None
    unknown: list[str] = field(default_factory=list)


class _Row:
    """One record while it is read: it gathers all that is wrong with it."""

    def __init__(self, record: Record, columns: _Columns) -> None:
        self.line = record.line
        self.currency = columns.currency
        self.errors: list[LineError] = []
        self._titles = columns.titles
        self._positions = columns.positions
        self._cells = [*record.cells, ""]

    def has(self, column: str) -> bool:
        return column in self._titles

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
        self.errors.append(LineError(self.line, self._titles[column], message))


def _find_columns(header: list[str]) -> _Columns:
    columns = _Columns()
    for position, title in enumerate(header):
        _add_column(columns, position, " ".join(title.split()))
    missing = [name for name in REQUIRED if name not in columns.titles]
    if USER not in columns.titles and EMAIL not in columns.titles:
        missing.append(f"{EMAIL} or {USER}")
    if missing:
        raise UnreadableFileError(
            f"The file has no column {', '.join(missing)}. In Clockify, open the detailed report "
            "(not the summary or weekly one), export it as CSV and send that file unchanged."
        )
    return columns


def _add_column(columns: _Columns, position: int, title: str) -> None:
    key = column_key(title)
    name = BY_KEY.get(key)
    if rate := _RATE_KEY.fullmatch(key):
        name = RATE
        columns.currency = rate[1].upper()
    if name in columns.titles:
        raise UnreadableFileError(
            f"The columns {columns.titles[name]} and {title} mean the same. Remove one of them."
        )
    if name is not None:
        columns.positions[name] = position
        columns.titles[name] = title
    elif title and not _AMOUNT_KEY.fullmatch(key):
        columns.unknown.append(title[:UNKNOWN_SHOWN_MAX])


def _date_order(table: Table, columns: _Columns) -> DateOrder:
    positions = [columns.positions[START_DATE], columns.positions[END_DATE]]
    return date_order({record.cells[at] for record in table.records for at in positions})


def _read_entry(row: _Row, dates: Callable[[str], date], zone: ZoneInfo) -> ParsedEntry | None:
    """Return the entry, or None after noting in `row` everything that is wrong with it."""
    span = _read_span(row, dates, zone)
    person_name, person_email = _read_person(row)
    project = row.read(PROJECT, _project_name, "")
    client = row.read(CLIENT, _client_name, "")
    task = row.read(TASK, _task_title, "")
    note = row.read(NOTE, _note, "")
    labels = row.read(LABELS, cells.labels, NO_LABELS)
    billable = row.read(BILLABLE, cells.yes_or_no, otherwise=False)
    rate_minor = row.read(RATE, cells.hourly_rate, None)
    if span is None or row.errors:
        return None
    return ParsedEntry(
        line=row.line,
        person_name=person_name,
        person_email=person_email,
        project=project,
        client=client,
        task=task,
        note=note,
        labels=labels,
        billable=billable,
        started_at=span[0],
        ended_at=span[1],
        rate_minor=rate_minor,
        currency=None if rate_minor is None else row.currency,
    )


def _read_person(row: _Row) -> tuple[str, str]:
    name = row.read(USER, _person_name, "")
    email = row.read(EMAIL, cells.email, "")
    if not (name or email or row.text(USER).strip() or row.text(EMAIL).strip()):
        row.fail(EMAIL if row.has(EMAIL) else USER, "is empty; expected whose time this is")
    return name, email


def _read_span(
    row: _Row, dates: Callable[[str], date], zone: ZoneInfo
) -> tuple[datetime, datetime] | None:
    start = _read_wall_clock(row, START_DATE, START_TIME, dates, zone)
    end = _read_wall_clock(row, END_DATE, END_TIME, dates, zone)
    if start is None or end is None:
        return None
    started_at, ended_at = to_instants(start, end, row.text(DURATION))
    if ended_at < started_at:
        column = END_DATE if end.date() < start.date() else END_TIME
        row.fail(
            column,
            f"the end, {end:%Y-%m-%d %H:%M:%S}, is before the start, {start:%Y-%m-%d %H:%M:%S}",
        )
        return None
    return started_at, ended_at


def _read_wall_clock(
    row: _Row, date_column: str, time_column: str, dates: Callable[[str], date], zone: ZoneInfo
) -> datetime | None:
    day = row.read(date_column, dates, None)
    clock = row.read(time_column, parse_time, None)
    return None if day is None or clock is None else datetime.combine(day, clock, zone)
