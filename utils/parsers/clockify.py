"""Clockify's detailed report as CSV."""

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

from utils.parsers import cells
from utils.parsers.columns import Row
from utils.parsers.reports import READ, Rate, Report, read_report
from utils.parsers.result import ParsedEntry, ParsedFile
from utils.parsers.tables import column_key

RATE, DURATION = "Billable Rate", "Duration (h)"
LEFT_OUT = ("Group", "Type", "Invoiced", "Invoice ID", "Duration (decimal)", "Date of creation")
BY_KEY = {column_key(name): name for name in (*READ, DURATION, *LEFT_OUT)}

_RATE_KEY = re.compile(r"billable rate \([a-z]{3}\)")
_AMOUNT_KEY = re.compile(r"billable amount \([a-z]{3}\)")


def parse_clockify(content: bytes, zone: ZoneInfo) -> ParsedFile[ParsedEntry]:
    """Read an export whose wall-clock times are those of `zone`; what it shows is not in the file.

    Raises UnreadableFileError where no entry can be read at all; see `read_report`.
    """
    return read_report(content, zone, CLOCKIFY)


def _name_of(key: str) -> str | None:
    if _RATE_KEY.fullmatch(key):
        return RATE
    return key if _AMOUNT_KEY.fullmatch(key) else BY_KEY.get(key)


def _rate(row: Row, _elapsed: timedelta) -> Rate | None:
    minor = row.read(RATE, cells.hourly_rate, None)
    return None if minor is None else (minor, row.titles[RATE][-4:-1].upper())


CLOCKIFY = Report(
    BY_KEY.keys(),
    _name_of,
    DURATION,
    _rate,
    advice="In Clockify, open the detailed report (not the summary or weekly one), "
    "export it as CSV and send that file unchanged.",
)
