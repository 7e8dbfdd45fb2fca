"""Reading Toggl Track's reports: what is different from other reports."""

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from utils.parsers import ParsedEntry, ParsedFile, UnreadableFileError, parse_toggl

DATA = Path(__file__).parents[2] / "data"
BERLIN = ZoneInfo("Europe/Berlin")
REQUIRED = {
    "Email": "ann@example.org",
    "Start date": "2024-03-04",
    "Start time": "10:00:00",
    "End date": "2024-03-04",
    "End time": "11:00:00",
}


def export(*records: dict[str, str]) -> str:
    """Return a file of these records, each with what REQUIRED says where it says nothing itself."""
    header = list(dict.fromkeys([*REQUIRED, *(column for record in records for column in record)]))
    output = io.StringIO(newline="")
    writer = csv.DictWriter(output, header)
    writer.writeheader()
    writer.writerows(REQUIRED | record for record in records)
    return output.getvalue()


def parse(*records: dict[str, str]) -> ParsedFile[ParsedEntry]:
    return parse_toggl(export(*records).encode("utf-8-sig"), BERLIN)


def entry_of(record: dict[str, str]) -> ParsedEntry:
    parsed = parse(record)
    assert parsed.errors == []
    return parsed.entries[0]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def hours(elapsed: float) -> dict[str, str]:
    """Return the end of so many hours that begin at ten."""
    end = datetime(2024, 3, 4, 10, tzinfo=UTC) + timedelta(hours=elapsed)
    return {"End time": f"{end:%H:%M:%S}"}


def test_a_real_file_is_read_to_the_last_field() -> None:
    parsed = parse_toggl((DATA / "toggl-1.csv").read_bytes(), BERLIN)
    assert (parsed.errors, parsed.unknown_columns) == ([], [])
    nothing, hour = parsed.entries
    assert nothing.started_at == nothing.ended_at == utc("2024-03-04T09:23:52")
    assert (nothing.labels, nothing.billable) == (("Development", "Backend"), False)
    assert (nothing.rate_minor, nothing.currency) == (None, None)
    assert hour == ParsedEntry(
        line=3,
        person_name="Peter Tester",
        person_email="peter.test@email.test",
        project="Project for Big Company",
        client="Big Company",
        task="Task 1",
        note="Working hard",
        labels=(),
        billable=True,
        started_at=utc("2024-03-04T09:23:00"),
        ended_at=utc("2024-03-04T10:23:01"),
        rate_minor=11_108,
        currency="EUR",
    )


@pytest.mark.parametrize("day", ["2024-03-04", "03/04/2024", "04.03.2024"])
@pytest.mark.parametrize("clock", ["14:30:00", "02:30:00 PM", "2:30 PM"])
def test_dates_and_times_are_read_in_every_form(day: str, clock: str) -> None:
    span = {"Start date": day, "Start time": clock, "End date": day, "End time": clock}
    assert entry_of(span).started_at == utc("2024-03-04T13:30")


def test_a_note_may_have_several_lines() -> None:
    parsed = parse({"Description": "one\ntwo\r\nthree"}, {"Description": "four"})
    assert [(entry.line, entry.note) for entry in parsed.entries] == [
        (2, "one\ntwo\r\nthree"),
        (5, "four"),
    ]


def test_the_duration_tells_which_of_two_equal_hours_is_meant() -> None:
    span = {"Start date": "2024-10-27", "End date": "2024-10-27"}
    clocks = {"Start time": "02:30:00", "End time": "02:45:00", "Duration": "01:15:00"}
    entry = entry_of(span | clocks)
    assert entry.ended_at - entry.started_at == timedelta(hours=1, minutes=15)


@pytest.mark.parametrize(
    ("elapsed", "amount", "minor"),
    [(1, "95.00", 9_500), (0.5, "47.50", 9_500), (8, "760", 9_500), (2, "1,00", 50)],
)
def test_a_rate_comes_to_the_amount_in_the_time(elapsed: float, amount: str, minor: int) -> None:
    entry = entry_of(hours(elapsed) | {"Amount (CHF)": amount})
    assert (entry.rate_minor, entry.currency) == (minor, "CHF")


@pytest.mark.parametrize(
    "record",
    [
        pytest.param({}, id="no column"),
        pytest.param({"Amount (EUR)": ""}, id="no amount"),
        pytest.param({"Amount (EUR)": "0.00"}, id="nothing"),
        pytest.param({"Amount (EUR)": "5.00"} | hours(0), id="no time"),
        pytest.param({"Amount (EUR)": "9999.00"} | hours(1 / 3600), id="an absurd rate"),
        pytest.param({"Amount ()": "5.00"}, id="no currency"),
        pytest.param({"Amount": "5.00"}, id="nothing said of a currency"),
    ],
)
def test_no_rate_is_made_up(record: dict[str, str]) -> None:
    parsed = parse(record)
    assert (parsed.errors, parsed.unknown_columns) == ([], [])
    assert (parsed.entries[0].rate_minor, parsed.entries[0].currency) == (None, None)


def test_of_several_currencies_the_one_with_an_amount_counts() -> None:
    entry = entry_of({"Amount (EUR)": "0.00", "Amount (USD)": "20.00", "Amount (CHF)": ""})
    assert (entry.rate_minor, entry.currency) == (2_000, "USD")


def test_every_amount_that_is_none_is_an_error() -> None:
    parsed = parse({"Amount (EUR)": "much", "Amount (USD)": "1.000"} | {"End time": "soon"})
    assert [error.column for error in parsed.errors] == [
        "End time",
        "Amount (EUR)",
        "Amount (USD)",
    ]


def test_older_and_foreign_columns_do_no_harm() -> None:
    content = export({"Workspace": "Ours"}).replace("Start date", "Start Date").encode()
    parsed = parse_toggl(content, BERLIN)
    assert (len(parsed.entries), parsed.unknown_columns) == (1, ["Workspace"])


def test_a_missing_column_is_named() -> None:
    with pytest.raises(UnreadableFileError, match=r"no column End Time\. In Toggl Track, open"):
        parse_toggl(b"User,Start date,Start time,End date\n", BERLIN)
