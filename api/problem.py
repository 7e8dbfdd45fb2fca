"""Problem details (RFC 9457): the one form of every error."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


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
