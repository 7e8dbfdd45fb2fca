"""Dates and times as people's settings write them, and the instants that wall clocks mean."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import Enum
from functools import lru_cache
from itertools import product

from utils.parsers.cells import shown
from utils.parsers.result import BadCellError

YEAR_MIN = 1900
YEAR_MAX = 2200
NOON = 12

# Times may come without seconds beside a duration that has them.
DURATION_TOLERANCE = timedelta(minutes=1)

_EDGES_OF_DAY = [clock.replace(fold=fold) for clock in (time.min, time.max) for fold in (0, 1)]

# From hours as they are written, like 12, 12A (AM) and 12P (PM), to those of ISO 8601.
_HOURS = (
    {f"{hour:02}": f"{hour:02}" for hour in range(24)}
    | {f"{hour:02}A": f"{hour % NOON:02}" for hour in range(1, NOON + 1)}
    | {f"{hour:02}P": f"{hour % NOON + NOON:02}" for hour in range(1, NOON + 1)}
)

_SLASHED_DATE = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")
_DOTTED_DATE = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")
_YEAR_FIRST_DATE = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})")
_TIME = re.compile(r"([0-9]{1,2})((?::[0-9]{2}){1,2})(?:\s?([AaPp])\.?[Mm]\.?)?")
_DURATION = re.compile(r"([0-9]{1,6}):([0-9]{2})(?::([0-9]{2}))?")


class DateOrder(Enum):
    """How the dates of a file that are written with slashes are to be read."""

    MONTH_FIRST = "MM/DD/YYYY"
    DAY_FIRST = "DD/MM/YYYY"


def date_order(dates: Iterable[str]) -> DateOrder:
    """Tell the order from all dates of a file: one alone may be ambiguous.

    The month comes first unless some date cannot be read so and every date can be read the other
    way. So 13/15/2024 stays wrong instead of turning the days and months of its file around.
    """
    pairs = [
        (int(m[1]), int(m[2])) for text in dates if (m := _SLASHED_DATE.fullmatch(text.strip()))
    ]
    month_first_fails = any(first > NOON for first, _ in pairs)
    day_first_fails = any(second > NOON for _, second in pairs)
    return (
        DateOrder.DAY_FIRST if month_first_fails and not day_first_fails else DateOrder.MONTH_FIRST
    )


def parse_date(text: str, order: DateOrder) -> date:
    """Read MM/DD/YYYY or DD/MM/YYYY (as `order` says), YYYY-MM-DD or DD.MM.YYYY."""
    try:
        day = _date(text.strip(), order)
    except ValueError:
        raise BadCellError(
            f"{_described(text)} a date; expected {order.value}, YYYY-MM-DD or DD.MM.YYYY"
        ) from None
    _check_year(day.year)
    return day


def parse_time(text: str) -> time:
    """Read a time of day of 12 hours with AM or PM, or of 24; the seconds may be missing."""
    try:
        return _time(text.strip())
    except ValueError:
        raise BadCellError(
            f"{_described(text)} a time; expected one such as 02:30 PM, 02:30:15 PM or 14:30"
        ) from None


def parse_instant(text: str, zone: tzinfo) -> datetime:
    """Read a date and time of ISO 8601; without an offset it is what the clocks of `zone` show."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise BadCellError(
            f"{_described(text)} a date and time; expected one such as 2024-03-04T23:00:00+0000"
        ) from None
    _check_year(moment.year)
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def parse_duration(text: str) -> timedelta | None:
    """Read H:MM:SS or H:MM; None for anything else."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        return None
    hours, minutes, seconds = match.groups(default="0")
    return timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds))


def to_instants(start: datetime, end: datetime, duration: str) -> tuple[datetime, datetime]:
    """Return in UTC what two wall clocks show, given as aware datetimes of their zone.

    Where clocks are set back a reading comes twice: it is the one with which `duration` agrees, or
    else, and where both agree, the first. Where clocks are set forward the readings between never
    come: they are moved on by the length of the jump, as zoneinfo does for fold=0 (02:30 is 03:30).
    A `duration` that cannot be read is no error, because nothing else depends on it.
    """
    starts, ends = _readings(start), _readings(end)
    if len(starts) + len(ends) > 2 and (elapsed := parse_duration(duration)) is not None:
        gap, started, ended = min(
            (abs(ended - started - elapsed), started, ended)
            for started, ended in product(starts, ends)
        )
        if gap < DURATION_TOLERANCE:
            return started, ended
    return starts[0], ends[0]


def _readings(wall: datetime) -> tuple[datetime, ...]:
    """Return, in order, the instants at which the clock shows this; one alone if it never does."""
    first = wall.astimezone(UTC)
    if _clocks_run_through(wall.date(), wall.tzinfo):
        return (first,)
    second = wall.replace(fold=1).astimezone(UTC)
    return (first, second) if second > first else (first,)


# A file names the same days again and again, so what is found out about each is kept.
@lru_cache(maxsize=4096)
def _clocks_run_through(day: date, zone: tzinfo | None) -> bool:
    """Tell whether clocks are set neither on this day nor at one of its ends.

    That its ends agree is enough: no zone sets its clocks and undoes it on the same day.
    """
    return len({datetime.combine(day, edge, zone).utcoffset() for edge in _EDGES_OF_DAY}) == 1


@lru_cache(maxsize=4096)
def _date(text: str, order: DateOrder) -> date:
    if match := _SLASHED_DATE.fullmatch(text):
        first, second, year = map(int, match.groups())
        month, day = (first, second) if order is DateOrder.MONTH_FIRST else (second, first)
        return date(year, month, day)
    if match := _YEAR_FIRST_DATE.fullmatch(text):
        return date(int(match[1]), int(match[3]), int(match[4]))
    if match := _DOTTED_DATE.fullmatch(text):
        return date(int(match[3]), int(match[2]), int(match[1]))
    raise ValueError


def _time(text: str) -> time:
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError
    hour, minutes_and_seconds, half = match.groups(default="")
    hour_of_day = _HOURS.get(hour.zfill(2) + half.upper(), "not an hour")
    return time.fromisoformat(hour_of_day + minutes_and_seconds)


def _check_year(year: int) -> None:
    if not YEAR_MIN <= year <= YEAR_MAX:
        raise BadCellError(f"the year {year} is not between {YEAR_MIN} and {YEAR_MAX}")


def _described(text: str) -> str:
    return f"{shown(text.strip())} is not" if text.strip() else "is empty, not"
