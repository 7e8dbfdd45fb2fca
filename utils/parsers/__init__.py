"""Readers of other trackers' exports: bytes in, entries and everything wrong with them out.

A format is one module with one function `parse_<format>(content, zone) -> ParsedFile`. What formats
have in common is in `tables` (bytes to records), `cells` (single values) and `timestamps`.
"""

from utils.parsers.clockify import parse_clockify
from utils.parsers.result import LineError, ParsedEntry, ParsedFile, UnreadableFileError

__all__ = ["LineError", "ParsedEntry", "ParsedFile", "UnreadableFileError", "parse_clockify"]
