"""Flask, with what this service never uses left out of every request."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import NullSession, SessionInterface
from werkzeug.routing import MapAdapter


class _NoSessions(SessionInterface):
    """Who is asking is told by tokens alone; Flask's cookie session is never read or written."""

    def open_session(self, app: Flask, request: Request) -> NullSession:  # noqa: ARG002 - as inherited
        """Return the session that refuses to be changed."""
        return _NULL_SESSION


_NULL_SESSION = NullSession()


class Application(Flask):
    """The Flask application; see `create_app`."""

    session_interface = _NoSessions()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """No view is a coroutine: nothing to look for."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Match paths only: routes depend neither on the host nor on a subdomain."""
        if request is None:
            return super().create_url_adapter(None)
        upgraded = request.environ.get("HTTP_UPGRADE", "").lower() == "websocket"
        return self.url_map.bind(
            server_name="",
            path_info=request.path,
            default_method=request.method,
            url_scheme="ws" if upgraded else "http",
        )

    def full_dispatch_request(self) -> Response:
        """Answer the request as Flask does, without the signals that nothing here listens to."""
        try:
            answer = self.preprocess_request() or self.dispatch_request()
        except Exception as error:  # noqa: BLE001 - the error handlers tell them apart
            answer = self.handle_user_exception(error)
        return self.process_response(self.make_response(answer))
