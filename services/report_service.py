"""Reports: time added up by period, project, task, user or label."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text

from models.principal import Principal
from models.report import (
    Grouping,
    Splitting,
    TimeGroup,
    TimePart,
    TimeReport,
    TimeReportQuery,
)
from services.access_service import AccessService, access_service
from services.db_client import DatabaseClient, db
from services.prepared import Prepared, Row
from services.report_statements import STATEMENTS, THINGS
from utils.csv_tables import write_table
from utils.errors import BadRequestError
from utils.helpers import utc_now
from utils.zones import start_of_day

PERIODS_MAX = 20_000
PARTS_MAX = 100_000
TOO_MANY_PARTS = "The report has too many parts; ask for weeks, months or less."
DAYS_OF = {"day": 1, "week": 7, "month": 30}


@dataclass(frozen=True, slots=True)
class Calendar:
    """Periods of a range: period i is [cuts[i], cuts[i + 1]), named by its first day."""

    days: list[date]
    cuts: list[datetime]


class ReportService:
    """Adds up what the caller may see: their own time, or that of a project."""

    def __init__(self, database: DatabaseClient, access: AccessService) -> None:
        self._access = access
        self._statements: dict[tuple[str, str], Prepared] = {
            name: database.prepare(text(statement)) for name, statement in STATEMENTS.items()
        }

    def time(self, principal: Principal, query: TimeReportQuery) -> TimeReport:
        """Return the time of a range by group, and in total.

        What agents did in a project counts only when asked for; one's own time always does.
        """
        tz = query.tz or principal.timezone
        zone = ZoneInfo(tz)
        start, end = _instant(query.from_, zone), _instant(query.to, zone)
        if end <= start:
            raise BadRequestError("The range is empty: to must be later than from.")
        if query.project_id is not None:
            self._access.role_in(principal, query.project_id)
        scope = _scope_of(query)
        parameters = {
            "me": principal.id,
            "project_id": query.project_id,
            "start": start,
            "end": end,
            "now": utc_now(),
        }
        if query.group_by in THINGS:
            groups = self._by_thing(scope, query.group_by, parameters)
        else:
            groups = self._by_period(scope, query, zone, parameters)
        seconds = sum(group.seconds for group in groups)
        if query.group_by == "label":  # an entry with two labels is in two groups
            seconds = round(self._statements[scope, "total"].one(**parameters)["seconds"] or 0)
        return TimeReport(tz=tz, split_by=query.split_by, groups=groups, seconds=seconds)

    def as_csv(self, report: TimeReport) -> bytes:
        """Return a report as a table: a line for each group, or for each part of one."""
        numbers = ("seconds", "hours", "entries")
        if report.split_by is None:
            lines = ((group.key, group.label, *_numbers(group)) for group in report.groups)
            return write_table(("key", "label", *numbers), lines)
        parts = (
            (group.key, group.label, part.key, part.label, *_numbers(part))
            for group in report.groups
            for part in group.parts
        )
        return write_table(("key", "label", "part_key", "part_label", *numbers), parts)

    def _by_thing(
        self, scope: str, grouping: Grouping, parameters: dict[str, Any]
    ) -> list[TimeGroup]:
        rows = self._statements[scope, grouping].all(**parameters)
        return [
            TimeGroup(
                key=row["key"],
                label=_name_of(row["key"], row["label"], grouping),
                seconds=seconds,
                entries=row["entries"],
            )
            for row, seconds in _whole_seconds(rows)
        ]

    def _by_period(
        self, scope: str, query: TimeReportQuery, zone: ZoneInfo, parameters: dict[str, Any]
    ) -> list[TimeGroup]:
        bounds = self._statements[scope, "bounds"].one(**parameters)
        if bounds["first"] is None:
            return []
        # An entry may last for a century: cut into days, a hundred such would take minutes.
        if bounds["seconds"] / (86_400 * DAYS_OF[query.group_by]) > PARTS_MAX:
            raise BadRequestError(TOO_MANY_PARTS)
        calendar = make_calendar(bounds["first"], bounds["last"], zone, query.group_by)
        parameters = parameters | {"cuts": calendar.cuts}
        rows, parts = self._periods(scope, query.split_by, parameters)
        length = len("2026-03") if query.group_by == "month" else len("2026-03-01")
        days = {row["key"]: calendar.days[row["key"] - 1].isoformat() for row in rows}
        return [
            TimeGroup(
                key=days[row["key"]],
                label=days[row["key"]][:length],
                seconds=seconds,
                entries=row["entries"],
                parts=parts.get(row["key"], []),
            )
            for row, seconds in _whole_seconds(rows)
        ]

    def _periods(
        self, scope: str, split_by: Splitting | None, parameters: dict[str, Any]
    ) -> tuple[list[Row], dict[int, list[TimePart]]]:
        """Return the rows of the periods, and the parts of each."""
        if split_by is None:
            return self._statements[scope, "period"].all(**parameters), {}
        rows = self._statements[scope, f"period by {split_by}"].all(
            **parameters, most=PARTS_MAX + 1
        )
        if len(rows) > PARTS_MAX:
            raise BadRequestError(TOO_MANY_PARTS)
        parts = defaultdict(list)
        for row, seconds in _whole_seconds(row for row in rows if not row["is_whole"]):
            label = _name_of(row["part"], row["label"], split_by)
            part = TimePart(key=row["part"], label=label, seconds=seconds, entries=row["entries"])
            parts[row["key"]].append(part)
        return [row for row in rows if row["is_whole"]], parts


def _scope_of(query: TimeReportQuery) -> str:
    if query.project_id is None:
        return "mine"
    return "project" if query.include is None else "project and agents"


def _name_of(key: str | None, label: str | None, grouping: Grouping) -> str:
    if label:
        return label
    return f"(no {grouping})" if key is None else f"(a {grouping} you cannot see)"


def _numbers(part: TimePart) -> tuple[int, str, int]:
    return part.seconds, f"{part.seconds / 3600:.2f}", part.entries


def make_calendar(start: datetime, end: datetime, zone: ZoneInfo, grouping: Grouping) -> Calendar:
    """Return the days, weeks (from Monday) or months of `zone` that cover [start, end].

    BadRequestError when they are more than half a century of days.
    """
    day = _first_day(start.astimezone(zone).date(), grouping)
    days, cuts = [day], [start_of_day(day, zone).astimezone(UTC)]
    while cuts[-1] <= end:
        if len(days) > PERIODS_MAX:
            raise BadRequestError("The range has too many days; ask for weeks or months.")
        day = _next_day(day, grouping)
        cut = start_of_day(day, zone).astimezone(UTC)
        if cut == cuts[-1]:  # a zone that crosses the date line leaves a day out
            days[-1] = day
        else:
            days.append(day)
            cuts.append(cut)
    return Calendar(days, cuts)


def _first_day(day: date, grouping: Grouping) -> date:
    match grouping:
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
    return day


def _next_day(day: date, grouping: Grouping) -> date:
    match grouping:
        case "week":
            return day + timedelta(days=7)
        case "month":
            return (day + timedelta(days=31)).replace(day=1)
    return day + timedelta(days=1)


def _instant(moment: date | datetime, zone: ZoneInfo) -> datetime:
    return moment if isinstance(moment, datetime) else start_of_day(moment, zone)


def _whole_seconds(rows: Iterable[Row]) -> Iterator[tuple[Row, int]]:
    """Round so that what is rounded adds up to the rounded sum, and parts to their group."""
    exact, rounded = Decimal(0), 0
    for row in rows:
        exact += row["seconds"]
        seconds = round(exact) - rounded
        rounded += seconds
        yield row, seconds


report_service = ReportService(db, access_service)
