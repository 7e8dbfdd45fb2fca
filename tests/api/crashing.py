"""The application, where every route fails on request; tests/api/test_canaries.py runs it."""

from flask import Flask, request

from api import create_app
from services.db_client import db

CRASH = "X-Crash"


def crash() -> None:
    """Fail with everything that was sent in local variables, before or in a transaction."""
    sent = (dict(request.headers), dict(request.cookies), request.get_data(), request.url)
    if request.headers.get(CRASH) == "view":
        raise RuntimeError(f"made to fail with {len(sent)} secrets at hand")
    if request.headers.get(CRASH) == "database":
        db.transaction(lambda: db.current.driver.execute("SELECT 1 / length(%s)", [""]))


def _crashing() -> Flask:
    app = create_app()
    app.before_request(crash)
    return app


app = _crashing()
