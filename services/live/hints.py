"""Hints, and the messages that carry several of them at once."""

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

HINTS_OF_A_MESSAGE = 64  # NOTIFY takes less than 8,000 bytes; a hint has 70 at most


class Hint(NamedTuple):
    """Something about `subject` is new: `room` has events up to `number`, and so on."""

    topic: str
    subject: str
    number: int = 0


def pack(hints: Iterable[Hint]) -> list[str]:
    """Return messages that carry the hints."""
    lines = (f"{topic} {subject} {number}" for topic, subject, number in hints)
    return list(iter(lambda: "\n".join(islice(lines, HINTS_OF_A_MESSAGE)), ""))


def unpack(message: str) -> list[Hint]:
    """Return the hints of a message."""
    hints = (line.split(" ") for line in message.split("\n"))
    return [Hint(topic, subject, int(number)) for topic, subject, number in hints]
