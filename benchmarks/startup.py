"""How soon Stint answers after its start, and what memory its workers take.

`python -m benchmarks.startup`. Start-up time is from the start of `gunicorn`, on a schema that is
there already, to the first answer. Memory is that of one worker: when it has just started, while an
hour's load goes by as fast as it can, and with 1,000 idle sockets; RSS is all that it maps, PSS
counts what it shares with others in parts. The hour has 10 requests a second, reads and writes, and
every five minutes of it 100 sockets come and go. BENCH_DATABASE_URL names a server to use instead
of an embedded one.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from benchmarks import client, figures, servers
from benchmarks.answers import sign_up
from benchmarks.client import Plan
from benchmarks.crowd import allow_files
from benchmarks.database import Database, fill, migrate, temporary_database
from benchmarks.figures import Row
from benchmarks.processes import memory_bytes, process_tree
from benchmarks.receivers import Receivers
from benchmarks.servers import Server
from benchmarks.sides import STINT, STINT_COMMAND, stint_environment
from benchmarks.workload import OPERATIONS, Caller, build_requests

USERS = 20
CONNECTIONS = 32
JOIN_SECONDS = 0.2
HOUR_MINUTES, STEP_MINUTES = 60, 5
SOCKETS_PER_VISITOR = 10  # are held at the end, beside nothing else
QUIET_SECONDS = 1.0
STEADY = 0.005  # memory that changes no more than this in a second has settled
SETTLE_SECONDS = 30


@dataclass(frozen=True)
class Memory:
    """Of one worker, the mean of all; in bytes."""

    pss: float
    rss: float

    def __str__(self) -> str:
        return f"{self.pss / 1e6:7.1f} MB PSS {self.rss / 1e6:8.1f} MB RSS"


class Starter:
    """Starts Stint again and again on one database, with the same secret."""

    def __init__(self, workers: int, database: Database, logs: Path) -> None:
        self._workers = workers
        self._log = logs / "stint.log"
        self._environment = stint_environment(workers, database, logs, servers.free_port())
        migrate(self._environment)

    @contextmanager
    def running(self) -> Iterator[tuple[Server, float]]:
        """Run it; yield it and the seconds that it took to answer."""
        port = servers.free_port()
        environment = self._environment | {"PORT": str(port)}
        started = time.monotonic()
        with servers.running(STINT, STINT_COMMAND, environment, port, self._log) as server:
            yield server, time.monotonic() - started

    def memory(self, server: Server) -> Memory:
        """Return what a worker takes, when all are there and none takes more and more."""
        deadline, before = time.monotonic() + SETTLE_SECONDS, Memory(0, 0)
        while time.monotonic() < deadline:
            workers = process_tree(server.process.pid)[1:]
            pss, rss = zip(*map(memory_bytes, workers), strict=True)
            now = Memory(statistics.mean(pss), statistics.mean(rss))
            is_steady = abs(now.pss - before.pss) <= STEADY * now.pss
            if len(workers) == self._workers and is_steady:
                return now
            before = now
            time.sleep(QUIET_SECONDS)
        raise RuntimeError(f"{len(workers)} workers, whose memory changes all the time: {before}")


def time_starts(starter: Starter, times: int) -> Iterator[Row]:
    """Tell how long it takes to start; once more to have everything in the caches."""
    took = []
    for _ in range(times + 1):
        with starter.running() as (_, seconds):
            took.append(seconds)
    fastest, slowest, typical = min(took[1:]), max(took[1:]), statistics.median(took[1:])
    _report("first answer", f"{typical:7.2f} s   ({fastest:.2f}..{slowest:.2f})")
    yield {"what": "first answer", "seconds": typical, "least": fastest, "most": slowest}


def serve_hour(starter: Starter, database: Database, requests: int, visitors: int) -> Iterator[Row]:
    """Tell what a worker has in memory before and during an hour's load, and with sockets."""
    with starter.running() as (server, _):
        yield _memory("minute 0", starter.memory(server))
        tokens = sign_up(server, USERS)
        tasks = fill(database, list(tokens))
        callers = [Caller(user, token, tasks[user]) for user, token in tokens.items()]
        operations, answers = cycle(OPERATIONS), 0
        for minute in range(STEP_MINUTES, HOUR_MINUTES + 1, STEP_MINUTES):
            while answers < requests * minute / HOUR_MINUTES:
                asked = build_requests(next(operations), callers)
                plan = Plan(servers.HOST, server.port, CONNECTIONS, JOIN_SECONDS, 1, asked)
                answers += client.drive(plan).answers
            open_sockets(server, tokens, visitors).close()
            yield _memory(f"minute {minute}", starter.memory(server))
    yield from hold_sockets(starter, tokens, visitors * SOCKETS_PER_VISITOR)


def hold_sockets(starter: Starter, tokens: dict[str, str], count: int) -> Iterator[Row]:
    """Tell what idle sockets take, each of which follows its user's own room."""
    with starter.running() as (server, _):
        before = starter.memory(server)
        receivers = open_sockets(server, tokens, count)
        receivers.settle(QUIET_SECONDS)
        after = starter.memory(server)
        workers = len(process_tree(server.process.pid)) - 1
        each = (after.pss - before.pss) * workers / count / 1_000
        yield _memory(f"{count:,} idle sockets", after) | {"kb_a_socket": each}
        receivers.close()


def open_sockets(server: Server, tokens: dict[str, str], count: int) -> Receivers:
    """Open sockets of these users in turn, each in the user's own room."""
    receivers, users = Receivers(), cycle(tokens.items())
    for _ in range(count):
        user_id, token = next(users)
        message = json.dumps({"type": "subscribe", "room": f"user:{user_id}"})
        receivers.open(server.port, [f"Authorization: Bearer {token}"], message.encode())
    return receivers


def _memory(what: str, memory: Memory) -> Row:
    _report(what, f"{memory}")
    return {"what": what, "pss_mb": memory.pss / 1e6, "rss_mb": memory.rss / 1e6}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--requests", type=int, default=36_000, help="of the hour")
    parser.add_argument("--visitors", type=int, default=100, help="sockets every five minutes")
    options = parser.parse_args()
    allow_files(options.visitors * SOCKETS_PER_VISITOR)
    with (
        tempfile.TemporaryDirectory(prefix="stint-startup-") as logs,
        temporary_database(os.environ.get("BENCH_DATABASE_URL")) as database,
    ):
        sys.stdout.write(
            f"PostgreSQL {database.version()}, {os.cpu_count()} cores, {options.workers} workers\n"
        )
        starter = Starter(options.workers, database, Path(logs))
        rows = [
            *time_starts(starter, options.starts),
            *serve_hour(starter, database, options.requests, options.visitors),
        ]
        settings = vars(options) | {"postgresql": database.version()}
    figures.save("startup", settings, rows)
    return 0


def _report(what: str, figures: str) -> None:
    sys.stdout.write(f"{what:24}{figures}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
