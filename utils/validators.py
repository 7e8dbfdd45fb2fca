"""Annotated types that say once what a value may be; request models are made of them."""

import math
import re
from datetime import UTC, date, datetime
from ipaddress import ip_network
from typing import Annotated, Any, TypeVar

import orjson
from email_validator import EmailNotValidError, validate_email
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    JsonValue,
    Strict,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from utils.recurrence import check_rule
from utils.zones import zone_names

FIRST_YEAR, LAST_YEAR = 1900, 2200
LABELS_MAX = 20
JSON_MAX_BYTES = 65_536
JSON_MAX_DEPTH = 16
JSON_MAX_INTEGER = 2**63 - 1
DAY_PATTERN = re.compile(r"\d{4}-\d{2}-\d{2}")
INSTANT_START = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")
NO_NUL = r"^[^\x00]*$"  # PostgreSQL's text cannot hold U+0000
NOT_BLANK = r"^[^\x00]*[^\s\x00][^\x00]*$"
ONE_LINE = r"^[^\x00-\x1f\x7f\x85\u2028\u2029]*$"
# No second slash after another and no backslash: browsers would take that for another host.
OWN_PATH = r"^/([A-Za-z0-9._~!$&'()*+,;=:@%?#-]+(/[A-Za-z0-9._~!$&'()*+,;=:@%?#-]+)*/?)?$"
UUID_PATTERN = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
BASE64URL = r"^([A-Za-z0-9_-]{4})*[A-Za-z0-9_-]{2,4}={0,2}$"  # no byte has one letter
SIX_DIGITS = r"^[0-9]{6}$"

PATTERN_MEANINGS = {
    NO_NUL: "must not contain the character U+0000",
    NOT_BLANK: "must not be blank nor contain the character U+0000",
    ONE_LINE: "must be one line, without control characters",
    OWN_PATH: "must be a path of this service, like /docs",
    UUID_PATTERN: "must be an id, a UUID in lower case",
    BASE64URL: "must be base64url, as browsers write it",
    SIX_DIGITS: "must be six digits",
}

Moment = TypeVar("Moment", date, datetime)


def is_id(text: str) -> bool:
    """Tell whether `text` has the form of an id."""
    return re.fullmatch(UUID_PATTERN[1:-1], text) is not None


def _check_zone(name: str) -> str:
    if name not in zone_names():
        raise PydanticCustomError(
            "timezone", "must be a name of the IANA time zone database, like Europe/Berlin"
        )
    return name


def _require_text(value: Any) -> Any:
    """Numbers are not instants: nobody knows whether they count seconds or milliseconds."""
    if isinstance(value, datetime) or (isinstance(value, str) and INSTANT_START.match(value)):
        return value
    raise PydanticCustomError("instant", "must be an RFC 3339 date and time with an offset")


def _require_day(value: Any) -> Any:
    if isinstance(value, str) and DAY_PATTERN.fullmatch(value) is None:
        raise PydanticCustomError("day", "must be a day like 2026-01-31")
    return value


def _check_era(instant: Moment) -> Moment:
    """Beyond these years calendars and databases begin to disagree."""
    if FIRST_YEAR <= instant.year <= LAST_YEAR:
        return instant
    raise PydanticCustomError("instant_era", "must lie in the years 1900 to 2200")


def _to_utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC)


def _check_json(value: dict[str, Any]) -> dict[str, Any]:
    _check_json_value(value, depth=1)
    if len(orjson.dumps(value)) > JSON_MAX_BYTES:
        raise PydanticCustomError("json_size", "must not be larger than 64 KiB")
    return value


def _check_json_value(value: Any, depth: int) -> None:
    match value:
        case dict() | list() if depth > JSON_MAX_DEPTH:
            raise PydanticCustomError("json_depth", "must not be nested more than 16 levels deep")
        case str():
            _check_json_text(value)
        case int() | float():
            _check_json_number(value)
        case dict():
            for name, member in value.items():
                _check_json_text(name)
                _check_json_value(member, depth + 1)
        case list():
            for member in value:
                _check_json_value(member, depth + 1)


def _check_json_number(number: float) -> None:
    fits = abs(number) <= JSON_MAX_INTEGER if isinstance(number, int) else math.isfinite(number)
    if not fits:
        raise PydanticCustomError("json_number", "numbers must be finite and fit 64 bits")


def _check_json_text(text: str) -> None:
    if "\x00" in text:
        raise PydanticCustomError("json_text", "text must not contain the character U+0000")


def _normalize_email(address: str) -> str:
    """Return the address in the form that it is compared in.

    Installations inside a network use domains that the internet does not know, like `.internal`.
    """
    try:
        return validate_email(
            address, check_deliverability=False, globally_deliverable=False
        ).normalized.lower()
    except EmailNotValidError as error:
        raise PydanticCustomError("email", "must be an e-mail address") from error


def _check_recurrence(rule: str) -> str:
    try:
        return check_rule(rule)
    except ValueError as error:
        raise PydanticCustomError("recurrence", str(error)) from error


def _check_network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise PydanticCustomError(
            "network", "must be an address or a network without host bits, like 10.0.0.0/8"
        ) from error


def _distinct(labels: list[str]) -> list[str]:
    return list(dict.fromkeys(labels))


Id = Annotated[
    str,
    StringConstraints(pattern=UUID_PATTERN),
    WithJsonSchema({"type": "string", "format": "uuid", "pattern": UUID_PATTERN}),
]
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=NOT_BLANK)
]
Title = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=NOT_BLANK)
]
Prose = Annotated[str, StringConstraints(max_length=20_000, pattern=NO_NUL)]
Remark = Annotated[str, StringConstraints(min_length=1, max_length=10_000, pattern=NOT_BLANK)]
Note = Annotated[str, StringConstraints(max_length=3_000, pattern=NO_NUL)]
Line = Annotated[str, StringConstraints(max_length=300, pattern=ONE_LINE)]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=3_000, pattern=NOT_BLANK)]
SearchText = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_NUL)]
Label = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50, pattern=NOT_BLANK)
]
Blockers = Annotated[list[Id], Field(max_length=50), AfterValidator(_distinct)]
Labels = Annotated[list[Label], Field(max_length=LABELS_MAX), AfterValidator(_distinct)]
Email = Annotated[
    str,
    StringConstraints(max_length=254),
    AfterValidator(_normalize_email),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": 254}),
]
Password = Annotated[str, StringConstraints(min_length=10, max_length=200, pattern=NO_NUL)]
Recurrence = Annotated[
    str,
    StringConstraints(max_length=500),
    AfterValidator(_check_recurrence),
    WithJsonSchema({"type": "string", "maxLength": 500, "pattern": "FREQ="}),
]
HOW_TO_CHOOSE = "At least 10 characters, not a common one and not just your name or address."
Network = Annotated[str, StringConstraints(max_length=50), AfterValidator(_check_network)]
OwnPath = Annotated[str, StringConstraints(max_length=500, pattern=OWN_PATH)]
ZoneName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    AfterValidator(_check_zone),
]
Instant = Annotated[
    AwareDatetime,
    Strict(False),  # in JSON an instant is text
    BeforeValidator(_require_text),
    AfterValidator(_check_era),
    AfterValidator(_to_utc),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Day = Annotated[
    date,
    BeforeValidator(_require_day),
    AfterValidator(_check_era),
    WithJsonSchema({"type": "string", "format": "date"}),
]
JsonObject = Annotated[dict[str, JsonValue], AfterValidator(_check_json)]
