"""What every answer tells browsers not to do with it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask

from api.answers import NOT_KEPT
from api.sent_headers import Headers, sent_along

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ALWAYS: Headers = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
]
OVER_TLS = [*ALWAYS, ("Strict-Transport-Security", "max-age=31536000")]

# Pages bring a policy of their own; everything else shows and loads nothing.
POLICY = (
    "Content-Security-Policy",
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
)
# What has an ETag may be kept by its reader's browser, which asks each time whether it still holds
# and whether it may still be seen. Nothing else is kept anywhere.
KEPT = ("Cache-Control", "private, no-cache")


def init_app(app: Flask) -> None:
    """Send them with every answer."""
    app.wsgi_app = _Protected(app.wsgi_app)  # type: ignore[method-assign]  # as Flask's manual has it


class _Protected:
    """Adds to the headers of an answer as they are sent."""

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer as the application does."""

        def start(status: str, headers: Headers, *error: Any) -> Any:
            names = {name for name, _ in headers}
            added = OVER_TLS if environ["wsgi.url_scheme"] == "https" else ALWAYS
            if POLICY[0] not in names:
                added = [*added, POLICY]
            if NOT_KEPT[0] not in names:
                added = [*added, KEPT if "ETag" in names else NOT_KEPT]
            return start_response(status, [*headers, *sent_along(environ), *added], *error)

        return self._application(environ, start)
