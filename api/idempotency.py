"""Idempotency-Key: a write that is repeated with the same key happens once."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Request

from api.answers import Answer
from models.principal import Principal
from services.idempotency_service import RecordedAnswer, idempotency_service
from utils.errors import UnprocessableError

KEY_MAX_LENGTH = 255


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A caller's name for one write, and what makes another write of it."""

    text: str
    question: bytes


def key_of(request: Request) -> IdempotencyKey | None:
    """Return the key that came with a request."""
    text = request.headers.get("Idempotency-Key")
    if text is None:
        return None
    address = f"{request.method}\0{request.full_path}\0".encode()
    return IdempotencyKey(text, address + request.get_data(cache=True))


def once(principal: Principal | None, key: IdempotencyKey, work: Callable[[], Answer]) -> Answer:
    """Return the recorded answer of this key, or do the work and record its answer.

    Runs inside the transaction of the work: either both are committed or neither.
    """
    if not key.text.isprintable() or not 1 <= len(key.text) <= KEY_MAX_LENGTH:
        raise UnprocessableError(
            f"Idempotency-Key must have 1 to {KEY_MAX_LENGTH} printable characters, like a UUID.",
            code="invalid_idempotency_key",
        )
    owner = principal.id if principal else "anonymous"
    recorded = idempotency_service.find(owner, key.text, key.question)
    if recorded is not None:
        headers = [(name, value) for name, value in recorded.headers]
        return Answer(recorded.status, recorded.body, [*headers, ("Idempotency-Replayed", "true")])
    answer = work()
    idempotency_service.keep(
        owner,
        key.text,
        key.question,
        RecordedAnswer(answer.status, answer.body, list(answer.headers)),
    )
    return answer
