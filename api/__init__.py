"""The web: thin blueprints over the services."""

from flask import Flask
from flask_migrate import Migrate

from api.application import Application
from api.commands import commands
from api.converters import IdConverter, NumberConverter
from api.middleware import (
    auth,
    cors,
    error_handler,
    metrics,
    proxies,
    request_context,
    request_guard,
    security_headers,
    socket_guard,
    traces,
)
from api.routes.accounts import accounts
from api.routes.agents import agents
from api.routes.api_tokens import api_tokens
from api.routes.audit import audit
from api.routes.auth import auth as auth_routes
from api.routes.comments import comments
from api.routes.docs import docs
from api.routes.exports import exports
from api.routes.health import health
from api.routes.imports import imports
from api.routes.items import items
from api.routes.jobs import jobs
from api.routes.leases import leases
from api.routes.live import live, sockets
from api.routes.mail import mail
from api.routes.mcp import mcp
from api.routes.members import members
from api.routes.metrics import metrics as metrics_routes
from api.routes.notifications import notifications
from api.routes.passkeys import passkeys
from api.routes.projects import projects
from api.routes.reports import reports
from api.routes.rooms import rooms
from api.routes.second_factors import second_factors
from api.routes.sign_on import sign_on
from api.routes.tasks import tasks
from api.routes.time_entries import time_entries
from api.routes.timer import timer
from api.routes.trash import trash
from api.routes.users import users
from api.routes.webhooks import webhooks
from config import settings
from models.base import Base
from utils.logger import configure_logging

API = (
    auth_routes,
    sign_on,
    users,
    mail,
    second_factors,
    passkeys,
    accounts,
    agents,
    api_tokens,
    projects,
    members,
    tasks,
    leases,
    items,
    comments,
    notifications,
    time_entries,
    timer,
    reports,
    imports,
    exports,
    rooms,
    live,
    webhooks,
    trash,
    audit,
    jobs,
)


def create_app() -> Flask:
    """Return the application that gunicorn, `flask` and the tests run."""
    configure_logging(settings.log_level, as_json=settings.json_logs)
    app = Application("stint", static_folder=None, root_path=str(settings.project_dir))
    app.url_map.converters |= {"id": IdConverter, "number": NumberConverter}
    app.url_map.strict_slashes = app.url_map.merge_slashes = False  # no redirects

    security_headers.init_app(app)
    proxies.init_app(app)
    cors.init_app(app)
    request_context.init_app(app)
    traces.init_app(app)
    metrics.init_app(app)
    request_guard.init_app(app)
    socket_guard.init_app(app)
    auth.init_app(app)
    error_handler.init_app(app)
    Migrate(app, Base, directory=str(settings.project_dir / "migrations"))  # type: ignore[arg-type]  # metadata is all it needs
    app.register_blueprint(commands)

    for blueprint in API:
        app.register_blueprint(blueprint, url_prefix=settings.api_prefix)
    app.register_blueprint(health)
    app.register_blueprint(health, url_prefix=settings.api_prefix, name="api_health")
    app.register_blueprint(metrics_routes)
    app.register_blueprint(sockets)
    app.register_blueprint(mcp)
    app.register_blueprint(docs)
    return app
