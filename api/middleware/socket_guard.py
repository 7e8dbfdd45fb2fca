"""WebSockets before they open: who may try, and what lies under them."""

import re

from flask import Flask, Request, request

from api.origins import refuse_foreign_origin
from config import settings
from models.live import CLIENT_ID_PATTERN, MESSAGE_MAX_BYTES, SUBPROTOCOL
from services.live.live_socket import LiveSocket
from services.live_service import live_service
from utils.errors import (
    BadRequestError,
    FieldError,
    UnavailableError,
    UnprocessableError,
)

CODECS = {"Host": "idna", "Connection": "ascii", "Sec-WebSocket-Protocol": "ascii"}
SOCKET = "gunicorn.socket"  # where gunicorn leaves it and flask-sock looks for it


def init_app(app: Flask) -> None:
    """Limit what flask-sock takes, and prepare every request for a WebSocket."""
    app.config["SOCK_SERVER_OPTIONS"] = {
        "subprotocols": [SUBPROTOCOL],
        "max_message_size": MESSAGE_MAX_BYTES,
    }
    app.before_request(_prepare)
    app.extensions["live"] = live_service  # for gunicorn's worker, which imports nothing of ours


def _prepare() -> None:
    asked: Request = request._get_current_object()  # type: ignore[attr-defined]  # Werkzeug's own way out of the proxy
    if asked.url_rule is None or not asked.url_rule.websocket:
        return
    _check_headers(asked)
    refuse_foreign_origin(asked)
    _check_client_id((asked.view_args or {})["client_id"])
    if SOCKET not in asked.environ:
        raise UnavailableError("WebSockets need gunicorn; start it with `make run`.")
    # Frames are shared by all receivers, which a compression of each one's own would prevent.
    asked.environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
    asked.environ[SOCKET] = LiveSocket(asked.environ[SOCKET], settings.socket_buffer_bytes)


def _check_headers(asked: Request) -> None:
    """Refuse what wsproto would stumble over instead of refusing it."""
    try:
        for name, codec in CODECS.items():
            asked.headers.get(name, "").encode().decode(codec)
    except UnicodeError:
        raise BadRequestError(
            f"{name} has characters that it must not have; send plain ASCII."
        ) from None


def _check_client_id(client_id: str) -> None:
    if re.fullmatch(CLIENT_ID_PATTERN[1:-1], client_id) is None:
        raise UnprocessableError(
            "The client id has 8 to 64 letters, digits and . _ ~ -; choose one for this device.",
            errors=[FieldError("path.client_id", "has other characters or length", "client_id")],
        )
