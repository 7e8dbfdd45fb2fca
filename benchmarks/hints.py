"""How many hints a second PostgreSQL carries from one process to 2, 20 and 200 that listen.

`python -m benchmarks.hints`. With REDIS_URL hints go another way; that is not measured here.
BENCH_DATABASE_URL names a server to use instead of an embedded one.
"""

import argparse
import os
import statistics
import sys
import time
from contextlib import ExitStack

from benchmarks import figures
from benchmarks.database import Database, temporary_database

LISTENERS = (2, 20, 200)
HINT = "SELECT pg_notify('stint', %s)"
LISTEN = "LISTEN stint"


def measure(database: Database, listeners: int, rounds: int, seconds: float) -> float:
    """Return hints a second, each sent by a transaction of its own and read by all; the median."""
    rates = []
    with ExitStack() as stack:
        waiting = [stack.enter_context(database.connect()) for _ in range(listeners)]
        for each in waiting:
            each.execute(LISTEN)
        sender = stack.enter_context(database.connect())
        for _ in range(rounds):
            started, sent = time.monotonic(), 0
            while time.monotonic() < started + seconds:
                sender.execute(HINT, [f"room project:{sent:036} {sent}"])
                sent += 1
            for each in waiting:
                heard = sum(1 for _ in each.notifies(stop_after=sent, timeout=10 * seconds))
                if heard < sent:
                    raise RuntimeError(f"{heard} of {sent} hints were heard")
            rates.append(sent / (time.monotonic() - started))
    return statistics.median(rates)


def main() -> int:
    """Measure, print and keep the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hints", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="of a round, in which is sent")
    options = parser.parse_args()
    rows = []
    with temporary_database(os.environ.get("BENCH_DATABASE_URL")) as database:
        for listeners in LISTENERS:
            rate = measure(database, listeners, options.rounds, options.seconds)
            rows.append({"listeners": listeners, "hints_per_second": rate})
            sys.stdout.write(f"{listeners:>5} listeners{rate:>10,.0f} hints/s\n")
            sys.stdout.flush()
        version = database.version()
    figures.save("hints", {"postgresql": version}, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
