"""The values of single cells: each function returns the value or raises BadCellError."""

import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache

from utils.parsers.result import BadCellError

EMAIL_MAX_LENGTH = 254
LABEL_MAX_LENGTH = 50
LABELS_MAX = 20
RATE_MAX_MINOR = 100_000_000
SHOWN_MAX_LENGTH = 40

_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+")
_AMOUNT = re.compile(r"[0-9]{1,12}(?:[.,][0-9]{1,2})?")
_YES_OR_NO = {"yes": True, "true": True, "no": False, "false": False, "": False}


def shown(text: str) -> str:
    """Return `text` in quotes, cut short: whole cells do not belong in messages."""
    if len(text) > SHOWN_MAX_LENGTH:
        text = f"{text[: SHOWN_MAX_LENGTH - 3]}..."
    return f"'{text}'"


def name_up_to(limit: int) -> Callable[[str], str]:
    """Return a reader of names: blanks around them mean nothing."""

    def read(text: str) -> str:
        name = text.strip()
        if len(name) > limit:
            raise _too_long(name, limit)
        return name

    return read


def text_up_to(limit: int) -> Callable[[str], str]:
    """Return a reader of text that is kept exactly as it is."""

    def read(text: str) -> str:
        if len(text) > limit:
            raise _too_long(text, limit)
        return text

    return read


def email(text: str) -> str:
    """Return the address in lower case, or an empty string.

    Refuses only what cannot be an address. Whether it can receive mail is not for a parser to say.
    """
    address = text.strip().lower()
    if address and (len(address) > EMAIL_MAX_LENGTH or not _EMAIL.fullmatch(address)):
        raise BadCellError(f"{shown(address)} is not an e-mail address; expected name@example.org")
    return address


def labels(text: str) -> tuple[str, ...]:
    """Return the comma-separated labels, each once."""
    if not text:
        return ()
    found = tuple(dict.fromkeys(label for part in text.split(",") if (label := part.strip())))
    if len(found) > LABELS_MAX:
        raise BadCellError(f"has {len(found)} labels; at most {LABELS_MAX} are allowed")
    for label in found:
        if len(label) > LABEL_MAX_LENGTH:
            raise BadCellError(
                f"the label {shown(label)} has {len(label)} characters; "
                f"at most {LABEL_MAX_LENGTH} are allowed"
            )
    return found


def yes_or_no(text: str) -> bool:
    """Return whether the cell says yes; an empty one says no."""
    try:
        return _YES_OR_NO[text.strip().lower()]
    except KeyError:
        raise BadCellError(f"{shown(text)} is neither Yes nor No") from None


def hourly_rate(text: str) -> int | None:
    """Return the amount in hundredths; None for an empty cell."""
    minor = amount(text)
    if minor is not None and minor > RATE_MAX_MINOR:
        raise BadCellError(f"{shown(text.strip())} is more than {RATE_MAX_MINOR // 100} an hour")
    return minor


def amount(text: str) -> int | None:
    """Return an amount of money in hundredths; None for an empty cell.

    Thousands separators are refused: nobody knows whether 1.000 is one or a thousand.
    """
    digits = text.strip()
    return _minor_units(digits) if digits else None


@lru_cache(maxsize=256)
def _minor_units(digits: str) -> int:
    if not _AMOUNT.fullmatch(digits):
        raise BadCellError(f"{shown(digits)} is not an amount; expected one such as 1000.00")
    return int(Decimal(digits.replace(",", ".")) * 100)


def _too_long(text: str, limit: int) -> BadCellError:
    return BadCellError(f"has {len(text)} characters; at most {limit} are allowed")
