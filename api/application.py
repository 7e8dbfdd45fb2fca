"""Flask, with what this service never uses left out of every request."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Request
from werkzeug.routing import MapAdapter


class Application(Flask):
    """The Flask application; see `create_app`."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """No view is a coroutine: nothing to look for."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Match paths only: routes depend neither on the host nor on a subdomain."""
        if request is None:
            return super().create_url_adapter(None)
        return self.url_map.bind(
            server_name="",
            path_info=request.path,
            default_method=request.method,
        )
