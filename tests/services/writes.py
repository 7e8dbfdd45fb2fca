"""Writes that faults are put into."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import LiteralString

from werkzeug.test import TestResponse

from tests.factories import Person


@dataclass(frozen=True)
class Write:
    """A write that is told apart by a key, and a query that counts what it leaves."""

    send: Callable[[Person, str], TestResponse]
    parts: LiteralString
    before: Callable[[Person], object] = lambda _: None
