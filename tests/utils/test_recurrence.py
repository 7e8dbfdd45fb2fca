"""Rules by which tasks recur, beside what dateutil makes of them on a wall clock."""

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.recurrence import check_rule, next_occurrence

# Clocks of these go forward and back by an hour or half of one, in spring and in autumn; of the
# last, a day was left out and a date came without its midnight.
ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Pacific/Apia",
]
ENDLESS = 2.0  # seconds of CPU: what counts far takes minutes, what does not a tenth of one
BERLIN = ZoneInfo("Europe/Berlin")
FIRST = datetime(2009, 1, 1, tzinfo=UTC)  # three years later Samoa had no 30 December

DAYS = st.lists(st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"]), min_size=1).map(
    ",".join
)
PLACES = st.sampled_from(["1MO", "-1FR", "3TU", "-2SU", "MO,TU,WE,TH,FR;BYSETPOS=-1", "5SA"])
HOURS = st.sampled_from(["", ";BYHOUR=2", ";BYHOUR=0,2,3,23"])
RULES = st.one_of(
    st.just("FREQ=HOURLY"),
    st.just("FREQ=HOURLY;BYHOUR=1,2,3;BYDAY=SU"),
    st.just("FREQ=HOURLY;INTERVAL=5"),
    HOURS.map("FREQ=DAILY{}".format),
    st.integers(1, 40).map("FREQ=DAILY;INTERVAL={}".format),
    st.builds("FREQ=WEEKLY;INTERVAL={};BYDAY={}{}".format, st.integers(1, 5), DAYS, HOURS),
    st.builds("FREQ=WEEKLY;WKST=SU;INTERVAL={};BYDAY=MO,SU".format, st.integers(1, 3)),
    st.builds("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS={}".format, st.integers(1, 7)),
    st.integers(1, 13).map("FREQ=MONTHLY;INTERVAL={}".format),
    st.builds("FREQ=MONTHLY;BYMONTHDAY={}{}".format, st.integers(-31, -1), HOURS),
    st.builds("FREQ=MONTHLY;INTERVAL={};BYDAY={}".format, st.integers(1, 4), PLACES),
    st.integers(1, 3).map("FREQ=YEARLY;INTERVAL={}".format),
    st.builds("FREQ=YEARLY;BYMONTH={};BYDAY={}".format, st.integers(1, 12), PLACES),
    st.integers(1, 53).map("FREQ=YEARLY;BYWEEKNO={};BYDAY=WE".format),
    st.integers(-366, -1).map("FREQ=YEARLY;BYYEARDAY={}".format),
)
ENDS = st.one_of(
    st.just(""),
    st.integers(1, 60).map(";COUNT={}".format),
    st.dates(datetime(2009, 1, 1).date(), datetime(2014, 1, 1).date()).map(  # noqa: DTZ001 - a day
        ";UNTIL={:%Y%m%d}T103000".format
    ),
)


def on_wall_clock(rule: str, start: datetime, zone: ZoneInfo, after: datetime) -> datetime | None:
    """What dateutil says, step by step from the start."""
    begin = start.astimezone(zone).replace(tzinfo=None, fold=0)
    for local in rrulestr(rule, dtstart=begin):
        moment = local.replace(tzinfo=zone).astimezone(UTC)
        if moment > after:
            return moment
    return None


@settings(max_examples=300)
@given(
    RULES,
    ENDS,
    st.sampled_from(ZONES),
    st.integers(0, 365 * 24 * 4),
    st.integers(0, 3 * 365 * 24 * 60),
)
def test_the_next_is_what_dateutil_says_on_the_wall_clock(
    rule: str, end: str, zone_name: str, quarters: int, minutes: int
) -> None:
    zone, start = ZoneInfo(zone_name), FIRST + timedelta(minutes=15 * quarters)
    after = start + timedelta(minutes=minutes)
    expected = on_wall_clock(rule + end, start, zone, after)
    assert next_occurrence(check_rule(rule + end), start, zone, after) == expected


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def following(rule: str, start: str, count: int) -> list[str]:
    """The next so many after the start, as clocks in Berlin show them."""
    found, moment = [], local(start)
    for _ in range(count):
        after = next_occurrence(rule, local(start), BERLIN, moment)
        assert after is not None
        moment = after
        found.append(f"{moment.astimezone(BERLIN):%m-%d %H:%M}")
    return found


def test_the_hour_stays_over_daylight_saving() -> None:
    assert following("FREQ=DAILY", "2026-03-28T09:00", 2) == ["03-29 09:00", "03-30 09:00"]
    assert following("FREQ=DAILY", "2026-10-24T09:00", 2) == ["10-25 09:00", "10-26 09:00"]


def test_what_clocks_skip_moves_forward_and_what_comes_twice_comes_once() -> None:
    assert following("FREQ=DAILY", "2026-03-28T02:30", 2) == ["03-29 03:30", "03-30 02:30"]
    assert following("FREQ=DAILY", "2026-10-24T02:30", 2) == ["10-25 02:30", "10-26 02:30"]


def test_until_a_day_is_until_its_end() -> None:
    rule = "FREQ=DAILY;UNTIL=20260302"
    assert following(rule, "2026-03-01T22:00", 1) == ["03-02 22:00"]
    assert (
        next_occurrence(rule, local("2026-03-01T22:00"), BERLIN, local("2026-03-02T22:00")) is None
    )


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=WEEKLY;BYDAY=MO;BYSETPOS=5",
        "FREQ=YEARLY;INTERVAL=1000",
        "FREQ=DAILY;COUNT=1000;BYMONTH=2;BYMONTHDAY=30",
    ],
)
def test_what_never_comes_is_not_looked_for_for_long(rule: str) -> None:
    begin = time.process_time()
    start = local("2026-01-01T09:00")
    assert next_occurrence(check_rule(rule), start, BERLIN, start) is None
    assert time.process_time() - begin < ENDLESS


def test_what_is_counted_is_not_counted_for_long() -> None:
    begin = time.process_time()
    rule = "FREQ=HOURLY;COUNT=1000;BYMONTH=1;BYMONTHDAY=1;BYHOUR=23"
    assert next_occurrence(rule, local("1900-01-01T23:00"), BERLIN, local("1930-01-02T00:00"))
    assert (
        next_occurrence(rule, local("1900-01-01T23:00"), BERLIN, local("2199-01-01T00:00")) is None
    )
    assert time.process_time() - begin < ENDLESS


@pytest.mark.parametrize("freq", ["HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"])
def test_a_long_past_costs_nothing(freq: str) -> None:
    begin = time.process_time()
    hours = "" if freq == "HOURLY" else ";BYHOUR=" + ",".join(map(str, range(24)))
    now = local("2026-01-01T09:00")
    assert next_occurrence(f"FREQ={freq}{hours}", local("1900-01-01T09:00"), BERLIN, now)
    assert time.process_time() - begin < ENDLESS


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "DAILY",
        "FREQ=DAILY;",
        "INTERVAL=2",
        "FREQ=SECONDLY",
        "FREQ=MINUTELY",
        "FREQ=HOURLY;BYMINUTE=0,30",
        "FREQ=DAILY;BYSECOND=1",
        "FREQ=DAILY;BYEASTER=1",
        "FREQ=DAILY;FREQ=DAILY",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;COUNT=1001",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=99999999999",
        "FREQ=DAILY;COUNT=2;UNTIL=20270101T000000Z",
        "FREQ=DAILY;UNTIL=soon",
        "FREQ=DAILY;UNTIL=99991231T235959Z",
        "FREQ=DAILY;BYDAY=1MO",
        "FREQ=MONTHLY;BYDAY=6MO",
        "FREQ=MONTHLY;BYDAY=0MO",
        "FREQ=YEARLY;BYDAY=54MO",
        "FREQ=WEEKLY;BYMONTHDAY=1",
        "FREQ=MONTHLY;BYWEEKNO=1",
        "FREQ=MONTHLY;BYMONTHDAY=0",
        "FREQ=MONTHLY;BYMONTHDAY=32",
        "FREQ=YEARLY;BYMONTH=-1",
        "FREQ=MONTHLY;BYSETPOS=1",
        "FREQ=HOURLY;BYDAY=MO;BYSETPOS=2",
        "FREQ=DAILY;BYHOUR=9;BYSETPOS=2",
        "FREQ=HOURLY;INTERVAL=2;BYHOUR=9",
        "DTSTART=20260101T000000Z;FREQ=DAILY",
        "FREQ=DAILY\nEXDATE:20260101",
    ],
)
def test_what_is_no_rule_here_is_refused(rule: str) -> None:
    with pytest.raises(ValueError, match=r"must|has"):
        check_rule(rule)


def test_rules_are_taken_as_calendars_write_them() -> None:
    assert check_rule(" RRULE:FREQ=weekly;BYDAY=mo ") == "FREQ=WEEKLY;BYDAY=MO"
