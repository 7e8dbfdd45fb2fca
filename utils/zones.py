"""Time zones and the wall clocks of the people in them."""

from datetime import date, datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones


@cache
def zone_names() -> frozenset[str]:
    """Return the names of the IANA time zone database; reading them takes milliseconds once."""
    return frozenset(available_timezones() - {"localtime", "posixrules", "Factory"})


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """Return the first instant of `day` on the wall clocks of `zone`.

    Where clocks skip midnight this is the moment of the jump, and where midnight comes twice the
    first of the two: fold=0, the default, means the earlier reading in both cases.
    """
    return datetime(day.year, day.month, day.day, tzinfo=zone)
