"""Detailed reports of time as CSV: what those of all trackers have in common."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from utils.parsers import cells
from utils.parsers.columns import Columns, Row, find_columns
from utils.parsers.result import ParsedEntry, ParsedFile, UnreadableFileError
from utils.parsers.tables import Table, read_table
from utils.parsers.timestamps import DateOrder, date_order, parse_date, parse_time, to_instants

START_DATE, START_TIME, END_DATE, END_TIME = "Start Date", "Start Time", "End Date", "End Time"
USER, EMAIL = "User", "Email"
PROJECT, CLIENT, TASK, NOTE = "Project", "Client", "Task", "Description"
LABELS, BILLABLE = "Tags", "Billable"

REQUIRED = (START_DATE, START_TIME, END_DATE, END_TIME)
READ = (*REQUIRED, USER, EMAIL, PROJECT, CLIENT, TASK, NOTE, LABELS, BILLABLE)

NO_LABELS: tuple[str, ...] = ()

_person_name = cells.name_up_to(100)
_project_name = cells.name_up_to(100)
_client_name = cells.name_up_to(100)
_task_title = cells.name_up_to(200)
_note = cells.text_up_to(3000)

# An hourly rate in hundredths, and its currency.
Rate = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Report:
    """What is a tracker's own in its report.

    `name_of` gives the name of a column by its key; `rate` reads what an hour cost from a row and
    the elapsed time, which is nothing where the row does not tell it; `advice` says how to get the
    right file.
    """

    known: Collection[str]
    name_of: Callable[[str], str | None]
    duration: str
    rate: Callable[[Row, timedelta], Rate | None]
    advice: str


def read_report(content: bytes, zone: ZoneInfo, report: Report) -> ParsedFile[ParsedEntry]:
    """Read a report whose wall-clock times are those of `zone`.

    Raises UnreadableFileError where no entry can be read at all. `to_instants` says what becomes of
    times that come twice or never, `date_order` how 03/04/2024 is understood.
    """
    table = read_table(content, report.known)
    columns = _find_columns(table, report)
    dates = partial(parse_date, order=_date_order(table, columns))
    parsed: ParsedFile[ParsedEntry] = ParsedFile(
        errors=table.errors, unknown_columns=columns.unknown
    )
    for record in table.records:
        row = Row(record, columns)
        entry = _read_entry(row, dates, zone, report)
        if entry is not None:
            parsed.entries.append(entry)
        parsed.errors.extend(row.errors)
    parsed.errors.sort(key=lambda error: error.line)
    return parsed


def _find_columns(table: Table, report: Report) -> Columns:
    columns = find_columns(table.header, report.name_of)
    missing = columns.missing(REQUIRED)
    if USER not in columns.titles and EMAIL not in columns.titles:
        missing.append(f"{EMAIL} or {USER}")
    if missing:
        raise UnreadableFileError(f"The file has no column {', '.join(missing)}. {report.advice}")
    return columns


def _date_order(table: Table, columns: Columns) -> DateOrder:
    positions = [columns.positions[START_DATE], columns.positions[END_DATE]]
    return date_order({record.cells[at] for record in table.records for at in positions})


def _read_entry(
    row: Row, dates: Callable[[str], date], zone: ZoneInfo, report: Report
) -> ParsedEntry | None:
    """Return the entry, or None after noting in `row` everything that is wrong with it."""
    span = _read_span(row, dates, zone, report.duration)
    person_name, person_email = _read_person(row)
    project = row.read(PROJECT, _project_name, "")
    client = row.read(CLIENT, _client_name, "")
    task = row.read(TASK, _task_title, "")
    note = row.read(NOTE, _note, "")
    labels = row.read(LABELS, cells.labels, NO_LABELS)
    billable = row.read(BILLABLE, cells.yes_or_no, otherwise=False)
    rate = report.rate(row, span[1] - span[0] if span else timedelta())
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
        rate_minor=rate[0] if rate else None,
        currency=rate[1] if rate else None,
    )


def _read_person(row: Row) -> tuple[str, str]:
    name = row.read(USER, _person_name, "")
    email = row.read(EMAIL, cells.email, "")
    if not (name or email or row.text(USER).strip() or row.text(EMAIL).strip()):
        row.fail(EMAIL if EMAIL in row.titles else USER, "is empty; expected whose time this is")
    return name, email


def _read_span(
    row: Row, dates: Callable[[str], date], zone: ZoneInfo, duration: str
) -> tuple[datetime, datetime] | None:
    start = _read_wall_clock(row, START_DATE, START_TIME, dates, zone)
    end = _read_wall_clock(row, END_DATE, END_TIME, dates, zone)
    if start is None or end is None:
        return None
    started_at, ended_at = to_instants(start, end, row.text(duration))
    if ended_at < started_at:
        column = END_DATE if end.date() < start.date() else END_TIME
        row.fail(
            column,
            f"the end, {end:%Y-%m-%d %H:%M:%S}, is before the start, {start:%Y-%m-%d %H:%M:%S}",
        )
        return None
    return started_at, ended_at


def _read_wall_clock(
    row: Row, date_column: str, time_column: str, dates: Callable[[str], date], zone: ZoneInfo
) -> datetime | None:
    day = row.read(date_column, dates, None)
    clock = row.read(time_column, parse_time, None)
    return None if day is None or clock is None else datetime.combine(day, clock, zone)
