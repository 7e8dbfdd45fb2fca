"""Small functions without a better home."""

from datetime import UTC, datetime
from typing import Any

from uuid_utils import uuid7


def new_id() -> str:
    """Return a UUIDv7: unique, and later ones sort after earlier ones."""
    return str(uuid7())


def utc_now() -> datetime:
    """Return this instant as an aware datetime in UTC."""
    return datetime.now(UTC)


def merge_patch(target: dict[str, Any], patch: dict[str, Any]) -> None:
    """Apply a JSON merge patch (RFC 7396) to `target` in place: null removes a member."""
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        elif isinstance(value, dict):
            inner = target.get(name)
            if not isinstance(inner, dict):
                inner = target[name] = {}
            merge_patch(inner, value)
        else:
            target[name] = value
