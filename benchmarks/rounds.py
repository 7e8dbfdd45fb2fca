"""One round after the other, the sides in turn: A B C ... A B C ..."""

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from benchmarks import client
from benchmarks.client import Measured, Plan
from benchmarks.database import Database
from benchmarks.processes import machine_cpu_seconds
from benchmarks.servers import Server
from benchmarks.workload import Caller, build_requests

WARM_UP_SECONDS = 1.0


@dataclass(frozen=True)
class Round:
    """One side under load for one operation; CPU seconds are None where they cannot be read."""

    operation: str
    connections: int
    side: str
    measured: Measured
    server_cpu_seconds: float | None
    database_cpu_seconds: float | None
    machine_cpu_seconds: float | None
    seconds: float

    @property
    def others_share(self) -> float:
        """Part of the machine that went to no side of the comparison; 0 when unknown."""
        if None in (self.machine_cpu_seconds, self.server_cpu_seconds, self.database_cpu_seconds):
            return 0.0
        ours = self.measured.client_cpu_seconds
        ours += (self.server_cpu_seconds or 0.0) + (self.database_cpu_seconds or 0.0)
        spent = (self.machine_cpu_seconds or 0.0) - ours
        return max(spent, 0.0) / (self.seconds * (os.cpu_count() or 1))

    @property
    def cpu_per_answer(self) -> float:
        """CPU seconds of the server and of PostgreSQL for one answer, as far as they are known."""
        spent = (self.server_cpu_seconds or 0.0) + (self.database_cpu_seconds or 0.0)
        return spent / self.measured.answers

    @property
    def client_share(self) -> float:
        """Part of one core that the load client took: it has no more than one."""
        return self.measured.client_cpu_seconds / self.seconds


@dataclass(frozen=True)
class Ratio:
    """How many times as good one side is as another, round by round."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f}..{self.most:.2f})"


class Rounds:
    """What was measured of one operation with so many connections."""

    def __init__(self, rounds: Sequence[Round], operation: str, connections: int) -> None:
        self.operation = operation
        self.connections = connections
        self._rounds = [
            one for one in rounds if (one.operation, one.connections) == (operation, connections)
        ]
        self.sides = list(dict.fromkeys(one.side for one in self._rounds))

    def of(self, side: str) -> list[Round]:
        """Return the rounds of a side, in the order in which they ran."""
        return [one for one in self._rounds if one.side == side]

    def ratio(self, side: str, reference: str) -> Ratio:
        """Compare requests per second: what disturbs the machine disturbs both sides alike."""
        rate = [one.measured.per_second for one in self.of(side)]
        return _ratio(rate, [one.measured.per_second for one in self.of(reference)])

    def cpu_ratio(self, side: str, reference: str) -> Ratio | None:
        """Compare what an answer costs: it shows through when others keep the machine busy."""
        spent = [one.cpu_per_answer for one in self.of(side)]
        if not all(spent):
            return None
        return _ratio([one.cpu_per_answer for one in self.of(reference)], spent)

    def p99_ms(self, side: str) -> float:
        """Return the median of the rounds' 99th percentiles."""
        return median(one.measured.p99_ms for one in self.of(side))


def _ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Ratio:
    ratios = [numerator / each for numerator, each in zip(numerators, denominators, strict=True)]
    return Ratio(median(ratios), min(ratios), max(ratios))


def group(rounds: Sequence[Round]) -> list[Rounds]:
    """Return the rounds by number of connections and operation, as they ran."""
    kinds = dict.fromkeys((one.operation, one.connections) for one in rounds)
    return [Rounds(rounds, operation, connections) for operation, connections in kinds]


def measure(
    sides: Mapping[Server, list[Caller]],
    operation: str,
    plan: Plan,
    times: int,
    database: Database,
) -> list[Round]:
    """Drive the sides in turn with a plan that lacks port and requests; once more to warm up."""
    plans = {
        server: replace(plan, port=server.port, requests=build_requests(operation, callers))
        for server, callers in sides.items()
    }
    for each in plans.values():
        client.drive(replace(each, seconds=WARM_UP_SECONDS))
    rounds = []
    for _ in range(times):
        database.vacuum()
        for server, each in plans.items():
            rounds.append(_drive_round(operation, server, each, database))
            sys.stdout.write(_progress(rounds[-1]))
            sys.stdout.flush()
    return rounds


def _drive_round(operation: str, server: Server, plan: Plan, database: Database) -> Round:
    """One round, with the CPU time that it cost."""
    spent_by_server, spent_by_database = _spent(server.cpu_seconds), _spent(database.cpu_seconds)
    spent_by_machine, started = _spent(machine_cpu_seconds), time.monotonic()
    measured = client.drive(plan)
    seconds = time.monotonic() - started
    return Round(
        operation=operation,
        connections=plan.connections,
        side=server.name,
        measured=measured,
        machine_cpu_seconds=spent_by_machine(),
        server_cpu_seconds=spent_by_server(),
        database_cpu_seconds=spent_by_database(),
        seconds=seconds,
    )


def _spent(read: Callable[[], float | None]) -> Callable[[], float | None]:
    """Return what tells how much a count has grown since now."""
    before = read()

    def difference() -> float | None:
        after = read()
        return None if before is None or after is None else after - before

    return difference


def _progress(one: Round) -> str:
    rate = f"{one.measured.per_second:>9.0f}/s"
    return f"{one.operation:8}{one.connections:>4} {one.side:15}{rate}\n"
