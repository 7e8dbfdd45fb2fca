"""The sides of the comparison: Stint as in production, what else one would build, and the limit."""

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from benchmarks import servers, statements
from benchmarks.answers import check_same_answers, sign_up
from benchmarks.database import Database, fill, migrate
from benchmarks.servers import Server, ServerError
from benchmarks.workload import Caller, peer_token

STINT, YARDSTICK = "stint", "fastapi"
SAME_SQL, EXPERT, LIMIT = "fastapi-events", "fastapi-expert", "bare-wsgi"
SIDES = (STINT, YARDSTICK, SAME_SQL, EXPERT, LIMIT)
FASTAPI_MODULES = {
    YARDSTICK: "fastapi_tasks",
    SAME_SQL: "fastapi_events",
    EXPERT: "fastapi_expert",
}

STINT_COMMAND = ("gunicorn", "-c", "gunicorn.conf.py", "main:app")
SIGNED_IN_USERS = 20
ACCESS_MINUTES = 120
HEARTBEATS = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - made by mkstemp


@dataclass(frozen=True)
class Setup:
    """What all sides have in common."""

    workers: int
    user_check: str  # of the idiomatic sides: "database" or "token"
    database: Database
    logs: Path


@contextmanager
def running_sides(names: Sequence[str], setup: Setup) -> Iterator[dict[Server, list[Caller]]]:
    """Start sides with the same users and tasks, and Stint in any case; yield their callers.

    Raises DifferentAnswersError unless all of them do the same work.
    """
    key = secrets.token_urlsafe(48)
    with ExitStack() as stack:
        stint = stack.enter_context(running_stint(setup.workers, setup.database, setup.logs))
        peers = [
            stack.enter_context(running_peer(name, setup, key)) for name in names if name != STINT
        ]
        tokens = sign_up(stint, SIGNED_IN_USERS)
        tasks = fill(setup.database, list(tokens))
        sides = {stint: [Caller(user, token, tasks[user]) for user, token in tokens.items()]}
        for peer in peers:
            make_token = _bare_token if peer.name == LIMIT else peer_token
            sides[peer] = [Caller(user, make_token(user, key), tasks[user]) for user in tokens]
        tells = {server: server.name != YARDSTICK for server in sides}
        check_same_answers(setup.database, sides, tells)
        yield {server: callers for server, callers in sides.items() if server.name in names}


def _bare_token(user_id: str, _key: str) -> str:
    """Return what the limit takes for a token."""
    return user_id


@contextmanager
def running_stint(workers: int, database: Database, logs: Path) -> Iterator[Server]:
    """Run Stint as in production, with everything on; raises ServerError when it is not."""
    port = servers.free_port()
    environment = stint_environment(workers, database, logs, port)
    migrate(environment)
    log = logs / "stint.log"
    with servers.running(STINT, STINT_COMMAND, environment, port, log) as server:
        _check_metrics(server, environment["METRICS_TOKEN"])
        yield server


def stint_environment(workers: int, database: Database, logs: Path, port: int) -> dict[str, str]:
    """Return the settings of Stint."""
    return {
        "ENVIRONMENT": "production",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "DATABASE_URL": database.for_stint,
        "ACCESS_TOKEN_MINUTES": str(ACCESS_MINUTES),
        "WEB_CONCURRENCY": str(workers),
        "LOG_LEVEL": "INFO",
        "METRICS_TOKEN": secrets.token_urlsafe(24),
        "HOST": servers.HOST,
        "PORT": str(port),
        "DATA_DIR": str(logs / "data"),
        # Counted like any other, but not refused: a few users send all there is.
        "RATE_LIMIT_READS": "1000000000 per minute",
        "RATE_LIMIT_WRITES": "1000000000 per minute",
        "RATE_LIMIT_SIGN_INS": "1000000000 per minute",
        "RATE_LIMIT_MESSAGES": "1000000000 per minute",
        "RATE_LIMIT_TRANSFERS": "1000000000 per minute",
        "ATTEMPTS_PER_ADDRESS": "1000000000",
        "SOCKETS_PER_USER": "1000000",
    }


def _check_metrics(server: Server, token: str) -> None:
    """Make sure that requests are counted; the first was made to see whether the server answers."""
    connection = HTTPConnection(servers.HOST, server.port, timeout=30)
    connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {token}"})
    metrics = connection.getresponse().read()
    connection.close()
    if b"stint_http_requests_total{" not in metrics:
        raise ServerError(f"{server.name} does not count its requests: {metrics[:300]!r}")


@contextmanager
def running_peer(name: str, setup: Setup, key: str) -> Iterator[Server]:
    """Run another side."""
    port = servers.free_port()
    environment = {
        "PEER_SECRET_KEY": key,
        "PEER_DATABASE_URL": setup.database.for_peer,
        "PEER_USER_CHECK": setup.user_check,
        "PEER_STATEMENTS": statements.for_environment(),
    }
    build = _bare_command if name == LIMIT else _fastapi_command
    log = setup.logs / f"{name}.log"
    with servers.running(name, build(name, setup.workers, port), environment, port, log) as server:
        yield server


def _fastapi_command(name: str, workers: int, port: int) -> list[str]:
    """Deploy it as its manual says."""
    command = ["uvicorn", f"benchmarks.peers.{FASTAPI_MODULES[name]}:app", "--host", servers.HOST]
    command += ["--port", str(port), "--workers", str(workers), "--loop", "uvloop"]
    return [*command, "--http", "httptools", "--no-access-log", "--log-level", "warning"]


def _bare_command(_name: str, workers: int, port: int) -> list[str]:
    """Deploy it as gunicorn.conf.py does Stint."""
    command = ["gunicorn", "benchmarks.peers.bare_wsgi:app", "--workers", str(workers)]
    command += ["--worker-class", "gunicorn_worker.Worker", "--bind", f"{servers.HOST}:{port}"]
    command += ["--worker-tmp-dir", HEARTBEATS] if HEARTBEATS else []
    return [*command, "--config", os.devnull, "--no-control-socket", "--log-level", "warning"]
