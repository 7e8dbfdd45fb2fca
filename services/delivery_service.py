"""The log of what webhooks were sent, and sending it once more; for the owners of a project."""

from datetime import timedelta

from sqlalchemy import and_, bindparam, func, literal, select, text

from models.base import columns_of
from models.delivery import (
    PING,
    Delivery,
    DeliveryQuery,
    DeliveryRow,
    DeliveryStatus,
    Replay,
    Replayed,
)
from models.principal import Principal
from models.webhook import Webhook
from services.access_service import not_found
from services.db_client import DatabaseClient, db
from services.listing import newest_first
from services.portions import delete_portion
from services.webhook_planner import WebhookPlanner, webhook_planner
from services.webhook_sender import WebhookSender, webhook_sender
from services.webhook_service import WebhookService, webhook_service
from utils.errors import ConflictError
from utils.helpers import new_id
from utils.pages import Page

KEPT_DAYS = 30

COLUMNS = columns_of(DeliveryRow, Delivery)
GET = select(*COLUMNS).where(DeliveryRow.id == bindparam("id"))
PING_NOW = text(
    """
    INSERT INTO deliveries (id, webhook_id, type, next_attempt_at)
    VALUES (:id, :webhook_id, :type, now())
    """
)
REDELIVER = text(
    """
    UPDATE deliveries SET status = 'pending', round_began = attempts, next_attempt_at = now()
    WHERE id = :id
    """
)
# Whoever asks for something does not want to wait until a receiver has rested.
WAKE_UP = text("UPDATE webhooks SET resting_until = NULL WHERE id = :id AND timeouts > 0")

OLD = func.now() - literal(timedelta(days=KEPT_DAYS))
PURGE = delete_portion(
    DeliveryRow,
    and_(
        DeliveryRow.created_at < OLD,
        func.coalesce(DeliveryRow.last_attempt_at, DeliveryRow.created_at) < OLD,
        DeliveryRow.status != DeliveryStatus.PENDING,
    ),
)

FILTERS = {"status": DeliveryRow.status == bindparam("status")}
OF_WEBHOOK = select(*COLUMNS).where(DeliveryRow.webhook_id == bindparam("webhook_id"))


class DeliveryService:
    """Deliveries of webhooks that the caller owns."""

    def __init__(
        self,
        database: DatabaseClient,
        webhooks: WebhookService,
        planner: WebhookPlanner,
        sender: WebhookSender,
    ) -> None:
        self._webhooks = webhooks
        self._planner = planner
        self._sender = sender
        self._get = database.prepare(GET)
        self._ping = database.prepare(PING_NOW)
        self._redeliver = database.prepare(REDELIVER)
        self._wake_up = database.prepare(WAKE_UP)
        self._purge = database.prepare(PURGE)
        self._listing = newest_first("deliveries", database, OF_WEBHOOK, DeliveryRow.id, FILTERS)

    def page(self, principal: Principal, webhook_id: str, query: DeliveryQuery) -> Page[Delivery]:
        """Return what a webhook was sent, newest first."""
        webhook = self._webhooks.get(principal, webhook_id)
        values = query.set_filters() | {"webhook_id": webhook.id}
        return self._listing.page(query, values, "newest").map(Delivery.model_validate)

    def get(self, principal: Principal, delivery_id: str) -> Delivery:
        """Return one delivery."""
        row = self._get.first(id=delivery_id)
        if row is None:
            raise not_found()
        self._webhooks.get(principal, row["webhook_id"])
        return Delivery.model_validate(row)

    def ping(self, principal: Principal, webhook_id: str) -> Delivery:
        """Send a message that tells of nothing, once; also by a webhook that is switched off."""
        webhook = self._webhooks.get(principal, webhook_id)
        delivery_id = new_id()
        self._ping.execute(id=delivery_id, webhook_id=webhook.id, type=PING)
        self._send(webhook)
        return self.get(principal, delivery_id)

    def redeliver(self, principal: Principal, delivery_id: str) -> Delivery:
        """Send an event once more, under the same `webhook-id`."""
        delivery = self.get(principal, delivery_id)
        webhook = self._webhooks.get(principal, delivery.webhook_id)
        if delivery.seq is not None:
            _require_active(webhook)
        self._redeliver.execute(id=delivery_id)
        self._send(webhook)
        return self.get(principal, delivery_id)

    def replay(self, principal: Principal, webhook_id: str, body: Replay) -> Replayed:
        """Send a range of events once more, or for the first time those that were not sent."""
        webhook = self._webhooks.get(principal, webhook_id)
        _require_active(webhook)
        self._wake_up.execute(id=webhook.id)
        return Replayed(count=self._planner.replay(webhook, body))

    def _send(self, webhook: Webhook) -> None:
        self._wake_up.execute(id=webhook.id)
        self._sender.send_soon(webhook.id)

    def purge(self) -> dict[str, int]:
        """Delete some of what was sent long ago; returns how many, until none is."""
        return {"deliveries": self._purge.execute()}


def _require_active(webhook: Webhook) -> None:
    if not webhook.active:
        raise ConflictError(
            "The webhook is switched off; set active to true first.", code="webhook_disabled"
        )


delivery_service = DeliveryService(db, webhook_service, webhook_planner, webhook_sender)
