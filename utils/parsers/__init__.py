"""Readers of other services' exports: bytes in, entries and everything wrong with them out.

A format is one module with one function `parse_<format>(content, zone) -> ParsedFile`. What formats
have in common is in `tables` (bytes to records), `columns` (what is where in them), `cells` (single
values) and `timestamps`; reports of time share `reports`.
"""

from utils.parsers.clockify import parse_clockify
from utils.parsers.result import (
    LineError,
    ParsedEntry,
    ParsedFile,
    ParsedItem,
    ParsedTask,
    UnreadableFileError,
)
from utils.parsers.ticktick import parse_ticktick
from utils.parsers.toggl import parse_toggl

__all__ = [
    "LineError",
    "ParsedEntry",
    "ParsedFile",
    "ParsedItem",
    "ParsedTask",
    "UnreadableFileError",
    "parse_clockify",
    "parse_ticktick",
    "parse_toggl",
]
