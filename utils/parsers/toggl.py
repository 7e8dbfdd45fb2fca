"""Toggl Track's detailed report as CSV."""

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

from utils.parsers import cells
from utils.parsers.columns import Row
from utils.parsers.reports import READ, Rate, Report, read_report
from utils.parsers.result import ParsedEntry, ParsedFile
from utils.parsers.tables import column_key

DURATION = "Duration"
LEFT_OUT = ("Amount", "Amount ()")  # nobody knows in which currency
BY_KEY = {column_key(name): name for name in (*READ, DURATION, *LEFT_OUT)}

_AMOUNT_KEY = re.compile(r"amount \([a-z]{3}\)")
_HOUR = timedelta(hours=1)


def parse_toggl(content: bytes, zone: ZoneInfo) -> ParsedFile[ParsedEntry]:
    """Read an export whose wall-clock times are those of `zone`; what it shows is not in the file.

    Raises UnreadableFileError where no entry can be read at all; see `read_report`.
    """
    return read_report(content, zone, TOGGL)


def _name_of(key: str) -> str | None:
    return key if _AMOUNT_KEY.fullmatch(key) else BY_KEY.get(key)


def _rate(row: Row, elapsed: timedelta) -> Rate | None:
    """Return the rate that comes to the amount in the time.

    A report over several currencies has a column for each, with nothing or a zero in those of the
    others. So an amount of zero says nothing; nor does one for no time or at an absurd rate.
    """
    amounts = {
        column: row.read(column, cells.amount, None) or 0
        for column in row.titles
        if _AMOUNT_KEY.fullmatch(column)
    }
    column = max(amounts, key=amounts.__getitem__, default="")
    if not elapsed or not amounts.get(column):
        return None
    minor = round(amounts[column] * (_HOUR / elapsed))
    return (minor, column[-4:-1].upper()) if minor <= cells.RATE_MAX_MINOR else None


TOGGL = Report(
    BY_KEY.keys(),
    _name_of,
    DURATION,
    _rate,
    advice="In Toggl Track, open the detailed report (not the summary or weekly one), "
    "export it as CSV and send that file unchanged.",
)
