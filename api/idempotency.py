"""Idempotency-Key: a write that is repeated with the same key happens once."""

from collections.abc import Callable

from flask import Request

from api.answers import Answer
from models.principal import Principal
from services.idempotency_service import RecordedAnswer, idempotency_service
from utils.errors import UnprocessableError

KEY_MAX_LENGTH = 255


def once(
    request: Request, principal: Principal | None, key: str, work: Callable[[], Answer]
) -> Answer:
    """Return the recorded answer of this key, or do the work and record its answer.

    Runs inside the transaction of the work: either both are committed or neither.
    """
    if not key.isprintable() or not 1 <= len(key) <= KEY_MAX_LENGTH:
        raise UnprocessableError(
            f"Idempotency-Key must have 1 to {KEY_MAX_LENGTH} printable characters, like a UUID.",
            code="invalid_idempotency_key",
        )
    owner = principal.id if principal else "anonymous"
    question = b"\0".join(
        [request.method.encode(), request.full_path.encode(), request.get_data(cache=True)]
    )
    recorded = idempotency_service.find(owner, key, question)
    if recorded is not None:
        headers = [(name, value) for name, value in recorded.headers]
        return Answer(recorded.status, recorded.body, [*headers, ("Idempotency-Replayed", "true")])
    answer = work()
    idempotency_service.keep(
        owner, key, question, RecordedAnswer(answer.status, answer.body, list(answer.headers))
    )
    return answer
