"""Deliveries: what webhooks are sent, and what became of it."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Identified, ListQuery, Question, Schema, UuidText
from utils.validators import Id

PING = "webhook.ping"
REPLAY_MAX = 1_000  # events in one request


class DeliveryStatus(StrEnum):
    """What became of a delivery."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class DeliveryRow(Identified, Base):
    """An event on its way to a webhook; a ping has no `seq`. Its id is the `webhook-id`.

    `attempts` counts all of them; those before `round_began` were made before somebody asked for
    the delivery once more.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("uq_deliveries_webhook_id_seq", "webhook_id", "seq", unique=True),
        Index("ix_deliveries_webhook_id_id", "webhook_id", "id"),
        Index(
            "ix_deliveries_webhook_id_seq_pending",
            "webhook_id",
            "seq",
            postgresql_where=text("status = 'pending'"),
        ),
        Index(
            "ix_deliveries_webhook_id_id_failed",
            "webhook_id",
            "id",
            postgresql_where=text("status = 'failed'"),
        ),
        Index(None, "created_at", postgresql_using="brin"),
        CheckConstraint("status IN ('pending', 'delivered', 'failed')", name="status"),
    )

    webhook_id: Mapped[str] = mapped_column(UuidText, ForeignKey("webhooks.id", ondelete="CASCADE"))
    seq: Mapped[int | None] = mapped_column(BigInteger)
    type: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="pending")
    attempts: Mapped[int] = mapped_column(server_default="0")
    round_began: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    next_attempt_at: Mapped[datetime | None]
    last_attempt_at: Mapped[datetime | None]
    answer_status: Mapped[int | None]
    answer: Mapped[str | None]
    ms: Mapped[int | None]
    error: Mapped[str | None]


class Message(Schema):
    """The body of a delivery."""

    type: str
    timestamp: datetime
    room: str
    seq: int | None
    actor: str | None = None
    client_id: str | None = None
    request_id: str | None = None
    subject: str | None = None
    version: int | None = None
    data: dict[str, Any] | None = None
    truncated: bool = False


class DeliveryQuery(ListQuery):
    """Filters of the list of deliveries."""

    status: DeliveryStatus | None = Field(None, description="Only those of this status.")


class Replay(Question):
    """Events to send once more."""

    since: int = Field(ge=0, le=2**63 - 1, description="Only events after this seq.", examples=[0])
    until: int = Field(ge=1, le=2**63 - 1, description="Up to and with this seq.", examples=[100])

    @model_validator(mode="after")
    def refuse_too_many(self) -> Self:
        """Each of them is sent to somebody else's server."""
        if not 0 < self.until - self.since <= REPLAY_MAX:
            raise PydanticCustomError(
                "range", "until must be larger than since, by 1000 at most; go on from there"
            )
        return self


class Replayed(Schema):
    """How many events are sent once more; those that the webhook does not want are not."""

    count: int


class Delivery(Schema):
    """What a webhook is sent, and what became of it."""

    id: Id = Field(description="The `webhook-id` of the message, the same at each attempt.")
    webhook_id: Id
    seq: int | None = Field(description="Of the event in the project's room; null for a ping.")
    type: str = Field(description="Type of the event.", examples=["task.created"])
    status: DeliveryStatus
    attempts: int
    created_at: datetime
    next_attempt_at: datetime | None
    last_attempt_at: datetime | None
    answer_status: int | None = Field(description="HTTP status of the last answer.")
    answer: str | None = Field(description="The first 1,000 bytes of the last answer.")
    ms: int | None = Field(description="How long the last attempt took.")
    error: str | None = Field(description="Why there was no answer at the last attempt.")
