"""Compares Stint with the FastAPI yardstick: get, list and create, side by side in one run."""

import argparse
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks import client, report, responder, servers
from benchmarks.client import LoadError, Measured, Plan
from benchmarks.database import Database, fill, migrate, temporary_database
from benchmarks.processes import machine_cpu_seconds
from benchmarks.report import Round
from benchmarks.servers import Server, ServerError
from benchmarks.workload import (
    OPERATIONS,
    Caller,
    DifferentAnswersError,
    build_requests,
    check_same_answers,
    peer_token,
    sign_up,
)

STINT, PEER = "stint", "fastapi"
SIGNED_IN_USERS = 20
ACCESS_MINUTES = 120


def main() -> int:
    """Do what the command line says; the exit code is 1 for too slow and 2 for broken."""
    options = parse_options()
    try:
        if options.self_test:
            return self_test(options)
        return compare(options)
    except (DifferentAnswersError, LoadError, ServerError) as error:
        sys.stderr.write(f"benchmark failed: {error}\n")
        return 2


def parse_options() -> argparse.Namespace:
    """Read the command line; BENCH_DATABASE_URL names a server to use instead of our own."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each side per operation")
    parser.add_argument("--seconds", type=float, default=5, help="measured part of a round")
    parser.add_argument("--ramp", type=float, default=1, help="seconds in which connections join")
    parser.add_argument("--connections", type=int, default=32, help="keep-alive connections")
    parser.add_argument("--workers", type=int, default=2, help="processes of each server")
    parser.add_argument("--operations", nargs="+", choices=OPERATIONS, default=OPERATIONS)
    parser.add_argument(
        "--peer-user-check",
        choices=["database", "token"],
        default="database",
        help="whether the yardstick looks the user up on each request or trusts the token alone",
    )
    parser.add_argument(
        "--require-get", type=float, default=2.0, help="fail when get's median ratio is below this"
    )
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/*.json")
    parser.add_argument("--self-test", action="store_true", help="only measure the load client")
    return parser.parse_args()


def compare(options: argparse.Namespace) -> int:
    """Bring up both sides on one database, drive them in turn, and judge."""
    with (
        tempfile.TemporaryDirectory(prefix="stint-bench-logs-") as logs,
        temporary_database(os.environ.get("BENCH_DATABASE_URL")) as database,
        both_sides(options, database, Path(logs)) as sides,
    ):
        sys.stdout.write(
            f"PostgreSQL {database.version()}, {os.cpu_count()} cores, {options.workers} workers a "
            f"side, {options.connections} connections, {options.rounds} rounds of "
            f"{options.seconds:g} s, user check of the yardstick: {options.peer_user_check}\n"
        )
        rounds = measure(options, database, sides)
    sys.stdout.write("\n" + report.render(rounds, STINT, PEER) + "\n")
    if options.save:
        sys.stdout.write(f"saved {report.save(rounds, STINT, PEER, vars(options))}\n")
    return judge(rounds, options)


def judge(rounds: Sequence[Round], options: argparse.Namespace) -> int:
    """1 when get is not as much faster as it has to be, else 0."""
    if "get" not in options.operations:
        return 0
    reached = report.ratio(rounds, "get", STINT, PEER).median
    if reached >= options.require_get:
        return 0
    sys.stdout.write(f"get reaches {reached:.2f} and not the {options.require_get:.2f} required\n")
    return 1


@contextmanager
def both_sides(
    options: argparse.Namespace, database: Database, logs: Path
) -> Iterator[dict[Server, list[Caller]]]:
    """Start Stint and the yardstick with the same users and tasks; yield the callers of each."""
    key = secrets.token_urlsafe(48)
    with (
        running_stint(options, database, logs) as stint,
        running_peer(options, database, logs, key) as peer,
    ):
        tokens = sign_up(stint, SIGNED_IN_USERS)
        tasks = fill(database, list(tokens))
        ours = [Caller(user, token, tasks[user]) for user, token in tokens.items()]
        theirs = [Caller(user, peer_token(user, key), tasks[user]) for user in tokens]
        check_same_answers(stint, peer, list(zip(ours, theirs, strict=True)))
        yield {stint: ours, peer: theirs}


@contextmanager
def running_stint(options: argparse.Namespace, database: Database, logs: Path) -> Iterator[Server]:
    """Stint as it runs in production, with everything on."""
    port = servers.free_port()
    environment = {
        "ENVIRONMENT": "production",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "DATABASE_URL": database.for_stint,
        "ACCESS_TOKEN_MINUTES": str(ACCESS_MINUTES),
        "WEB_CONCURRENCY": str(options.workers),
        "LOG_LEVEL": "INFO",
        "HOST": servers.HOST,
        "PORT": str(port),
        "DATA_DIR": str(logs / "data"),
        # Counted like any other, but not refused: a few users send all there is.
        "RATE_LIMIT_READS": "1000000000 per minute",
        "RATE_LIMIT_WRITES": "1000000000 per minute",
        "RATE_LIMIT_SIGN_INS": "1000000000 per minute",
        "ATTEMPTS_PER_ADDRESS": "1000000000",
        "SOCKETS_PER_USER": "1000000",
    }
    migrate(environment)
    command = ["gunicorn", "-c", "gunicorn.conf.py", "main:app"]
    with servers.running(STINT, command, environment, port, logs / "stint.log") as server:
        yield server


@contextmanager
def running_peer(
    options: argparse.Namespace, database: Database, logs: Path, key: str
) -> Iterator[Server]:
    """The FastAPI yardstick as its manual says to deploy it."""
    port = servers.free_port()
    environment = {
        "PEER_SECRET_KEY": key,
        "PEER_DATABASE_URL": database.for_peer,
        "PEER_USER_CHECK": options.peer_user_check,
    }
    command = ["uvicorn", "benchmarks.peers.fastapi_tasks:app", "--host", servers.HOST]
    command += ["--port", str(port), "--workers", str(options.workers), "--loop", "uvloop"]
    command += ["--http", "httptools", "--no-access-log", "--log-level", "warning"]
    with servers.running(PEER, command, environment, port, logs / "peer.log") as server:
        yield server


def measure(
    options: argparse.Namespace, database: Database, sides: dict[Server, list[Caller]]
) -> list[Round]:
    """Drive the sides in turn, A B A B ...; the first pair of each operation only warms up."""
    rounds = []
    for operation in options.operations:
        plans = {
            server: Plan(
                host=servers.HOST,
                port=server.port,
                connections=options.connections,
                ramp_seconds=options.ramp,
                seconds=options.seconds,
                requests=build_requests(operation, callers),
            )
            for server, callers in sides.items()
        }
        for plan in plans.values():
            client.drive(plan)
        for _ in range(options.rounds):
            for server, plan in plans.items():
                rounds.append(drive_round(operation, server, plan, database))
                sys.stdout.write(_progress(rounds[-1]))
                sys.stdout.flush()
    return rounds


def drive_round(operation: str, server: Server, plan: Plan, database: Database) -> Round:
    """One round, with the CPU time that it cost."""
    server_before, database_before = server.cpu_seconds(), database.cpu_seconds()
    machine_before, started = machine_cpu_seconds(), time.monotonic()
    measured = client.drive(plan)
    seconds, machine_after = time.monotonic() - started, machine_cpu_seconds()
    return Round(
        operation=operation,
        side=server.name,
        measured=measured,
        server_cpu_seconds=_difference(server_before, server.cpu_seconds()),
        database_cpu_seconds=_difference(database_before, database.cpu_seconds()),
        machine_cpu_seconds=_difference(machine_before, machine_after),
        seconds=seconds,
    )


def self_test(options: argparse.Namespace) -> int:
    """Drive a server that does next to nothing: this is the most that the load client can do."""
    request = (
        f"GET /api/v1/tasks HTTP/1.1\r\nHost: {servers.HOST}\r\nX-Padding: {'x' * 400}\r\n\r\n"
    )
    for _ in range(options.rounds):
        with responder.running() as port:
            plan = Plan(
                host=servers.HOST,
                port=port,
                connections=options.connections,
                ramp_seconds=options.ramp,
                seconds=options.seconds,
                requests=[request],
            )
            sys.stdout.write(_capacity(client.drive(plan)))
    return 0


def _capacity(measured: Measured) -> str:
    cpu = measured.client_cpu_seconds / measured.answers * 1e6
    return f"{measured.per_second:.0f} requests/s, {cpu:.1f} us of the client's CPU each\n"


def _progress(one: Round) -> str:
    return f"{one.operation:8}{one.side:9}{one.measured.per_second:>9.0f}/s\n"


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


if __name__ == "__main__":
    sys.exit(main())
