"""Proxies in front: what they say of a request counts as far as there are any."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from config import settings


def init_app(app: Flask) -> None:
    """Believe the last TRUSTED_PROXIES entries of each X-Forwarded header, and no others.

    Each proxy adds to X-Forwarded-For whom it heard from; what is further left was sent by the
    client, who may write whatever they like.
    """
    hops = settings.trusted_proxies
    if hops:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # as Werkzeug's manual has it
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops
        )
