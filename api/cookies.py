"""Tokens in cookies, for browsers: out of reach of scripts, and useless to other sites."""

from datetime import datetime
from hmac import compare_digest

from flask import Flask, Request, Response, after_this_request
from flask_jwt_extended import set_access_cookies, set_refresh_cookies, unset_jwt_cookies

from api.origins import refuse_foreign_origin
from config import settings
from utils.errors import ForbiddenError
from utils.helpers import utc_now

# Browsers take names with __Host- only over TLS, from this very host and for all of its paths.
PREFIX = "" if settings.environment == "development" else "__Host-"
ACCESS_COOKIE = f"{PREFIX}stint_access"
REFRESH_COOKIE = f"{PREFIX}stint_refresh"
CSRF_COOKIE = f"{PREFIX}stint_csrf"
REFRESH_CSRF_COOKIE = f"{PREFIX}stint_refresh_csrf"
CSRF_HEADER = "X-CSRF-TOKEN"


def configure(app: Flask) -> None:
    """Say which cookies the token library sets."""
    app.config.update(
        JWT_ACCESS_COOKIE_NAME=ACCESS_COOKIE,
        JWT_REFRESH_COOKIE_NAME=REFRESH_COOKIE,
        JWT_ACCESS_CSRF_COOKIE_NAME=CSRF_COOKIE,
        JWT_REFRESH_CSRF_COOKIE_NAME=REFRESH_CSRF_COOKIE,
        JWT_COOKIE_SECURE=bool(PREFIX),
        JWT_COOKIE_SAMESITE="Strict",
    )


def send_cookies(access_token: str, refresh_token: str, expires_at: datetime) -> None:
    """Send tokens as cookies with the answer to this request; they go when their session does."""
    seconds = max(1, int((expires_at - utc_now()).total_seconds()))

    @after_this_request
    def set_cookies(response: Response) -> Response:
        set_access_cookies(response, access_token, max_age=seconds)
        set_refresh_cookies(response, refresh_token, max_age=seconds)
        return response


def delete_cookies() -> None:
    """Let the browser forget its tokens with the answer to this request."""

    @after_this_request
    def unset_cookies(response: Response) -> Response:
        unset_jwt_cookies(response)
        return response


def refuse_forged(request: Request, csrf: str) -> None:
    """Refuse a request that a page of another site made a browser send with our cookies.

    `csrf` is what the token says; only our own pages can read it from its cookie and send it too.
    """
    refuse_foreign_origin(request)
    sent = request.headers.get(CSRF_HEADER, "")
    if not compare_digest(sent.encode(), csrf.encode()):
        raise ForbiddenError(
            f"With cookies, writes need the header {CSRF_HEADER}: send what the cookie "
            f"{CSRF_COOKIE} holds, or {REFRESH_CSRF_COOKIE} to refresh.",
            code="csrf_token_wrong",
        )
