"""Every error leaves as problem+json, and only what is meant for the caller leaves at all."""

from http import HTTPStatus

from flask import Flask, Response
from pydantic_core import to_json
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing.exceptions import WebsocketMismatch
from wsproto.utilities import RemoteProtocolError

from api.problem import Problem, problem_of
from utils.errors import ServiceError
from utils.logger import get_logger
from utils.metrics import PROBLEMS
from utils.trace_context import current_request_id

logger = get_logger(__name__)

DEFECT = "internal_error"
ADVICE = {
    HTTPStatus.NOT_FOUND: "There is nothing at this address; /docs lists what there is.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not take this method; see Allow.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large; send less at once.",
    HTTPStatus.BAD_REQUEST: "The request could not be read; check how it is written.",
}


def init_app(app: Flask) -> None:
    """Render our own errors, those of the framework, and defects."""
    app.register_error_handler(ServiceError, _service_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(RemoteProtocolError, _no_handshake)
    app.register_error_handler(WebsocketMismatch, _no_handshake)
    app.register_error_handler(Exception, _defect)
    # There from the start: an increase from nothing to the very first one is none to Prometheus.
    PROBLEMS.labels(DEFECT, HTTPStatus.INTERNAL_SERVER_ERROR)


def _service_error(error: ServiceError) -> Response:
    return _respond(problem_of(error), error.headers)


def _http_error(error: HTTPException) -> Response:
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    headers = {}
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(error.valid_methods or ())
    detail = ADVICE.get(status, f"{status.phrase}; see /docs for how this is used.")
    return _problem(status, status.phrase.lower().replace(" ", "_"), detail, headers)


def _no_handshake(_error: RemoteProtocolError | WebsocketMismatch) -> Response:
    """What asks for a WebSocket otherwise than RFC 6455 has it, or elsewhere, is a bad request."""
    detail = "Only a WebSocket opens at /ws/{client_id}, and only there; /docs#live says how."
    return _problem(HTTPStatus.BAD_REQUEST, "bad_request", detail, {})


def _defect(error: Exception) -> Response:
    logger.error("request.crashed", exc_info=error)
    return _problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        DEFECT,
        "This is a defect of the service; report it with the request_id.",
        {},
    )


def _problem(status: HTTPStatus, code: str, detail: str, headers: dict[str, str]) -> Response:
    problem = Problem(
        title=status.phrase,
        status=status,
        code=code,
        detail=detail,
        request_id=current_request_id(),
    )
    return _respond(problem, headers)


def _respond(problem: Problem, headers: dict[str, str]) -> Response:
    PROBLEMS.labels(problem.code, problem.status).inc()
    body = to_json(problem, exclude_none=True)
    return Response(body, problem.status, headers, content_type="application/problem+json")
