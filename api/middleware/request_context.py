"""The id of each request, and one log line for each."""

import time

from flask import Flask, Request, Response, g, request

from api.sent_headers import send_along
from services.event_service import client_id
from utils.caller import open_caller
from utils.errors import FieldError, UnprocessableError
from utils.logger import get_logger, open_log_context
from utils.trace_context import begin_errand

logger = get_logger(__name__)

CLIENT_ID_MAX_LENGTH = 64
BAD_REQUEST = 400
QUIET_ROUTES = frozenset({"/health", "/health/ready"})  # balancers ask every few seconds


def init_app(app: Flask) -> None:
    """Name every request and log it when it is answered."""
    app.before_request(_begin)
    app.after_request(_finish)


def _begin() -> None:
    g.started = time.perf_counter()
    environ = request.environ
    errand = begin_errand(environ.get("HTTP_TRACEPARENT"))
    send_along(environ, {"X-Request-Id": errand.request_id})
    open_log_context()
    open_caller(request.remote_addr)
    client_id.set(_read_client_id())


def _read_client_id() -> str | None:
    """A client names itself, to know its own changes among the events."""
    given: str | None = request.environ.get("HTTP_X_CLIENT_ID")
    if given is not None and not (
        given.isascii() and given.isprintable() and len(given) <= CLIENT_ID_MAX_LENGTH
    ):
        raise UnprocessableError(
            "X-Client-Id must have at most 64 printable ASCII characters.",
            errors=[FieldError("header.X-Client-Id", "is too long or not printable", "client_id")],
        )
    return given or None


def _finish(response: Response) -> Response:
    asked: Request = request._get_current_object()  # type: ignore[attr-defined]  # Werkzeug's own way out of the proxy
    route = asked.url_rule.rule if asked.url_rule else None
    if asked.url_rule and asked.url_rule.websocket and response.status_code < BAD_REQUEST:
        return response  # it was logged when it opened; this is when it closed
    log = logger.debug if route in QUIET_ROUTES else logger.info
    log(
        "request.finished",
        method=asked.method,
        route=route,
        status=response.status_code,
        ms=round((time.perf_counter() - g.started) * 1000, 2),
    )
    return response
