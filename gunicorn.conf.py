"""How gunicorn serves the application; every name is a setting of gunicorn's."""

import os
import resource
import sys
from typing import Any

from config import settings
from gunicorn_arbiter import PatientArbiter
from services.postgres.embedded import embedded_postgres
from utils.errors import ServiceError
from utils.metrics_directory import (
    close_metrics_directory,
    forget_process,
    open_metrics_directory,
)

bind = (
    f"[{settings.host}]:{settings.port}"
    if ":" in settings.host
    else f"{settings.host}:{settings.port}"
)
workers = settings.web_concurrency
worker_class = "gunicorn_worker.Worker"
worker_connections = settings.socket_connections

# A worker whose event loop stands still this long is killed; requests have limits of their own.
timeout = 60
graceful_timeout = 20
keepalive = 5  # an idle connection may hold up a graceful stop this long

limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 8190

# Who asks, and how, is said by the connection and by TRUSTED_PROXIES; gunicorn would believe
# whatever comes from this machine.
forwarded_allow_ips = ""

# The workers' heartbeat is a file: in memory, where a slow disk cannot delay it.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - made by mkstemp

# It would open a socket in the home directory that can stop the service.
control_socket_disable = True

# Requests are logged by the application.
accesslog = None
errorlog = "-"
loglevel = "warning"


# Every connection is a file; what a login shell allows is seldom enough.
_, files_max = resource.getrlimit(resource.RLIMIT_NOFILE)
files = settings.socket_connections + 1_000
if files_max != resource.RLIM_INFINITY:
    files = min(files, files_max)
resource.setrlimit(resource.RLIMIT_NOFILE, (files, files_max))


def on_starting(server: Any) -> None:
    """Bring a database along when none is named; the master owns it, workers come and go."""
    server.__class__ = PatientArbiter
    open_metrics_directory(worker_tmp_dir)
    if settings.database_url is None:
        try:
            embedded_postgres.start()
        except ServiceError as error:
            sys.exit(f"stint: {error.detail}")


def child_exit(_server: Any, worker: Any) -> None:
    """Let what a worker had open count no more."""
    forget_process(worker.pid)


def on_exit(_server: Any) -> None:
    """Stop the database, if this master started it."""
    close_metrics_directory()
    embedded_postgres.stop()
