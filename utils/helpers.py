"""Small functions without a better home."""

import hashlib
from datetime import UTC, datetime
from typing import Any

from uuid_utils import uuid7


def new_id() -> str:
    """Return a UUIDv7: unique, and later ones sort after earlier ones."""
    return str(uuid7())


def copied_id(owner_id: str, original_id: str) -> str:
    """Return the id of somebody's copy of a thing: always the same, and as old as the original."""
    digest = hashlib.sha256(f"{owner_id} {original_id}".encode()).hexdigest()
    variant = "89ab"[int(digest[0], 16) % 4]  # RFC 9562, section 4.1
    return f"{original_id[:19]}{variant}{digest[1:4]}-{digest[4:16]}"


def digest_of(secret: str) -> str:
    """Return what is kept of a secret of ours; a plain hash does for what nobody can guess."""
    return hashlib.sha256(secret.encode()).hexdigest()


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
