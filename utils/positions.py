"""Positions: text keys that sort by code point, with room for another between any two.

The scheme is that of the package fractional-indexing (David Greenspan's "Implementing Fractional
Indexing"): an integer part whose first character tells its length, then a fraction.
"""

import secrets
import time

from fractional_indexing import (  # type: ignore[import-untyped]  # it ships no types
    BASE_62_DIGITS,
    FIError,
    generate_key_between,
    generate_n_keys_between,
    validate_order_key,
)

POSITION_MAX_LENGTH = 80  # longer ones are made anew together with those around them
POSITION_STORED_LENGTH = 1_000
JITTER_STEPS = 6

_INTEGER_HEAD, _INTEGER_DIGITS = "i", 9  # nine digits hold the microseconds until the year 2398
_latest = 0


def last_position() -> str:
    """Return a position after all that were made before by this function, without asking for them.

    It is the time in microseconds, and something random for what other processes make meanwhile.
    """
    global _latest
    _latest = max(_latest + 1, time.time_ns() // 1_000)
    number, digits = _latest, ""
    for _ in range(_INTEGER_DIGITS):
        number, digit = divmod(number, len(BASE_62_DIGITS))
        digits = f"{BASE_62_DIGITS[digit]}{digits}"
    jitter = secrets.choice(BASE_62_DIGITS) + secrets.choice(BASE_62_DIGITS[1:])
    return f"{_INTEGER_HEAD}{digits}{jitter}"


def position_between(low: str | None, high: str | None) -> str:
    """Return a position between two, None standing for the start or the end.

    It lies somewhere, not in the middle: two that are made at once for one place differ.
    """
    position: str = generate_key_between(low, high)
    for _ in range(JITTER_STEPS):
        low, high = (position, high) if secrets.randbelow(2) else (low, position)
        position = generate_key_between(low, high)
    return position


def positions_between(low: str | None, high: str | None, count: int) -> list[str]:
    """Return so many positions in order between two, evenly spread."""
    return list(generate_n_keys_between(low, high, count))


def is_position(text: str) -> bool:
    """Tell whether others can be made between `text` and its neighbours."""
    if len(text) > POSITION_STORED_LENGTH or not set(text) <= set(BASE_62_DIGITS):
        return False
    try:
        validate_order_key(text)
    except FIError:
        return False
    return True
