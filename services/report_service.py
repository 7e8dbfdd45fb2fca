"""Reports: time added up by period, project, task, user or label."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text

from models.principal import Principal
from models.report import Grouping, TimeGroup, TimeReport, TimeReportQuery
from services.access_service import AccessService, access_service
from services.db_client import DatabaseClient, db
from services.prepared import Prepared, Row
from utils.csv_tables import write_table
from utils.errors import BadRequestError
from utils.helpers import utc_now
from utils.zones import start_of_day

PERIODS_MAX = 20_000

# Every entry that has a part in [:start, :end), cut to it. Entries of up to a day are found by
# their start, the few longer ones in an index of their own: so the cost follows from the range.
_PARTS = """
    WITH parts AS (
        SELECT e.id, e.user_id, e.project_id, e.task_id, e.labels,
               GREATEST(e.started_at, :start) AS started_at,
               LEAST(COALESCE(e.ended_at, :now), :end) AS ended_at
        FROM time_entries AS e
        WHERE e.deleted_at IS NULL AND {scope}
          AND e.started_at >= CAST(:start AS timestamptz) - interval '24 hours'
          AND e.started_at < :end
          AND (e.started_at >= :start OR COALESCE(e.ended_at, :now) > :start)
        UNION ALL
        SELECT e.id, e.user_id, e.project_id, e.task_id, e.labels,
               CAST(:start AS timestamptz), LEAST(COALESCE(e.ended_at, :now), :end)
        FROM time_entries AS e
        WHERE e.deleted_at IS NULL AND {scope}
          AND (e.ended_at IS NULL OR e.ended_at - e.started_at > '24:00:00')
          AND e.started_at < CAST(:start AS timestamptz) - interval '24 hours'
          AND COALESCE(e.ended_at, :now) > :start
    )
"""

# What agents recorded has a source of its own, so it is told apart without a look at the users.
_SCOPES = {
    "mine": "e.user_id = :me",
    "project": "e.scope_id = :project_id AND e.source <> 'agent'",
    "project and agents": "e.scope_id = :project_id",
}

# Periods are cut at instants that Python has worked out: one source of time zone rules, and
# no assumption about how long a day is. width_bucket finds a period by binary search.
_BY_PERIOD = """
    SELECT period AS key, NULL AS label, count(*) AS entries,
           sum(EXTRACT(epoch FROM
               LEAST(p.ended_at, cuts[period + 1]) - GREATEST(p.started_at, cuts[period])
           )) AS seconds
    FROM parts AS p,
         (SELECT CAST(:cuts AS timestamptz[]) AS cuts) AS calendar,
         generate_series(
             width_bucket(p.started_at, cuts),
             width_bucket(GREATEST(p.started_at, p.ended_at - interval '1 microsecond'), cuts)
         ) AS period
    GROUP BY period ORDER BY period
"""

_SUM = "count(*) AS entries, sum(EXTRACT(epoch FROM p.ended_at - p.started_at)) AS seconds"

# Names are looked up for the groups, not joined to the parts: that would read whole tables.
# One's own time stays one's own, what it was spent on may have become invisible.
_IS_MEMBER = """EXISTS (
    SELECT FROM memberships AS m
    WHERE m.project_id = {project_id} AND m.user_id = :me AND m.active
)"""
_TASK_IS_VISIBLE = "(t.scope_id = :me OR " + _IS_MEMBER.format(project_id="t.scope_id") + ")"

_PROJECT_IS_VISIBLE = _IS_MEMBER.format(project_id="t.id")

_NAMES = {
    "project": f"""
        SELECT t.name FROM projects AS t WHERE t.id = p.project_id AND {_PROJECT_IS_VISIBLE}
    """,  # noqa: S608 - a constant
    "task": f"""
        SELECT t.title FROM tasks AS t WHERE t.id = p.task_id AND {_TASK_IS_VISIBLE}
    """,  # noqa: S608 - a constant
    "user": "SELECT t.name FROM users AS t WHERE t.id = p.user_id",
}

_BY_THING = """
    SELECT * FROM (
        SELECT CAST(p.{thing}_id AS text) AS key, ({name}) AS label, {sum}
        FROM parts AS p GROUP BY p.{thing}_id
    ) AS sums
    ORDER BY label NULLS LAST, key
"""

_BY_LABEL = """
    SELECT label AS key, label, {sum}
    FROM parts AS p
    LEFT JOIN LATERAL (
        SELECT DISTINCT unnest(
            p.labels || COALESCE(
                (SELECT t.labels FROM tasks AS t WHERE t.id = p.task_id AND {visible}), '{{}}'
            )
        ) AS label
    ) AS labelled ON true
    GROUP BY label ORDER BY label NULLS LAST
"""

_TOTAL = "SELECT {sum} FROM parts AS p"

# The calendar is made for the time that there is, not for the range that was asked for.
_BOUNDS = "SELECT min(p.started_at) AS first, max(p.ended_at) AS last FROM parts AS p"

_GROUPS = {
    "bounds": _BOUNDS,
    "period": _BY_PERIOD,
    **{thing: _BY_THING.format(thing=thing, name=name, sum=_SUM) for thing, name in _NAMES.items()},
    "label": _BY_LABEL.format(sum=_SUM, visible=_TASK_IS_VISIBLE),
    "total": _TOTAL.format(sum=_SUM),
}

_THINGS = frozenset({*_NAMES, "label"})


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
            (scope, kind): database.prepare(text(_PARTS.format(scope=condition) + groups))
            for scope, condition in _SCOPES.items()
            for kind, groups in _GROUPS.items()
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
        if query.group_by in _THINGS:
            groups = self._by_thing(scope, query.group_by, parameters)
        else:
            groups = self._by_period(scope, query.group_by, zone, parameters)
        seconds = sum(group.seconds for group in groups)
        if query.group_by == "label":  # an entry with two labels is in two groups
            seconds = round(self._statements[scope, "total"].one(**parameters)["seconds"] or 0)
        return TimeReport(tz=tz, groups=groups, seconds=seconds)

    def as_csv(self, report: TimeReport) -> bytes:
        """Return a report as a table."""
        header = ("key", "label", "seconds", "hours", "entries")
        return write_table(
            header,
            (
                (
                    group.key,
                    group.label,
                    group.seconds,
                    f"{group.seconds / 3600:.2f}",
                    group.entries,
                )
                for group in report.groups
            ),
        )

    def _by_thing(
        self, scope: str, grouping: Grouping, parameters: dict[str, Any]
    ) -> list[TimeGroup]:
        rows = self._statements[scope, grouping].all(**parameters)
        return _groups((row, row["key"], row["label"] or _stand_in(row, grouping)) for row in rows)

    def _by_period(
        self, scope: str, grouping: Grouping, zone: ZoneInfo, parameters: dict[str, Any]
    ) -> list[TimeGroup]:
        bounds = self._statements[scope, "bounds"].one(**parameters)
        if bounds["first"] is None:
            return []
        calendar = make_calendar(bounds["first"], bounds["last"], zone, grouping)
        rows = self._statements[scope, "period"].all(**parameters, cuts=calendar.cuts)
        length = len("2026-03") if grouping == "month" else len("2026-03-01")
        days = [(row, calendar.days[row["key"] - 1].isoformat()) for row in rows]
        return _groups((row, day, day[:length]) for row, day in days)


def _scope_of(query: TimeReportQuery) -> str:
    if query.project_id is None:
        return "mine"
    return "project" if query.include is None else "project and agents"


def _stand_in(row: Row, grouping: Grouping) -> str:
    return f"(no {grouping})" if row["key"] is None else f"(a {grouping} you cannot see)"


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


def _groups(named_rows: Iterable[tuple[Row, str | None, str]]) -> list[TimeGroup]:
    """Round to whole seconds so that the rounded groups add up to the rounded sum of all."""
    exact, rounded, groups = Decimal(0), 0, []
    for row, key, label in named_rows:
        exact += row["seconds"]
        seconds = round(exact) - rounded
        rounded += seconds
        groups.append(TimeGroup(key=key, label=label, seconds=seconds, entries=row["entries"]))
    return groups


report_service = ReportService(db, access_service)
