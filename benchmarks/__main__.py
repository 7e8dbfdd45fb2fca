"""Compares Stint with what else one would build: get, list and create, side by side in one run."""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import client, report, responder, servers
from benchmarks.answers import DifferentAnswersError
from benchmarks.client import LoadError, Measured, Plan
from benchmarks.database import temporary_database
from benchmarks.judgement import judge
from benchmarks.rounds import Round, measure
from benchmarks.servers import ServerError
from benchmarks.sides import SIDES, Setup, running_sides
from benchmarks.workload import OPERATIONS


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
    """Read the command line; BENCH_DATABASE_URL names a server to use instead of our own.

    That server must take 250 connections, or fewer sides must be chosen.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=SIDES)
    parser.add_argument("--operations", nargs="+", choices=OPERATIONS, default=OPERATIONS)
    parser.add_argument(
        "--connections",
        nargs="+",
        type=int,
        default=[32, 128],
        help="keep-alive connections; several numbers are measured one after the other",
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each side per operation")
    parser.add_argument("--seconds", type=float, default=5, help="measured part of a round")
    parser.add_argument("--ramp", type=float, default=1, help="seconds in which connections join")
    parser.add_argument("--workers", type=int, default=2, help="processes of each server")
    parser.add_argument(
        "--peer-user-check",
        choices=["database", "token"],
        default="database",
        help="whether the idiomatic sides look the user up on each request or trust the token",
    )
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/*.json")
    parser.add_argument("--self-test", action="store_true", help="only measure the load client")
    options = parser.parse_args()
    options.sides = [side for side in SIDES if side in options.sides]
    return options


def compare(options: argparse.Namespace) -> int:
    """Bring up all sides on one database, drive them in turn, and judge."""
    with (
        tempfile.TemporaryDirectory(prefix="stint-bench-logs-") as logs,
        temporary_database(os.environ.get("BENCH_DATABASE_URL")) as database,
        running_sides(
            options.sides, Setup(options.workers, options.peer_user_check, database, Path(logs))
        ) as sides,
    ):
        sys.stdout.write(
            f"PostgreSQL {database.version()}, {os.cpu_count()} cores, {options.workers} workers a "
            f"side, {options.rounds} rounds of {options.seconds:g} s, user check of the idiomatic "
            f"sides: {options.peer_user_check}\n"
        )
        database.vacuum_when_told()
        rounds: list[Round] = []
        for connections in options.connections:
            for operation in options.operations:
                plan = make_plan(options, connections)
                rounds += measure(sides, operation, plan, options.rounds, database)
    sys.stdout.write("\n" + report.render(rounds) + "\n")
    if options.save:
        sys.stdout.write(f"saved {report.save(rounds, vars(options))}\n")
    return conclude(rounds)


def make_plan(options: argparse.Namespace, connections: int) -> Plan:
    """Return a plan that lacks where to send what."""
    return Plan(
        host=servers.HOST,
        port=0,
        connections=connections,
        ramp_seconds=options.ramp,
        seconds=options.seconds,
        requests=[],
    )


def conclude(rounds: Sequence[Round]) -> int:
    """Print what was required; 1 when something of it was not reached, else 0."""
    findings = judge(rounds)
    sys.stdout.write("\n" + "".join(f"{finding}\n" for finding in findings))
    return int(any(finding.reached is False for finding in findings))


def self_test(options: argparse.Namespace) -> int:
    """Drive a server that does next to nothing: this is the most that the load client can do."""
    request = (
        f"GET /api/v1/tasks HTTP/1.1\r\nHost: {servers.HOST}\r\nX-Padding: {'x' * 400}\r\n\r\n"
    )
    for connections in options.connections:
        for _ in range(options.rounds):
            with responder.running() as port:
                plan = replace(make_plan(options, connections), port=port, requests=[request])
                sys.stdout.write(f"{connections:>4} connections: {_capacity(client.drive(plan))}")
    return 0


def _capacity(measured: Measured) -> str:
    cpu = measured.client_cpu_seconds / measured.answers * 1e6
    return f"{measured.per_second:.0f} requests/s, {cpu:.1f} us of the client's CPU each\n"


if __name__ == "__main__":
    sys.exit(main())
