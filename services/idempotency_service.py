"""Idempotency: the answers of writes, kept for a day for those who repeat them."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import bindparam, func, literal, not_, select
from sqlalchemy.dialects.postgresql import insert

from config import Settings, settings
from models.idempotency import IdempotencyRow
from services.db_client import DatabaseClient, db
from services.portions import delete_portion
from utils.errors import InProgressError, UnprocessableError

# Held until the end of the transaction; a second request with the key does not wait for it.
TRY_LOCK = select(func.pg_try_advisory_xact_lock(bindparam("lock")).label("locked"))

FRESH = IdempotencyRow.created_at > func.now() - literal(
    timedelta(hours=settings.idempotency_hours)
)

FIND = select(
    IdempotencyRow.fingerprint, IdempotencyRow.status, IdempotencyRow.headers, IdempotencyRow.body
).where(
    IdempotencyRow.principal == bindparam("principal"),
    IdempotencyRow.key == bindparam("key"),
    FRESH,
)

_VALUES = {
    "fingerprint": bindparam("fingerprint"),
    "status": bindparam("status"),
    "headers": bindparam("headers"),
    "body": bindparam("body"),
    "created_at": func.now(),
}
# What is there already is a day old: FIND did not return it.
KEEP = (
    insert(IdempotencyRow)
    .values(principal=bindparam("principal"), key=bindparam("key"), **_VALUES)
    .on_conflict_do_update(constraint="pk_idempotency_records", set_=_VALUES)
)


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """An answer as it was sent."""

    status: int
    body: bytes
    headers: list[tuple[str, str]]


class IdempotencyService:
    """Finds and keeps answers; both inside the transaction of the write."""

    def __init__(self, database: DatabaseClient, options: Settings) -> None:
        self._try_lock = database.prepare(TRY_LOCK)
        self._find = database.prepare(FIND)
        self._keep = database.prepare(KEEP)
        self._purge = database.prepare(delete_portion(IdempotencyRow, not_(FRESH)))
        self._key = options.signing_key.encode()

    def find(self, principal: str, key: str, question: bytes) -> RecordedAnswer | None:
        """Return the answer recorded for the key, None when the write is still to be done.

        InProgressError while the same write is at work, UnprocessableError when the key was used
        for another question.
        """
        if not self._try_lock.one(lock=self._lock_number(principal, key))["locked"]:
            raise InProgressError(
                "The same request is being worked on; repeat it in a second for its answer."
            )
        row = self._find.first(principal=principal, key=key)
        if row is None:
            return None
        if not hmac.compare_digest(row["fingerprint"], self._fingerprint(question)):
            raise UnprocessableError(
                "This Idempotency-Key was used for another request; use a new one.",
                code="idempotency_key_reused",
            )
        names_and_values = iter(row["headers"])
        headers = list(zip(names_and_values, names_and_values, strict=True))
        return RecordedAnswer(row["status"], row["body"], headers)

    def keep(self, principal: str, key: str, question: bytes, answer: RecordedAnswer) -> None:
        """Record the answer, so that it is committed with what it reports."""
        self._keep.execute(
            principal=principal,
            key=key,
            fingerprint=self._fingerprint(question),
            status=answer.status,
            headers=[part for header in answer.headers for part in header],
            body=answer.body,
        )

    def purge(self) -> dict[str, int]:
        """Delete some answers that are no longer replayed; returns how many, until none is."""
        return {"recorded answers": self._purge.execute()}

    def _fingerprint(self, question: bytes) -> bytes:
        """Keyed: a body may hold a password that a plain hash would give away."""
        return hmac.digest(self._key, question, hashlib.sha256)

    def _lock_number(self, principal: str, key: str) -> int:
        digest = hmac.digest(self._key, f"{principal}\0{key}".encode(), hashlib.sha256)
        return int.from_bytes(digest[:8], signed=True)


idempotency_service = IdempotencyService(db, settings)
