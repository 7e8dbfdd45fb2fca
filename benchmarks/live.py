"""What live rooms carry: one process of Stint beside a plain broadcaster, and idle sockets.

`python -m benchmarks.live`. Both sides fan out the same number of messages to the same number of
receivers, in turn: as fast as they can, and at a steady rate, at which the time of each message
from its making to its receipt is measured. A message of Stint is made by the INSERT of an event,
is read from the log, and says more; one of the yardstick is made in its process.
"""

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from benchmarks import servers
from benchmarks.database import Database, temporary_database
from benchmarks.processes import process_tree
from benchmarks.reader import Reader
from benchmarks.receivers import Receivers, frame, open_socket, resident_bytes
from benchmarks.servers import Server
from benchmarks.sides import running_stint
from benchmarks.speaker import Say, speaker, subscription

SECONDS = 120
STEADY_DELIVERIES = 20_000  # each second
STEADY_SECONDS = 5
WINDOW = 100  # messages that are on their way at once at full speed
WINDOWS_DELIVERIES = 300_000
QUIET_SECONDS = 1.0
IDLE_ROOMS = 100
FEW = 200


@dataclass(frozen=True)
class Figures:
    """What one side did in one round."""

    per_second: float
    p99: float
    steady_p99: float


@contextmanager
def stint_side(server: Server, database: Database, count: int) -> Iterator[tuple[Receivers, Say]]:
    """Yield receivers of a new room, and what writes events into it."""
    reader, receivers = Reader(server), Receivers()
    for _ in range(count):
        receivers.open(server.port, *subscription(reader))
    with speaker(database, reader) as say:
        yield receivers, say
    receivers.close()


@contextmanager
def peer_side(server: Server, count: int) -> Iterator[tuple[Receivers, Say]]:
    """Yield receivers of the yardstick, and what makes it broadcast."""
    receivers = Receivers()
    for _ in range(count):
        receivers.open(server.port, [])
    sender = open_socket(server.port, [])

    def say(messages: int, pause: float) -> None:
        sender.sendall(frame(json.dumps({"count": messages, "pause": pause}).encode()))

    yield receivers, say
    sender.close()
    receivers.close()


@contextmanager
def running_broadcaster(logs: Path) -> Iterator[Server]:
    """The yardstick, in one process."""
    port = servers.free_port()
    command = ["uvicorn", "benchmarks.peers.live_broadcaster:app", "--host", servers.HOST]
    command += [
        "--port",
        str(port),
        "--loop",
        "uvloop",
        "--http",
        "httptools",
        "--ws",
        "websockets",
        "--ws-ping-timeout",
        str(SECONDS),
    ]
    command += ["--no-access-log", "--log-level", "warning"]
    with servers.running("broadcaster", command, {}, port, logs / "peer.log") as server:
        yield server


def measure(receivers: Receivers, say: Say) -> Figures:
    """Let messages go out as fast as they can, and then at a steady rate."""
    receivers.settle(QUIET_SECONDS)
    count = len(receivers.sockets)
    windows = WINDOWS_DELIVERIES // WINDOW // count
    latencies = []
    started = time.monotonic()
    for _ in range(windows):
        say(WINDOW, 0)
        receivers.receive(WINDOW, SECONDS)
        latencies += receivers.latencies
    per_second = windows * WINDOW * count / (time.monotonic() - started)
    return Figures(per_second, _p99(latencies), steady_p99(receivers, say))


def steady_p99(receivers: Receivers, say: Say) -> float:
    """Let messages go out at a steady rate; returns the milliseconds that 99 of 100 took less."""
    receivers.settle(QUIET_SECONDS)
    rate = STEADY_DELIVERIES / len(receivers.sockets)
    messages = round(rate * STEADY_SECONDS)
    speaker = Thread(target=say, args=[messages, 1 / rate])
    speaker.start()
    receivers.receive(messages, SECONDS)
    speaker.join()
    return _p99(receivers.latencies)


def _p99(latencies: list[float]) -> float:
    return statistics.quantiles(latencies, n=100)[-1] * 1_000


def compare(stint: Server, peer: Server, database: Database, count: int, rounds: int) -> None:
    """Measure both sides in turn and print the medians."""
    ours: list[Figures] = []
    theirs: list[Figures] = []
    for _ in range(rounds):
        with peer_side(peer, count) as (receivers, say):
            theirs.append(measure(receivers, say))
        with stint_side(stint, database, count) as (receivers, say):
            ours.append(measure(receivers, say))
    for name, figures in (("stint", ours), ("broadcaster", theirs)):
        sys.stdout.write(
            f"{count:5} receivers  {name:12}"
            f"{_median(figures, 'per_second'):12,.0f} messages/s"
            f"   p99 {_median(figures, 'p99'):8.1f} ms at full speed,"
            f" {_median(figures, 'steady_p99'):7.1f} ms at {STEADY_DELIVERIES:,}/s\n"
        )
    ratios = [our.per_second / their.per_second for our, their in zip(ours, theirs, strict=True)]
    sys.stdout.write(
        f"{count:5} receivers  ratio {statistics.median(ratios):.2f}"
        f" ({min(ratios):.2f}..{max(ratios):.2f})\n"
    )
    sys.stdout.flush()


def _median(figures: list[Figures], name: str) -> float:
    return float(statistics.median(getattr(each, name) for each in figures))


def compare_stuck(stint: Server, database: Database, rounds: int) -> None:
    """Print what a reader that never reads does to 200 others."""
    alone, beside = [], []
    for _ in range(rounds):
        with stint_side(stint, database, FEW) as (receivers, say):
            alone.append(steady_p99(receivers, say))
            with receivers.stuck_one():
                beside.append(steady_p99(receivers, say))
    sys.stdout.write(
        f"{FEW:5} receivers  p99 {statistics.median(alone):.1f} ms,"
        f" {statistics.median(beside):.1f} ms beside one that never reads\n"
    )


def hold_idle(server: Server, count: int) -> None:
    """Open idle sockets, each with a room, and print what one takes of the server's memory."""
    readers = [Reader(server) for _ in range(IDLE_ROOMS)]
    worker = process_tree(server.process.pid)[1]
    before = resident_bytes(worker)
    receivers = Receivers()
    started = time.monotonic()
    for number in range(count):
        receivers.open(server.port, *subscription(readers[number % IDLE_ROOMS]))
    took = time.monotonic() - started
    receivers.settle(3 * QUIET_SECONDS)
    each = (resident_bytes(worker) - before) / count / 1_000
    sys.stdout.write(f"{count:,} idle sockets, opened in {took:.0f} s: {each:.1f} kB each\n")
    receivers.close()


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live", description=__doc__)
    parser.add_argument("--receivers", type=int, nargs="+", default=[FEW, 1_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--idle", type=int, default=5_000, help="sockets to hold; 0 for none")
    options = parser.parse_args()
    files = max(options.idle, *options.receivers) + 1_000
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (files, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    )
    with (
        tempfile.TemporaryDirectory(prefix="stint-live-") as logs,
        temporary_database(os.environ.get("BENCH_DATABASE_URL")) as database,
        running_stint(1, database, Path(logs)) as stint,
    ):
        if options.idle:
            hold_idle(stint, options.idle)
        compare_stuck(stint, database, options.rounds)
        with running_broadcaster(Path(logs)) as peer:
            for count in options.receivers:
                compare(stint, peer, database, count, options.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
