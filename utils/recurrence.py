"""Rules by which tasks recur: RFC 5545's RRULE, on the wall clock of a time zone.

Local times keep: what is at nine stays at nine over daylight saving. A time that clocks skip is
moved forward by as much as they are, and of one that comes twice the first is meant.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import (
    DAILY,
    FR,
    HOURLY,
    MO,
    MONTHLY,
    SA,
    SU,
    TH,
    TU,
    WE,
    WEEKLY,
    YEARLY,
    rrule,
)

FREQUENCIES = {
    "HOURLY": HOURLY,
    "DAILY": DAILY,
    "WEEKLY": WEEKLY,
    "MONTHLY": MONTHLY,
    "YEARLY": YEARLY,
}
WEEKDAYS = {"MO": MO, "TU": TU, "WE": WE, "TH": TH, "FR": FR, "SA": SA, "SU": SU}
LENGTHS = {HOURLY: timedelta(hours=1), DAILY: timedelta(days=1), WEEKLY: timedelta(weeks=1)}

PARTS = re.compile(r"[A-Z]+=[A-Z0-9,+-]+(;[A-Z]+=[A-Z0-9,+-]+)*")
DAY = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
NUMBER = re.compile(r"[+-]?[0-9]{1,4}")
UNTIL_FORMS = {8: "%Y%m%d", 15: "%Y%m%dT%H%M%S", 16: "%Y%m%dT%H%M%SZ"}

# How large a number may be, and whether it may count from the end.
NUMBERS = {
    "BYMONTH": (12, False),
    "BYMONTHDAY": (31, True),
    "BYYEARDAY": (366, True),
    "BYWEEKNO": (53, True),
    "BYSETPOS": (366, True),
}
ONLY_IN = {
    "BYMONTHDAY": (HOURLY, DAILY, MONTHLY, YEARLY),
    "BYYEARDAY": (YEARLY,),
    "BYWEEKNO": (YEARLY,),
    "BYSETPOS": (WEEKLY, MONTHLY, YEARLY),  # a day names its hours itself
}
COUNT_MAX = 1_000  # and of INTERVAL
LAST_YEAR = 2200
SEARCHED_MAX = 200  # months, or years of a yearly rule, in a row in which nothing occurs
COUNTED_MAX = 480  # the same, from the start of a series that is counted

Rule = dict[str, Any]  # the arguments of rrule()


class _NothingOccursError(Exception):
    """Nothing occurs for so long that nobody would wait for it."""


class _Search(rrule):
    """A rule that gives up; dateutil's own would look for 30 February up to the year 9999.

    Whenever dateutil comes to another month, or in a yearly rule to another year, it looks whether
    the rule is about Easter, which none of ours is: so this counts how far it got.
    """

    searched = in_a_row = 0

    @property
    def _byeaster(self) -> None:
        self.searched += 1
        self.in_a_row += 1
        if self.in_a_row > SEARCHED_MAX or self.searched > COUNTED_MAX:
            raise _NothingOccursError

    @_byeaster.setter
    def _byeaster(self, value: None) -> None:
        """Nothing to keep."""

    def occurrences(self) -> Iterator[datetime]:
        """Yield local times in their order, until nothing occurs any more."""
        try:
            for local in self:
                self.in_a_row = 0
                yield local
        except _NothingOccursError:
            return


def check_rule(text: str) -> str:
    """Return a rule in upper case, without its name; ValueError says what is wrong with it."""
    rule = text.strip().upper().removeprefix("RRULE:")
    _search(rule, datetime(2026, 1, 1), ZoneInfo("UTC"), datetime(2026, 1, 1))  # noqa: DTZ001 - wall clock
    return rule


def next_occurrence(text: str, start: datetime, zone: ZoneInfo, after: datetime) -> datetime | None:
    """Return the first occurrence after `after`, in UTC, of the series that begins at `start`.

    None where the series is at its end, and ValueError for what is no rule.
    """
    begin = start.astimezone(zone).replace(tzinfo=None, fold=0)
    # Offsets change by a day at most: what is near on the wall clock is looked at more closely.
    earliest = after.astimezone(zone).replace(tzinfo=None, fold=0) - timedelta(days=2)
    for local in _search(text, begin, zone, earliest).occurrences():
        if local.year > LAST_YEAR:
            return None
        moment = local.replace(tzinfo=zone).astimezone(UTC)
        if moment > after:
            return moment
    return None


def _search(text: str, begin: datetime, zone: ZoneInfo, earliest: datetime) -> _Search:
    """Return the occurrences of a rule from somewhere before `earliest`."""
    rule = _parse(text, begin, zone)
    return _Search(dtstart=_skip(rule, begin, earliest), **rule)


def _parse(text: str, begin: datetime, zone: ZoneInfo) -> Rule:
    parts = _parts(text)
    freq = FREQUENCIES.get(parts.pop("FREQ", ""))
    if freq is None:
        raise ValueError(f"must have a FREQ, one of {', '.join(FREQUENCIES)}")
    if freq == HOURLY and {"BYHOUR", "INTERVAL"} <= parts.keys():
        raise ValueError("must have BYHOUR or INTERVAL with FREQ=HOURLY, not both")
    rule: Rule = {"freq": freq, "wkst": MO}
    for name, value in parts.items():
        if freq not in ONLY_IN.get(name, (freq,)):
            raise ValueError(f"must not have {name} with this FREQ")
        rule |= _parse_part(name, value, freq, parts, zone)
    return _with_day(rule, begin)


def _parts(text: str) -> dict[str, str]:
    if PARTS.fullmatch(text) is None:
        raise ValueError("must be an RRULE of RFC 5545, like FREQ=WEEKLY;BYDAY=MO")
    names = [part.partition("=")[0] for part in text.split(";")]
    if len(set(names)) < len(names):
        raise ValueError("must name each part once")
    if {"COUNT", "UNTIL"} <= set(names):
        raise ValueError("must have COUNT or UNTIL, not both")
    if "BYSETPOS" in names and not any(name[:2] == "BY" for name in {*names} - {"BYSETPOS"}):
        raise ValueError("must have another BY part beside BYSETPOS")
    return dict(zip(names, (part.partition("=")[2] for part in text.split(";")), strict=True))


def _parse_part(name: str, value: str, freq: int, parts: dict[str, str], zone: ZoneInfo) -> Rule:
    match name:
        case "INTERVAL" | "COUNT":
            return {name.lower(): _number(name, value, 1, COUNT_MAX)}
        case "UNTIL":
            return {"until": _until(value, zone)}
        case "WKST" if value in WEEKDAYS:
            return {"wkst": WEEKDAYS[value]}
        case "BYDAY":
            return {"byweekday": [_weekday(each, freq, parts) for each in value.split(",")]}
        case "BYHOUR":
            return {"byhour": [_number(name, each, 0, 23) for each in value.split(",")]}
        case _ if name in NUMBERS:
            most, is_signed = NUMBERS[name]
            least = -most if is_signed else 1
            numbers = [_number(name, each, least, most) for each in value.split(",")]
            if 0 in numbers:
                raise ValueError(f"must not have 0 in {name}")
            return {name.lower(): numbers}
    raise ValueError(f"has a part that is not known here: {name}")


def _number(name: str, text: str, least: int, most: int) -> int:
    if NUMBER.fullmatch(text) is None or not least <= int(text) <= most:
        raise ValueError(f"must have a number from {least} to {most} in {name}")
    return int(text)


def _weekday(text: str, freq: int, parts: dict[str, str]) -> Any:
    found = DAY.fullmatch(text)
    if found is None:
        raise ValueError("must have days like MO or -1FR in BYDAY")
    if found[1] is None:
        return WEEKDAYS[found[2]]
    if freq not in (MONTHLY, YEARLY) or "BYWEEKNO" in parts:
        raise ValueError("must have days without a number in BYDAY with this FREQ")
    most = 53 if freq == YEARLY and "BYMONTH" not in parts else 5
    number = _number("BYDAY", found[1], -most, most)
    if number == 0:
        raise ValueError("must not have 0 in BYDAY")
    return WEEKDAYS[found[2]](number)


def _until(text: str, zone: ZoneInfo) -> datetime:
    """Return the last moment, on the wall clock; a day counts to its end."""
    form = UNTIL_FORMS.get(len(text), "")
    try:
        until = datetime.strptime(text, form)  # noqa: DTZ007 - the wall clock's
    except ValueError:
        raise ValueError("must have a time like 20261231T170000Z in UNTIL") from None
    if not 1900 <= until.year <= LAST_YEAR:
        raise ValueError(f"must have a year from 1900 to {LAST_YEAR} in UNTIL")
    if form.endswith("Z"):
        return until.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None, fold=0)
    return until if "T" in text else until + timedelta(days=1, seconds=-1)


def _with_day(rule: Rule, begin: datetime) -> Rule:
    """Say what a rule leaves to its start: a monthly one the day, a yearly one the month, too."""
    named = {"byweekno", "byyearday", "bymonthday", "byweekday"} & rule.keys()
    if named or rule["freq"] not in (MONTHLY, YEARLY):
        return rule
    if rule["freq"] == YEARLY:
        rule.setdefault("bymonth", begin.month)
    return rule | {"bymonthday": begin.day}


def _skip(rule: Rule, begin: datetime, earliest: datetime) -> datetime:
    """Return a start of the same series shortly before `earliest`, so that the past costs nothing.

    What is counted has to be counted from its start. The first period may be a part of one only, so
    it lies all before `earliest`.
    """
    if "count" in rule or earliest <= begin:
        return begin
    interval = rule.get("interval", 1)
    if rule["freq"] in LENGTHS:
        step: timedelta = LENGTHS[rule["freq"]] * interval
        return begin + max((earliest - begin) // step - 1, 0) * step
    months = interval * (12 if rule["freq"] == YEARLY else 1)
    first = begin.year * 12 + (0 if rule["freq"] == YEARLY else begin.month - 1)
    steps = (earliest.year * 12 + earliest.month - 1 - first) // months - 1
    if steps < 1:
        return begin
    year, month = divmod(first + steps * months, 12)
    return begin.replace(year=year, month=month + 1, day=1)
