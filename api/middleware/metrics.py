"""Counts every request and how long it took."""

import time

from flask import Flask, Request, Response, g, request
from prometheus_client import Counter, Histogram

from services.process_metrics_service import process_metrics_service
from utils.metrics import REQUEST_SECONDS, REQUESTS

Counted = tuple[Counter, Histogram]

# By method, route and status: to look a label up in prometheus_client takes longer than to count.
_counted: dict[tuple[str, str, int], Counted] = {}


def init_app(app: Flask) -> None:
    """Count requests when they are answered; a socket is none."""
    app.before_request(_begin)
    app.after_request(_count)
    app.teardown_request(_end)
    app.extensions["process_metrics"] = process_metrics_service  # for gunicorn's worker


def _begin() -> None:
    if request.url_rule is None or not request.url_rule.websocket:
        g.is_in_flight = True
        process_metrics_service.requests_in_flight += 1


def _count(response: Response) -> Response:
    asked: Request = request._get_current_object()  # type: ignore[attr-defined]  # Werkzeug's own way out of the proxy
    rule = asked.url_rule
    if rule is None:
        key = ("", "", response.status_code)  # what strangers make up is no name of ours
    elif rule.websocket:
        return response  # its end
    else:
        key = (asked.method, rule.rule, response.status_code)
    counter, histogram = _counted.get(key) or _open(key)
    counter.inc()
    histogram.observe(time.perf_counter() - g.started)
    return response


def _end(_error: BaseException | None) -> None:
    if g.pop("is_in_flight", False):  # a request that was refused early was never counted
        process_metrics_service.requests_in_flight -= 1


def _open(key: tuple[str, str, int]) -> Counted:
    method, route, status = key
    counted = REQUESTS.labels(method, route, status), REQUEST_SECONDS.labels(method, route)
    _counted[key] = counted
    return counted
