"""What an event costs in a room with 10, 100, 1,000 and 5,000 receivers, in one process of Stint.

`python -m benchmarks.fan_out`. First events come as fast as they are taken in, then at a steady
rate, at which the time from the making of each to its receipt is measured, too. An event is an
INSERT into the log. BENCH_DATABASE_URL names a server to use instead of an embedded one.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Thread

from benchmarks import figures
from benchmarks.crowd import Crowd
from benchmarks.database import Database, temporary_database
from benchmarks.processes import process_tree
from benchmarks.reader import Reader
from benchmarks.receivers import resident_bytes
from benchmarks.servers import Server
from benchmarks.sides import running_stint
from benchmarks.speaker import Say, speaker, subscription

RECEIVERS = (10, 100, 1_000, 5_000)
ANSWER_SECONDS = 60
QUIET_SECONDS = 1.0
WINDOW = 100  # events that are on their way at once at full speed
WINDOWS = (3, 30)  # no fewer and no more of them
DELIVERIES = 300_000  # if that many windows do
STEADY_EVENTS, STEADY_DELIVERIES = 100, 20_000  # a second, the smaller of the two
STEADY_SECONDS = 5


@dataclass(frozen=True)
class FanOut:
    """Deliveries a second at full speed; at a steady rate what they took, and the server's CPU."""

    receivers: int
    deliveries_per_second: float
    server_us_a_delivery: float
    steady_events_per_second: float
    server_us_an_event: float
    p50_ms: float
    p99_ms: float
    kb_a_socket: float

    def __str__(self) -> str:
        return (
            f"{self.receivers:>9,}{self.deliveries_per_second:>14,.0f}"
            f"{self.server_us_a_delivery:>13.1f}{self.steady_events_per_second:>10.0f}"
            f"{self.server_us_an_event:>12,.0f}{self.p50_ms:>8.1f}{self.p99_ms:>8.1f}"
            f"{self.kb_a_socket:>11.1f}\n"
        )


HEAD = (
    f"{'receivers':>9}{'deliveries/s':>14}{'CPU us each':>13}{'events/s':>10}{'CPU us each':>12}"
    f"{'p50 ms':>8}{'p99 ms':>8}{'kB/socket':>11}\n"
)


def measure(server: Server, database: Database, count: int, rounds: int) -> FanOut:
    """Gather so many receivers in a new room and let events go out to them; the medians."""
    reader, crowd = Reader(server), Crowd()
    worker = process_tree(server.process.pid)[1]
    before = resident_bytes(worker)
    crowd.open(server.port, *subscription(reader), count)
    crowd.settle(QUIET_SECONDS)
    kilobytes = (resident_bytes(worker) - before) / count / 1_000
    with speaker(database, reader) as say:
        fast = [_full_speed(server, crowd, say, count) for _ in range(rounds)]
        steady = [_steadily(server, crowd, say, count) for _ in range(rounds)]
    crowd.close()
    rate, delivery_us = map(statistics.median, zip(*fast, strict=True))
    events, event_us, p50, p99 = map(statistics.median, zip(*steady, strict=True))
    return FanOut(count, rate, delivery_us, events, event_us, p50, p99, kilobytes)


def _full_speed(server: Server, crowd: Crowd, say: Say, count: int) -> tuple[float, float]:
    """Return deliveries a second, and microseconds of the server's CPU for each."""
    least, most = WINDOWS
    windows = max(least, min(most, DELIVERIES // (WINDOW * count)))
    started, spent = time.monotonic(), server.cpu_seconds() or 0.0
    for _ in range(windows):
        received = crowd.expect(WINDOW, ANSWER_SECONDS)
        say(WINDOW, 0)
        received()
    deliveries, took = windows * WINDOW * count, time.monotonic() - started
    crowd.settle(QUIET_SECONDS)
    return deliveries / took, ((server.cpu_seconds() or 0.0) - spent) / deliveries * 1e6


def _steadily(
    server: Server, crowd: Crowd, say: Say, count: int
) -> tuple[float, float, float, float]:
    """Return events a second, microseconds of CPU for each, and milliseconds until receipt."""
    rate = min(STEADY_EVENTS, STEADY_DELIVERIES / count)
    events = round(rate * STEADY_SECONDS)
    spent, started = server.cpu_seconds() or 0.0, time.monotonic()
    received = crowd.expect(events, ANSWER_SECONDS)
    speaking = Thread(target=say, args=[events, 1 / rate])
    speaking.start()
    latencies = received()
    speaking.join()
    took = time.monotonic() - started
    cpu_us = ((server.cpu_seconds() or 0.0) - spent) / events * 1e6
    cuts = statistics.quantiles(latencies, n=100)
    return events / took, cpu_us, cuts[49] * 1_000, cuts[98] * 1_000


def main() -> int:
    """Measure, print a line for each size, and keep the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fan_out", description=__doc__)
    parser.add_argument("--receivers", type=int, nargs="+", default=RECEIVERS)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="stint-fan-out-") as logs,
        temporary_database(os.environ.get("BENCH_DATABASE_URL")) as database,
        running_stint(1, database, Path(logs)) as server,
    ):
        sys.stdout.write(HEAD)
        rows = []
        for count in options.receivers:
            rows.append(measure(server, database, count, options.rounds))
            sys.stdout.write(str(rows[-1]))
            sys.stdout.flush()
        version = database.version()
    figures.save("fan_out", {"postgresql": version}, map(asdict, rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
