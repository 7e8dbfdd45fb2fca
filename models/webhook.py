"""Webhooks: addresses of other services that are told what happens in a project."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints
from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import (
    Base,
    Change,
    Identified,
    ListQuery,
    Question,
    Resource,
    UuidText,
    Versioned,
)
from models.event import EventType
from utils.validators import Id


class WebhookRow(Identified, Versioned, Base):
    """An address to tell, of one project.

    Of the room's events those up to `planned` have their deliveries, or were not wanted. The
    secrets are encrypted. A receiver that timed out `timeouts` times in a row is left alone until
    `resting_until`.
    """

    __tablename__ = "webhooks"
    __table_args__ = (Index(None, "project_id"),)

    project_id: Mapped[str] = mapped_column(UuidText, ForeignKey("projects.id", ondelete="CASCADE"))
    created_by: Mapped[str] = mapped_column(UuidText, ForeignKey("users.id"))
    url: Mapped[str]
    event_types: Mapped[list[str]] = mapped_column(server_default="{}")
    active: Mapped[bool] = mapped_column(server_default="true")
    disabled_because: Mapped[str | None]
    secret: Mapped[str]
    old_secret: Mapped[str | None]
    old_secret_until: Mapped[datetime | None]
    planned: Mapped[int] = mapped_column(BigInteger)
    timeouts: Mapped[int] = mapped_column(server_default="0")
    resting_until: Mapped[datetime | None]


def _distinct(types: list[EventType]) -> list[EventType]:
    return list(dict.fromkeys(types))


Address = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2_000, pattern=r"^[!-~]+$"),
    Field(
        description="An https address on the internet; redirects are not followed.",
        examples=["https://hooks.example.org/stint"],
    ),
]
EventTypes = Annotated[
    list[EventType],
    Field(
        max_length=100,
        strict=False,
        description="What it is told of; of everything when empty.",
        examples=[["task.created", "task.updated"]],
    ),
    AfterValidator(_distinct),
]


class WebhookCreate(Question):
    """A new webhook."""

    url: Address
    event_types: EventTypes = Field(default_factory=list)


class WebhookUpdate(Change):
    """What may be changed. One that is switched on again is told what happens from then on."""

    url: Address = ""
    event_types: EventTypes = Field(default_factory=list)
    active: bool = True


class WebhookQuery(ListQuery):
    """Filters of the list of webhooks."""


class Webhook(Resource):
    """An address that is told what happens in a project; its secret is not shown again."""

    project_id: Id
    created_by: Id
    url: str
    event_types: list[str] = Field(description="What it is told of; of everything when empty.")
    active: bool
    disabled_because: str | None = Field(
        description="Why it was switched off: failing after the last attempt, or gone (410)."
    )
    old_secret_until: datetime | None = Field(
        description="Until then messages are signed with the secret before the last, too."
    )


class WebhookWithSecret(Webhook):
    """A webhook, with the one and only sight of its secret."""

    secret: str = Field(
        description="What its messages are signed with; it is not shown again.",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )
