"""Problem details (RFC 9457): the one form of every error."""

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_jsonable_python

from utils.errors import ServiceError, UnprocessableError
from utils.logger import get_logger
from utils.trace_context import current_request_id

logger = get_logger(__name__)


class FieldProblem(BaseModel):
    """One thing wrong with one part of the input."""

    field: str = Field(examples=["body.title"])
    message: str
    code: str


class Problem(BaseModel):
    """What went wrong and what to do next."""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str = Field(description="The status in words.")
    status: int
    code: str = Field(description="Stable, for programs.", examples=["not_found"])
    detail: str = Field(description="For people: what is wrong and what to do next.")
    request_id: str = Field(description="Name it when you report the problem.")
    errors: list[FieldProblem] | None = Field(None, description="With 422: each wrong field.")
    conflicting_ids: list[str] | None = Field(
        None, description="With 409 time_overlap: the entries in the way."
    )
    task_id: str | None = Field(
        None, description="With 409 already_promoted: the task that was made of the item."
    )
    task_ids: list[str] | None = Field(
        None,
        description="With 409 task_blocked and subtasks_open: the open tasks in the way. "
        "With 400 blocker_elsewhere: those of blocked_by that cannot be in it.",
    )
    user_ids: list[str] | None = Field(
        None, description="With 409 time_of_others: whose time it is."
    )
    challenge: str | None = Field(
        None, description="With 401 second_factor_required: send it to /auth/second-factor."
    )
    methods: list[str] | None = Field(
        None,
        description="With 401 second_factor_required: what may answer, of passkey, totp and "
        "recovery_code.",
    )
    public_key: dict[str, Any] | None = Field(
        None,
        description="With 401 second_factor_required: for navigator.credentials.get(), where a "
        "passkey may answer.",
    )
    index: int | None = Field(
        None, description="With bulk changes: which of them it is about, from 0."
    )
    current: dict[str, Any] | None = Field(
        None, description="With 412: the representation of today."
    )


def problem_of(error: ServiceError) -> Problem:
    """Return what the caller is told of an error; what is no fault of theirs is logged, too."""
    members: dict[str, Any] = to_jsonable_python(error.extra)
    if isinstance(error, UnprocessableError):
        members["errors"] = [
            {"field": found.field, "message": found.message, "code": found.code}
            for found in error.errors
        ]
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.warning("request.failed", code=error.code, cause=repr(error.__cause__))
    return Problem(
        title=error.status.phrase,
        status=error.status,
        code=error.code,
        detail=error.detail,
        request_id=current_request_id(),
        **members,
    )
