"""Webhooks of projects, and what they were sent."""

from flask import Blueprint

from api.endpoint import endpoint
from models.delivery import Delivery, DeliveryQuery, Replay, Replayed
from models.principal import Principal
from models.scope import Scope
from models.webhook import (
    Webhook,
    WebhookCreate,
    WebhookQuery,
    WebhookUpdate,
    WebhookWithSecret,
)
from services.delivery_service import delivery_service
from services.webhook_service import webhook_service
from utils.pages import Page
from utils.preconditions import IfMatch

webhooks = Blueprint("webhooks", __name__)


@webhooks.post("/projects/<id:project_id>/webhooks")
@endpoint(access=Scope.WEBHOOKS_WRITE, within=("project_id",), recorded=False, status=201)
def create_webhook(principal: Principal, project_id: str, body: WebhookCreate) -> WebhookWithSecret:
    """Tell an address what happens in a project from now on; for owners.

    Messages are signed as Standard Webhooks has it. The answer is the only one that holds the
    secret. Idempotency-Key is ignored here.
    """
    return webhook_service.create(principal, project_id, body)


@webhooks.get("/projects/<id:project_id>/webhooks")
@endpoint(access=Scope.WEBHOOKS_READ, within=("project_id",))
def list_webhooks(principal: Principal, project_id: str, query: WebhookQuery) -> Page[Webhook]:
    """List the webhooks of a project, newest first; for owners."""
    return webhook_service.page(principal, project_id, query)


@webhooks.get("/webhooks/<id:webhook_id>")
@endpoint(access=Scope.WEBHOOKS_READ, within=("webhook_id",))
def get_webhook(principal: Principal, webhook_id: str) -> Webhook:
    """Read a webhook; for owners."""
    return webhook_service.get(principal, webhook_id)


@webhooks.patch("/webhooks/<id:webhook_id>")
@endpoint(access=Scope.WEBHOOKS_WRITE, within=("webhook_id",))
def update_webhook(
    principal: Principal, webhook_id: str, body: WebhookUpdate, if_match: IfMatch
) -> Webhook:
    """Change a webhook, or switch it off or on; for owners.

    What happens while it is off is not sent, unless it is replayed later.
    """
    return webhook_service.update(principal, webhook_id, body, if_match)


@webhooks.delete("/webhooks/<id:webhook_id>")
@endpoint(access=Scope.WEBHOOKS_WRITE, within=("webhook_id",), status=204)
def delete_webhook(principal: Principal, webhook_id: str, if_match: IfMatch) -> None:
    """Delete a webhook for good; for owners."""
    webhook_service.delete(principal, webhook_id, if_match)


@webhooks.post("/webhooks/<id:webhook_id>/rotate")
@endpoint(access=Scope.WEBHOOKS_WRITE, within=("webhook_id",), recorded=False)
def rotate_secret(principal: Principal, webhook_id: str) -> WebhookWithSecret:
    """Make a new secret; for 24 hours messages are signed with the old one, too.

    The answer is the only one that holds the secret. Idempotency-Key is ignored here.
    """
    return webhook_service.rotate(principal, webhook_id)


@webhooks.post("/webhooks/<id:webhook_id>/ping")
@endpoint(access=Scope.WEBHOOKS_WRITE, within=("webhook_id",), status=202)
def ping_webhook(principal: Principal, webhook_id: str) -> Delivery:
    """Send a message of type webhook.ping, once; see its delivery for what came of it."""
    return delivery_service.ping(principal, webhook_id)


@webhooks.post("/webhooks/<id:webhook_id>/replay")
@endpoint(access=Scope.WEBHOOKS_WRITE, within=("webhook_id",), status=202)
def replay_events(principal: Principal, webhook_id: str, body: Replay) -> Replayed:
    """Send a range of events once more, also those that happened while it was off."""
    return delivery_service.replay(principal, webhook_id, body)


@webhooks.get("/webhooks/<id:webhook_id>/deliveries")
@endpoint(access=Scope.WEBHOOKS_READ, within=("webhook_id",))
def list_deliveries(principal: Principal, webhook_id: str, query: DeliveryQuery) -> Page[Delivery]:
    """List what a webhook was sent in the last 30 days, newest first."""
    return delivery_service.page(principal, webhook_id, query)


@webhooks.get("/deliveries/<id:delivery_id>")
@endpoint(access=Scope.WEBHOOKS_READ, within=("delivery_id",))
def get_delivery(principal: Principal, delivery_id: str) -> Delivery:
    """Read what became of a delivery."""
    return delivery_service.get(principal, delivery_id)


@webhooks.post("/deliveries/<id:delivery_id>/redeliver")
@endpoint(access=Scope.WEBHOOKS_WRITE, within=("delivery_id",), status=202)
def redeliver(principal: Principal, delivery_id: str) -> Delivery:
    """Send it once more, under the same webhook-id."""
    return delivery_service.redeliver(principal, delivery_id)
