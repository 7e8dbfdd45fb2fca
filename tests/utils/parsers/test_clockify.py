"""Reading Clockify's reports, and what is the same for all: bad lines and files of other kinds."""

import csv
import io
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.errors import UnprocessableError
from utils.parsers import LineError, ParsedEntry, ParsedFile, UnreadableFileError, parse_clockify

DATA = Path(__file__).parents[2] / "data"
BERLIN = ZoneInfo("Europe/Berlin")
BOTH_DATES = ["Start Date", "End Date"]
FREE_TEXT = (
    "\\\\ \N{FIRE} Special characters  ''''''`!@#$%^&*()_+\\-=\\[\\]{};':''\\\\|,.''<>\\/?~ \\\\\\"
)
REQUIRED = {
    "Email": "ann@example.org",
    "Start Date": "03/04/2024",
    "Start Time": "10:00:00 AM",
    "End Date": "03/04/2024",
    "End Time": "11:00:00 AM",
}
UNFIT = {
    "Billable": ["maybe", "1"],
    "Billable Rate (CHF)": ["abc", "-1", "1.000", "1e3", "1000000.01", "9" * 5_000],
    "Email": ["ann", "ann@", "@example.org", "a b@example.org", "a@b@c"],
    "End Time": ["", "noon", "24:00", "10:60", "10:00:60", "13:00 PM", "00:10 AM"],
    "Start Date": ["", "soon", "02/30/2024", "2023-02-29", "03/04/24", "04-03-2024", "2024-03/04"],
    "End Date": ["0000-01-01", "٠٣/٠٤/٢٠٢٤"],
}


def parse_file(name: str) -> ParsedFile[ParsedEntry]:
    return parse_clockify((DATA / name).read_bytes(), BERLIN)


def export(*records: dict[str, str], delimiter: str = ",") -> str:
    """Return a file of these records, each with what REQUIRED says where it says nothing itself."""
    header = list(dict.fromkeys([*REQUIRED, *(column for record in records for column in record)]))
    output = io.StringIO(newline="")
    writer = csv.DictWriter(output, header, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(REQUIRED | record for record in records)
    return output.getvalue()


def parse(*records: dict[str, str], zone: ZoneInfo = BERLIN) -> ParsedFile[ParsedEntry]:
    return parse_clockify(export(*records).encode(), zone)


def entry_of(record: dict[str, str], zone: ZoneInfo = BERLIN) -> ParsedEntry:
    parsed = parse(record, zone=zone)
    assert parsed.errors == []
    return parsed.entries[0]


def error_of(record: dict[str, str]) -> LineError:
    parsed = parse(record)
    assert parsed.entries == []
    (error,) = parsed.errors
    return error


def at(day: str, start: str, end: str, duration: str = "") -> dict[str, str]:
    columns = ("Start Date", "Start Time", "End Date", "End Time", "Duration (h)")
    return dict(zip(columns, (day, start, day, end, duration), strict=True))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def reason_of(content: bytes) -> str:
    with pytest.raises(UnreadableFileError) as caught:
        parse_clockify(content, BERLIN)
    return caught.value.detail


# Files that Clockify wrote


def test_every_field_of_a_real_entry_is_read() -> None:
    assert parse_file("clockify-2.csv").entries == [
        ParsedEntry(
            line=2,
            person_name="Peter Tester",
            person_email="peter.test@email.test",
            project="Real World Project",
            client="Real World Client",
            task="A giant task",
            note=FREE_TEXT,
            labels=(),
            billable=True,
            started_at=utc("2024-10-15T09:00"),
            ended_at=utc("2024-10-15T09:30"),
            rate_minor=100_000,
            currency="EUR",
        )
    ]


def test_an_entry_of_no_length_is_kept() -> None:
    entry = parse_file("clockify-1.csv").entries[0]
    assert entry.started_at == entry.ended_at == utc("2024-03-04T09:23:52")


def test_times_with_and_without_seconds_stand_in_one_record() -> None:
    entry = parse_file("clockify-1.csv").entries[1]
    assert entry.started_at == utc("2024-03-04T09:23")
    assert entry.ended_at == utc("2024-03-04T10:23:01")


def test_an_impossible_date_is_named_with_line_and_column() -> None:
    (error,) = parse_file("clockify-bad-date.csv").errors
    assert (error.line, error.column) == (2, "Start Date")
    assert error.message.startswith("'13/15/2024' is not a date; expected MM/DD/YYYY, ")


def test_a_long_history_adds_up_to_the_second() -> None:
    parsed = parse_file("clockify-history.csv")
    elapsed = sum((e.ended_at - e.started_at for e in parsed.entries), timedelta())
    assert (len(parsed.entries), parsed.errors) == (5_492, [])
    assert elapsed == timedelta(seconds=6_856_803)


def test_every_entry_of_a_long_history_lasts_as_long_as_it_says() -> None:
    text = (DATA / "clockify-history.csv").read_text(encoding="utf-8")
    stated = [record["Duration (h)"] for record in csv.DictReader(io.StringIO(text))]
    entries = parse_file("clockify-history.csv").entries
    assert [clock_duration(e.started_at, e.ended_at) for e in entries] == stated


# Columns


@pytest.mark.parametrize(
    ("text", "billable"),
    [("Yes", True), ("yes", True), ("TRUE", True), ("No", False), ("false", False), ("", False)],
)
def test_billable_is_yes_or_no_in_any_case(text: str, billable: bool) -> None:  # noqa: FBT001 - a value
    assert entry_of({"Billable": text}).billable is billable


def test_labels_are_trimmed_and_each_kept_once_in_order() -> None:
    assert entry_of({"Tags": " b , a,, b ,A, "}).labels == ("b", "a", "A")


def test_an_address_is_trimmed_and_in_lower_case() -> None:
    assert entry_of({"Email": " Ann@Example.ORG "}).person_email == "ann@example.org"


def test_a_name_will_do_where_there_is_no_address() -> None:
    entry = entry_of({"Email": "", "User": "Ann"})
    assert (entry.person_name, entry.person_email) == ("Ann", "")


def test_a_line_must_say_whose_time_it_is() -> None:
    assert error_of({"Email": "", "User": " "}).column == "Email"


def test_without_a_column_of_addresses_a_missing_name_is_the_error() -> None:
    content = export({"Email": ""}).replace("Email", "User").encode()
    assert [error.column for error in parse_clockify(content, BERLIN).errors] == ["User"]


@pytest.mark.parametrize(
    ("text", "minor"), [("1000.00", 100_000), ("0.00", 0), ("12,5", 1_250), ("19.99", 1_999)]
)
def test_a_rate_is_in_minor_units_of_the_currency_in_the_header(text: str, minor: int) -> None:
    entry = entry_of({"Billable Rate (CHF)": text})
    assert (entry.rate_minor, entry.currency) == (minor, "CHF")


@pytest.mark.parametrize("record", [{}, {"Billable Rate (CHF)": ""}])
def test_without_a_rate_there_is_no_currency(record: dict[str, str]) -> None:
    entry = entry_of(record)
    assert (entry.rate_minor, entry.currency) == (None, None)


def test_columns_that_clockify_does_not_have_are_listed() -> None:
    parsed = parse({"Group": "g", "Billable Amount (EUR)": "1", "Mood": "fine", "Cost": "2"})
    assert parsed.unknown_columns == ["Mood", "Cost"]


def test_columns_are_known_in_any_case_and_errors_name_them_as_the_file_does() -> None:
    content = export({"Start Time": "noon"}).replace("Start Time", "start time").encode()
    (error,) = parse_clockify(content, BERLIN).errors
    assert error.column == "start time"


def test_formulas_are_just_text() -> None:
    assert entry_of({"Description": '=HYPERLINK("x")'}).note == '=HYPERLINK("x")'


def test_a_note_is_kept_to_the_last_character() -> None:
    note = ' \t"quoted", \u2028\x0b\x85\r\nnext\rlast \n'
    assert entry_of({"Description": note}).note == note


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("Task", "t" * 200),
        ("Description", "\N{FIRE}" * 3_000),
        ("User", "u" * 100),
        ("Project", "p" * 100),
        ("Client", "c" * 100),
        ("Tags", ",".join(str(number) for number in range(20))),
        ("Tags", "l" * 50),
        ("Email", "a@" + "b" * 252),
    ],
)
def test_a_value_as_long_as_may_be_is_read_and_a_longer_one_is_an_error(
    column: str, text: str
) -> None:
    assert parse({column: text}).errors == []
    longer = f"{text},20" if "," in text else f"{text}x"
    assert error_of({column: longer}).column == column


@pytest.mark.parametrize(
    ("column", "text"), [(column, text) for column, texts in UNFIT.items() for text in texts]
)
def test_a_value_that_does_not_fit_its_column_is_an_error_there(column: str, text: str) -> None:
    assert error_of({column: text}).column == column


def test_a_message_quotes_only_the_beginning_of_a_long_value() -> None:
    assert len(error_of({"Start Date": "x" * 10_000}).message) < 150


# Dates and times


@pytest.mark.parametrize(
    "day", ["03/04/2024", "3/4/2024", "2024-03-04", "2024/03/04", "04.03.2024 ", "4.3.2024"]
)
def test_the_fourth_of_march_is_read_in_every_form(day: str) -> None:
    assert entry_of(at(day, "10:00", "11:00")).started_at == utc("2024-03-04T09:00")


def test_a_day_above_twelve_turns_the_whole_file_to_days_first() -> None:
    parsed = parse(at("03/04/2024", "10:00", "11:00"), at("13/04/2024", "10:00", "11:00"))
    assert [f"{e.started_at:%m-%d}" for e in parsed.entries] == ["04-03", "04-13"]


def test_a_file_that_fits_neither_order_is_read_month_first() -> None:
    parsed = parse(at("13/04/2024", "10:00", "11:00"), at("04/13/2024", "10:00", "11:00"))
    assert [f"{e.started_at:%m-%d}" for e in parsed.entries] == ["04-13"]
    assert [error.column for error in parsed.errors] == BOTH_DATES


@pytest.mark.parametrize(
    ("year", "wrong"), [("1899", BOTH_DATES), ("1900", []), ("2200", []), ("2201", BOTH_DATES)]
)
def test_only_years_that_somebody_can_mean_are_read(year: str, wrong: list[str]) -> None:
    errors = parse(at(f"07/01/{year}", "10:00", "11:00")).errors
    assert [error.column for error in errors] == wrong


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("12:00 AM", "00:00:00"),
        ("12:30:05 am", "00:30:05"),
        ("1:00 AM", "01:00:00"),
        ("12:00 PM", "12:00:00"),
        ("01:00:59\N{NARROW NO-BREAK SPACE}p.m.", "13:00:59"),
        ("11:59PM", "23:59:00"),
        ("0:00", "00:00:00"),
        ("9:05", "09:05:00"),
        (" 23:59:59 ", "23:59:59"),
    ],
)
def test_times_are_read_on_clocks_of_12_and_24_hours(text: str, hour: str) -> None:
    record = at("03/04/2024", text, "23:59:59")
    assert entry_of(record, ZoneInfo("UTC")).started_at == utc(f"2024-03-04T{hour}")


def test_an_end_before_the_start_is_an_error_of_the_time() -> None:
    message = "the end, 2024-03-04 10:59:00, is before the start, 2024-03-04 11:00:00"
    assert error_of(at("03/04/2024", "11:00", "10:59")) == LineError(2, "End Time", message)


def test_an_end_on_an_earlier_day_is_an_error_of_the_date() -> None:
    assert error_of({"End Date": "03/03/2024"}).column == "End Date"


# Clocks that are set: in Berlin back from 03:00 on 2010-10-31, forward from 02:00 on 2010-03-28


@pytest.mark.parametrize(
    ("start", "end", "duration", "started_at", "ended_at"),
    [
        ("02:25", "02:55", "00:30:00", "00:25", "00:55"),  # both passes agree: the first
        ("02:25", "02:55", "01:30:00", "00:25", "01:55"),
        ("02:55", "02:25", "00:30:00", "00:55", "01:25"),  # the clock went back meanwhile
        ("01:30", "02:30", "02:00:00", "23:30", "01:30"),
        ("02:30", "03:30", "01:00:00", "01:30", "02:30"),
        ("02:30", "03:30", "02:00:00", "00:30", "02:30"),
        ("02:30", "03:30", "01:00:31", "01:30", "02:30"),  # seconds only in the duration
        ("02:30", "03:30", "", "00:30", "02:30"),
        ("02:30", "03:30", "about an hour", "00:30", "02:30"),
        ("02:30", "03:30", "00:10:00", "00:30", "02:30"),  # agrees with nothing
    ],
)
def test_the_duration_tells_which_of_two_equal_hours_is_meant(
    start: str, end: str, duration: str, started_at: str, ended_at: str
) -> None:
    entry = entry_of(at("10/31/2010", start, end, duration))
    assert f"{entry.started_at:%H:%M}" == started_at
    assert f"{entry.ended_at:%H:%M}" == ended_at


def test_without_a_duration_an_end_that_reads_earlier_is_an_error() -> None:
    assert error_of(at("10/31/2010", "02:55", "02:25")).column == "End Time"


def test_an_hour_that_comes_twice_may_end_the_day() -> None:
    record = at("02/17/2018", "23:30", "00:30", "01:00:00") | {"End Date": "02/18/2018"}
    entry = entry_of(record, ZoneInfo("America/Sao_Paulo"))
    assert entry.started_at == utc("2018-02-18T02:30")


def test_a_time_that_clocks_skip_is_moved_on_by_the_jump() -> None:
    entry = entry_of(at("03/28/2010", "02:30", "04:00", "01:30:00"))
    assert (entry.started_at, entry.ended_at) == (utc("2010-03-28T01:30"), utc("2010-03-28T02:00"))


# Bad lines


def test_a_bad_line_never_loses_the_good_ones() -> None:
    parsed = parse({"Task": "first"}, {"Start Time": "noon"}, {"Task": "last"})
    assert [(e.line, e.task) for e in parsed.entries] == [(2, "first"), (4, "last")]
    assert [e.line for e in parsed.errors] == [3]


def test_everything_wrong_with_a_line_is_listed() -> None:
    wrong = {"Email": "ann", "Start Date": "x", "End Time": "x", "Tags": "l" * 51, "Billable": "x"}
    assert {error.column for error in parse(wrong).errors} == wrong.keys()


@pytest.mark.parametrize("cells", ["only,two", "a," * 8])
def test_a_record_of_another_width_is_an_error(cells: str) -> None:
    content = (
        export({"Start Time": "noon"}, {}) + cells + "\r\n" + export({}).split("\r\n")[1]
    ).encode()
    parsed = parse_clockify(content, BERLIN)
    assert [e.line for e in parsed.entries] == [3, 5]
    assert [(e.line, e.column) for e in parsed.errors] == [(2, "Start Time"), (4, "")]


def test_lines_are_counted_as_an_editor_does() -> None:
    note = {"Description": "one\r\ntwo\nthree\u2028still three"}
    parsed = parse(note, note, {"Start Time": "noon"})
    assert [e.line for e in parsed.entries] == [2, 5]
    assert [e.line for e in parsed.errors] == [8]


def test_blank_records_are_skipped() -> None:
    header, record, *_ = export({}).split("\r\n")
    content = f"\r\n{header}\r\n\r\n,,,,\r\n   \r\n{record}\r\n\r\n".encode()
    parsed = parse_clockify(content, BERLIN)
    assert (parsed.entries[0].line, len(parsed.entries), parsed.errors) == (6, 1, [])


def test_a_quote_that_is_never_closed_takes_no_other_line_along() -> None:
    good = "ann@example.org,03/04/2024,10:00,03/04/2024,11:00,note"
    lines = [",".join([*REQUIRED, "Description"]), good, f'{good[:-4]}"note', good, good]
    parsed = parse_clockify("\n".join(lines).encode(), BERLIN)
    assert [e.line for e in parsed.entries] == [2, 4, 5]
    assert [e.line for e in parsed.errors] == [3]


def test_a_file_made_of_broken_quotes_is_given_up_soon() -> None:
    content = ",".join(REQUIRED) + '\nx","' * 20_000
    assert 1 <= len(parse_clockify(content.encode(), BERLIN).errors) < 10


# Encodings, delimiters and files that are something else


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters_are_recognised(encoding: str, delimiter: str) -> None:
    content = export({"Task": "a, b; c \N{FIRE}"}, delimiter=delimiter).encode(encoding)
    assert [e.task for e in parse_clockify(content, BERLIN).entries] == ["a, b; c \N{FIRE}"]


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \r\n\r\n", "empty"),
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"%PDF-1.7", "PDF"),
        (bytes(range(256)), "UTF-8"),
        (export({"Task": "\xfc"}).encode("latin-1"), "UTF-8"),
        (b"\xff\xfea", "UTF-8"),
        (export({"Task": "a\x00b"}).encode(), "NUL"),
        (export({}).encode("utf-16-le"), "NUL"),
        (b"just some words\nand more\n", "commas, semicolons or tabs"),
        (export({}, delimiter="|").encode(), "commas, semicolons or tabs"),
    ],
)
def test_a_file_that_is_no_report_is_refused_with_advice(content: bytes, advice: str) -> None:
    assert advice in reason_of(content)


@pytest.mark.parametrize(
    "column", ["Start Date", "Start Time", "End Date", "End Time", "Email or User"]
)
def test_a_missing_column_is_named(column: str) -> None:
    header = [name for name in REQUIRED if name not in column]
    assert f"no column {column}. In Clockify" in reason_of(",".join(header).encode())


def test_two_columns_of_one_meaning_are_refused() -> None:
    header = [*REQUIRED, "Billable Rate (USD)", "Billable Rate (EUR)"]
    assert "Billable Rate (EUR) mean the same" in reason_of(",".join(header).encode())


def test_a_header_alone_is_a_file_of_no_entries() -> None:
    assert parse_clockify(",".join(REQUIRED).encode(), BERLIN) == ParsedFile()


def test_an_unreadable_file_is_answered_like_other_unfit_input() -> None:
    error = UnreadableFileError("Send another.")
    assert isinstance(error, UnprocessableError)
    assert (error.detail, error.code) == ("Send another.", "unreadable_file")


# Any entries at all: (started_at, ended_at, note)

Worked = tuple[datetime, datetime, str]

# Moments at which clocks were set: by an hour, half an hour, a whole day, and around midnight.
CHANGES = [
    ("Europe/Berlin", utc("2010-10-31T01:00")),
    ("Europe/Berlin", utc("2010-03-28T01:00")),
    ("America/Sao_Paulo", utc("2018-02-18T02:00")),
    ("America/Havana", utc("2023-11-05T05:00")),
    ("Australia/Lord_Howe", utc("2024-04-06T15:00")),
    ("Pacific/Apia", utc("2011-12-30T10:00")),
    ("Africa/Casablanca", utc("2024-03-10T02:00")),
    ("Asia/Kolkata", utc("2024-01-01T00:00")),
]
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)


@st.composite
def worked(draw: st.DrawFn, change: datetime) -> Worked:
    near = st.integers(-4 * 3600, 4 * 3600).map(lambda seconds: int(change.timestamp()) + seconds)
    anywhen = st.integers(0, 4_000_000_000)
    started_at = datetime.fromtimestamp(draw(near | anywhen), UTC)
    seconds = draw(st.integers(0, 3 * 3600) | st.integers(0, 500 * 3600))
    return started_at, started_at + timedelta(seconds=seconds), draw(TEXT)


def clock_duration(start: datetime, end: datetime) -> str:
    seconds = int((end - start).total_seconds())
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def as_record(entry: Worked, zone: ZoneInfo) -> dict[str, str]:
    start, end = (moment.astimezone(zone) for moment in entry[:2])
    day, opens, closes = f"{start:%m/%d/%Y}", f"{start:%I:%M:%S %p}", f"{end:%I:%M:%S %p}"
    other = {"End Date": f"{end:%m/%d/%Y}", "Description": entry[2]}
    return at(day, opens, closes, clock_duration(*entry[:2])) | other


@given(st.data(), st.sampled_from(CHANGES), st.sampled_from(",;\t"))
def test_any_entries_written_as_clockify_does_are_read_back(
    data: st.DataObject, change: tuple[str, datetime], delimiter: str
) -> None:
    zone = ZoneInfo(change[0])
    # Within the second pass of an hour alone, nothing in the file tells it from the first.
    told = worked(change[1]).filter(lambda e: not all(m.astimezone(zone).fold for m in e[:2]))
    entries = data.draw(st.lists(told, min_size=1, max_size=8))
    content = export(*(as_record(entry, zone) for entry in entries), delimiter=delimiter).encode()
    parsed = parse_clockify(content, zone)
    assert parsed.errors == []
    assert [(e.started_at, e.ended_at, e.note) for e in parsed.entries] == entries


@given(st.binary() | TEXT.map(lambda text: (",".join(REQUIRED) + "\n" + text).encode()))
def test_no_bytes_break_the_parser(content: bytes) -> None:
    with suppress(UnreadableFileError):
        parse_clockify(content, BERLIN)
