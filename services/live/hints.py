"""Hints, and the messages that carry several of them at once."""

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

# Processes of an older version may listen meanwhile: another form of messages has another channel.
CHANNEL = "stint_hints"

HINTS_OF_A_MESSAGE = 64  # NOTIFY takes less than 8,000 bytes, and a hint has about 70


class Hint(NamedTuple):
    """Something about `subject` is new: `room` has events up to `number`, and so on."""

    topic: str
    subject: str
    number: int = 0


def pack(hints: Iterable[Hint]) -> list[str]:
    """Return as few messages as carry the hints."""
    left = iter(hints)
    parts = iter(lambda: list(islice(left, HINTS_OF_A_MESSAGE)), [])
    return [
        "\n".join(f"{topic} {subject} {number}" for topic, subject, number in part)
        for part in parts
    ]


def unpack(message: str) -> list[Hint]:
    """Return the hints of a message."""
    hints = (line.split(" ") for line in message.split("\n"))
    return [Hint(topic, subject, int(number)) for topic, subject, number in hints]
