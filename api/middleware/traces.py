"""A span for each request, where traces are asked for."""

from contextlib import ExitStack
from http import HTTPStatus

from flask import Flask, Response, g, request

from api.middleware.request_context import QUIET_ROUTES
from config import settings
from utils.tracing import Kind, span


def init_app(app: Flask) -> None:
    """Record requests; messages on a socket have spans of their own."""
    if settings.otel_exporter_otlp_endpoint is not None:
        app.before_request(_begin)
        app.after_request(_note_status)
        app.teardown_request(_end)


def _begin() -> None:
    rule = request.url_rule
    if rule is None:
        name, told = "HTTP", {}  # what strangers make up is no name of ours
    elif rule.websocket or rule.rule in QUIET_ROUTES:
        return
    else:
        name = f"{request.method} {rule.rule}"
        told = {"http.request.method": request.method, "http.route": rule.rule}
    g.spans = ExitStack()
    g.span = g.spans.enter_context(span(Kind.SERVER, name, told))


def _note_status(response: Response) -> Response:
    if "span" in g:
        g.span.note({"http.response.status_code": response.status_code})
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            g.span.fail(str(response.status_code))
    return response


def _end(_error: BaseException | None) -> None:
    if "spans" in g:
        g.pop("spans").close()
