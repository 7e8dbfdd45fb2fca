"""Metrics, for Prometheus and its like."""

from hmac import compare_digest

from flask import Blueprint, Response, request

from config import settings
from services.metrics_service import metrics_service
from utils.errors import ForbiddenError, UnauthenticatedError

metrics = Blueprint("metrics", __name__)

TEXT = "text/plain; version=0.0.4; charset=utf-8"


@metrics.before_request
def check_token() -> None:
    """Let nobody in but whoever has the token: metrics tell strangers when it is worth a try."""
    if settings.metrics_token is None:
        raise ForbiddenError("Set METRICS_TOKEN to have metrics here.", code="metrics_off")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    wanted = settings.metrics_token.get_secret_value().encode()
    if scheme.lower() != "bearer" or not compare_digest(token.encode(), wanted):
        raise UnauthenticatedError("Send METRICS_TOKEN as Authorization: Bearer.")


@metrics.get("/metrics")
def get_metrics() -> Response:
    """Send all metrics of this server."""
    return Response(metrics_service.exposition(), content_type=TEXT)
