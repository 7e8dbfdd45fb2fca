"""Requests that are refused before any view sees them."""

from http import HTTPStatus

from flask import Flask, request

from utils.errors import RequestRefusedError


def init_app(app: Flask) -> None:
    """Bodies must say how long they are: Werkzeug cuts chunked ones off without a word."""
    app.before_request(_refuse_chunked)


def _refuse_chunked() -> None:
    if "HTTP_TRANSFER_ENCODING" in request.environ:
        raise RequestRefusedError(
            HTTPStatus.LENGTH_REQUIRED,
            "Chunked bodies are not accepted; send Content-Length.",
            code="length_required",
        )
