"""Reading the body of a request: not too much, and not for ever."""

from http import HTTPStatus

from flask import Request
from gevent import Timeout

from config import settings
from utils.errors import RequestRefusedError


def read_body(request: Request, limit: int) -> bytes:
    """Return the body of at most `limit` bytes; it stays cached for the form parser."""
    length = request.content_length or 0
    if length > limit:
        raise RequestRefusedError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"The body is larger than the {limit:,} bytes allowed here; send less at once.",
            code="body_too_large",
        )
    # gunicorn's gevent worker lets a client drip its body for ever.
    with Timeout(settings.request_body_seconds, _too_slow()):
        return request.get_data(cache=True, parse_form_data=False)


def read_json_body(request: Request) -> bytes:
    """Return the body of a request that says that it is JSON."""
    if request.mimetype != "application/json":
        raise RequestRefusedError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "This takes a JSON body; send Content-Type: application/json.",
            code="unsupported_media_type",
        )
    return read_body(request, settings.max_body_bytes)


def _too_slow() -> RequestRefusedError:
    return RequestRefusedError(
        HTTPStatus.REQUEST_TIMEOUT,
        "The body did not arrive in time; send it again without pauses.",
        code="body_too_slow",
    )
