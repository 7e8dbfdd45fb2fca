"""Other sites whose pages may use the service from a browser: those in CORS_ORIGINS."""

from flask import Flask
from flask_cors import CORS

from api.cookies import CSRF_HEADER
from config import settings

ALLOWED_HEADERS = [
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "MCP-Protocol-Version",
    "Mcp-Method",
    "Mcp-Name",
    "X-Client-Id",
    "traceparent",
    CSRF_HEADER,
]
EXPOSED_HEADERS = [
    "Content-Disposition",
    "ETag",
    "Idempotency-Replayed",
    "Link",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "X-Request-Id",
]
PREFLIGHT_SECONDS = 600


def init_app(app: Flask) -> None:
    """Answer listed origins what their browsers ask for; others hear nothing of it.

    Flask answers preflights before any view, so nobody has to be signed in for them.
    """
    if settings.cors_origins:
        CORS(
            app,
            origins=list(settings.cors_origins),
            methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=ALLOWED_HEADERS,
            expose_headers=EXPOSED_HEADERS,
            supports_credentials=True,
            max_age=PREFLIGHT_SECONDS,
        )
