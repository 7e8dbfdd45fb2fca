"""Reports over the API: which stretch of time counts, and for which day in the reader's zone."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import Person, sign_up
from tests.records import ELEVEN, NINE, TEN, Record, ago, done, make_entry, refusal, start_timer

MARCH = {"from": "2026-03-01", "to": "2026-04-01"}
EIGHT = "2026-03-02T08:00:00Z"


def report(person: Person, **question: Any) -> Record:
    answer: Record = done(person.get(f"/reports/time?{urlencode(MARCH | question)}"))
    return answer


def days(person: Person, **question: Any) -> dict[str, int]:
    """Return the seconds of each day."""
    return {group["key"]: group["seconds"] for group in report(person, **question)["groups"]}


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        (NINE, TEN, 3600),
        ("2026-03-02T09:30:00Z", TEN, 1800),
        (NINE, "2026-03-02T09:20:00Z", 1200),
        ("2026-03-02T09:30:00Z", "2026-03-02T09:40:00Z", 600),
        ("2026-03-02", "2026-03-03", 3600),
        ("2026-03-01", "2026-03-02", 0),
        (TEN, ELEVEN, 0),
        (EIGHT, NINE, 0),
    ],
)
@pytest.mark.parametrize("grouping", ["day", "week", "month", "project", "label"])
def test_entries_are_cut_to_the_half_open_range(
    alice: Person, grouping: str, start: str, end: str, seconds: int
) -> None:
    make_entry(alice, NINE, TEN)
    cut = report(alice, group_by=grouping, **{"from": start, "to": end})
    assert cut["seconds"] == seconds
    assert len(cut["groups"]) == (seconds > 0)


def test_the_last_day_of_a_range_does_not_count(alice: Person) -> None:
    make_entry(alice, "2026-03-31T23:00:00Z", "2026-04-01T01:00:00Z")
    assert days(alice) == {"2026-03-31": 3600}


@pytest.mark.parametrize("end", ["2026-03-01", "2026-02-28", "2026-03-01T00:00:00Z"])
def test_an_empty_range_is_refused(alice: Person, end: str) -> None:
    question = urlencode(MARCH | {"to": end})
    assert refusal(alice.get(f"/reports/time?{question}")) == (400, "bad_request")


@pytest.mark.parametrize(
    "question",
    [
        {"from": "03/01/2026"},
        {"from": "2026-03-01T00:00:00"},
        {"to": "2026-02-30"},
        {"to": "9999-01-01"},
        {"tz": "Mars/Olympus"},
        {"group_by": "colour"},
        {"colour": "red"},
    ],
)
def test_what_cannot_be_asked_is_refused(alice: Person, question: dict[str, str]) -> None:
    answer = alice.get(f"/reports/time?{urlencode(MARCH | question)}")
    assert refusal(answer) == (422, "invalid_input")


def test_a_range_has_both_ends(alice: Person) -> None:
    assert refusal(alice.get("/reports/time?from=2026-03-01")) == (422, "invalid_input")


def test_the_zone_is_the_readers_own_unless_another_is_given(app: Flask) -> None:
    berliner = sign_up(app, "Carol", "Europe/Berlin")
    make_entry(berliner, "2026-03-02T23:30:00Z", "2026-03-03T00:00:00Z")
    assert (report(berliner)["tz"], days(berliner)) == (
        "Europe/Berlin",
        {"2026-03-03": 1800},
    )
    assert days(berliner, tz="UTC") == {"2026-03-02": 1800}


def test_a_running_timer_counts_up_to_now(alice: Person) -> None:
    entry = start_timer(alice)
    done(alice.patch(f"/time-entries/{entry['id']}", {"started_at": ago(hours=1)}))
    counted = report(alice, **{"from": ago(minutes=30), "to": "2100-01-01"})["seconds"]
    assert 1800 <= counted < 1860


def test_a_timer_that_has_run_for_days_counts(alice: Person) -> None:
    entry = start_timer(alice)
    done(alice.patch(f"/time-entries/{entry['id']}", {"started_at": ago(days=3)}))
    assert report(alice, **{"from": ago(hours=2), "to": ago(hours=1)})["seconds"] == 3600


# Days of all lengths


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-28", 24.0),
        ("Europe/Berlin", "2026-03-29", 23.0),
        ("Europe/Berlin", "2026-10-25", 25.0),
        ("Asia/Kolkata", "2026-03-29", 24.0),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("America/Havana", "2026-03-08", 23.0),  # 00:00 never comes
        ("America/Havana", "2026-11-01", 25.0),  # 00:00 comes twice
        ("America/Sao_Paulo", "2018-11-04", 23.0),  # 00:00 never comes
        ("America/Sao_Paulo", "2018-02-17", 25.0),  # 23:00 comes twice
        ("Asia/Beirut", "2026-03-29", 23.0),  # 00:00 never comes
        ("Asia/Beirut", "2026-10-24", 25.0),  # 23:00 comes twice
        ("America/St_Johns", "2006-10-28", 24.0),  # 00:01 of the 29th is 23:01 of the 28th
        ("America/St_Johns", "2006-10-29", 25.0),  # again: a day has begun when it first shows
    ],
)
def test_a_day_is_as_long_as_it_was(alice: Person, zone: str, day: str, hours: float) -> None:
    noon = datetime.fromisoformat(f"{day}T12:00:00Z")
    first, last = str(noon - timedelta(days=2)), str(noon + timedelta(days=2))
    make_entry(alice, first, last)
    assert days(alice, tz=zone, **{"from": first, "to": last})[day] == hours * 3600


def test_a_range_of_days_begins_and_ends_at_the_midnights_of_the_zone(alice: Person) -> None:
    make_entry(alice, "2026-03-27T00:00:00Z", "2026-04-01T00:00:00Z")
    question = {"from": "2026-03-29", "to": "2026-03-30", "tz": "Europe/Berlin"}
    assert days(alice, **question) == {"2026-03-29": 23 * 3600}


def test_a_day_that_a_zone_left_out_has_no_time(alice: Person) -> None:
    make_entry(alice, "2011-12-29T10:00:00Z", "2011-12-31T10:00:00Z")
    question = {"from": "2011-12-29", "to": "2012-01-02", "tz": "Pacific/Apia"}
    day = 24 * 3600
    assert days(alice, **question) == {"2011-12-29": day, "2011-12-31": day}


def test_an_entry_over_several_midnights_is_split_at_each(alice: Person) -> None:
    make_entry(alice, "2026-03-02T18:00:00Z", "2026-03-05T18:31:00Z")
    assert days(alice, tz="Asia/Kolkata") == {
        "2026-03-02": 1800,
        "2026-03-03": 24 * 3600,
        "2026-03-04": 24 * 3600,
        "2026-03-05": 24 * 3600,
        "2026-03-06": 60,
    }


def test_an_entry_that_began_long_before_the_range_counts(alice: Person) -> None:
    make_entry(alice, "2026-01-01T00:00:00Z", "2026-03-01T01:00:00Z")
    assert days(alice) == {"2026-03-01": 3600}


# The same by a slow model: minute by minute, by what the clock on the wall shows

CHANGES = [
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("America/Havana", "2026-03-08"),
    ("America/Havana", "2026-11-01"),
    ("Asia/Beirut", "2026-03-29"),
    ("Asia/Beirut", "2026-10-25"),
    ("America/Sao_Paulo", "2018-11-04"),
    ("America/Sao_Paulo", "2018-02-18"),
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Pacific/Apia", "2011-12-30"),
    ("Asia/Kolkata", "2026-03-01"),
    ("Pacific/Chatham", "2026-04-05"),
]
MINUTE = timedelta(minutes=1)
WINDOW = 6 * 24 * 60

FIRST_DAY = {
    "day": lambda day: day,
    "week": lambda day: day - timedelta(days=day.weekday()),
    "month": lambda day: day.replace(day=1),
}


@dataclass(frozen=True)
class Case:
    """Entries around a change of clocks, and the range of a report; all on whole minutes."""

    zone: str
    start: datetime
    end: datetime
    entries: list[tuple[datetime, datetime]]

    def by_model(self, grouping: str) -> dict[str, tuple[int, int]]:
        """Return seconds and number of entries of each period."""
        zone = ZoneInfo(self.zone)
        seconds: Counter[date] = Counter()
        entries: Counter[date] = Counter()
        for started_at, ended_at in self.entries:
            minutes: Counter[date] = Counter()
            now = max(started_at, self.start)
            while now < min(ended_at, self.end):
                minutes[FIRST_DAY[grouping](now.astimezone(zone).date())] += 60
                now += MINUTE
            seconds += minutes
            entries.update(minutes.keys())
        return {day.isoformat(): (seconds[day], entries[day]) for day in seconds}


@st.composite
def cases(draw: st.DrawFn) -> Case:
    zone, change = draw(st.sampled_from(CHANGES))
    first = datetime.fromisoformat(f"{change}T00:00:00+00:00") - timedelta(days=3)
    minute = st.integers(0, WINDOW).map(lambda minutes: first + minutes * MINUTE)
    stretch = st.tuples(minute, minute).filter(lambda ends: ends[0] < ends[1])
    start, end = draw(stretch)
    return Case(zone, start, end, draw(st.lists(stretch, min_size=1, max_size=4)))


@given(cases(), st.sampled_from(sorted(FIRST_DAY)))
@settings(max_examples=100)
def test_periods_agree_with_the_clock_on_the_wall(app: Flask, case: Case, grouping: str) -> None:
    person = sign_up(app, "Carol", case.zone)
    for started_at, ended_at in case.entries:
        make_entry(person, str(started_at), str(ended_at), allow_overlap=True)
    found = report(person, group_by=grouping, **{"from": case.start, "to": case.end})
    groups = {group["key"]: (group["seconds"], group["entries"]) for group in found["groups"]}
    assert groups == case.by_model(grouping)
    assert found["seconds"] == sum(seconds for seconds, _ in groups.values())
