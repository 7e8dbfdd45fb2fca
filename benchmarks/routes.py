"""What each route costs with 1,000, 100,000 and 1,000,000 tasks: it should be the same.

All three are in one database and take turns, so that only what a caller may see differs. `python -m
benchmarks.routes`; BENCH_DATABASE_URL names a server to use instead of an embedded one.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from benchmarks import figures
from benchmarks.database import Database, temporary_database
from benchmarks.processes import busy_seconds, process_tree
from benchmarks.questions import KNOWN_TO_GROW, QUESTIONS, Question, Request, route_of
from benchmarks.reader import RefusedError
from benchmarks.servers import Server
from benchmarks.sides import running_stint
from benchmarks.worlds import SIZES, World, bytes_a_row, make_worlds

WARM_UPS = 6  # psycopg and PostgreSQL settle on a plan within so many
WARM_UP = "/tasks?limit=1"
LEAST_ROUNDS = 5
IN_A_ROW = 5  # where nothing has to go before each
ASLEEP_SECONDS = 0.002  # CPU time is in the books when a process sleeps again
GROWS = 1.5
LITTLE_US = 300  # less is not worth the talk
WHOLE_SHARE = 3  # of the time, for each of those that grow

Gauge = Callable[[], float]


@dataclass(frozen=True)
class Cost:
    """Of one request: milliseconds, and microseconds of CPU in the server and in PostgreSQL."""

    ms: float
    server_us: float
    database_us: float


@dataclass(frozen=True)
class Costs:
    """What a question costs in each world, smallest first."""

    question: Question
    costs: list[Cost]

    @property
    def growth(self) -> float:
        """How many times the CPU of the smallest world the largest takes."""
        return self._cpu(-1) / self._cpu(0)

    @property
    def is_known(self) -> bool:
        """True for what is left to grow."""
        return self.question.name in KNOWN_TO_GROW

    @property
    def grows(self) -> bool:
        """True for what costs more and more though only a page of it is asked for."""
        more_us = self._cpu(-1) - self._cpu(0)
        return not self.question.whole and self.growth > GROWS and more_us > LITTLE_US

    def _cpu(self, number: int) -> float:
        return self.costs[number].server_us + self.costs[number].database_us

    def __str__(self) -> str:
        ms = "".join(f"{cost.ms:10.1f}" for cost in self.costs)
        cpu = "".join(f"{cost.server_us + cost.database_us:10.0f}" for cost in self.costs)
        database = "".join(f"{cost.database_us:10.0f}" for cost in self.costs)
        said = ("  grows, as known" if self.is_known else "  GROWS") if self.grows else ""
        return f"{self.question.name:32}{ms}{cpu}{database}{self.growth:7.2f}{said}\n"

    def row(self) -> figures.Row:
        """Return them as they are kept."""
        route = route_of(self.question.request)
        names = [field.name for field in fields(Cost)]
        return {"name": self.question.name, "route": route, "whole": self.question.whole} | {
            name: [getattr(cost, name) for cost in self.costs] for name in names
        }


class Meter:
    """Asks, and tells what it cost."""

    def __init__(self, server: Server, database: Database) -> None:
        self._server = server
        self._database = database
        self._pids: tuple[list[int], list[int]] = [], []

    def measure(self, question: Question, worlds: Sequence[World], seconds: float) -> Costs:
        """Ask in all worlds in turn until the time is over; the medians."""
        warm_ups, least = (0, 1) if question.whole else (WARM_UPS, LEAST_ROUNDS)
        worlds = [each for each in worlds if each.size <= (question.most or each.size)]
        for _ in range(warm_ups):
            for world in worlds:
                self._ask(question, world)
        self._pids = process_tree(self._server.process.pid)[1:], self._database.backends()
        rounds: list[list[Cost]] = []
        deadline = time.monotonic() + seconds
        while len(rounds) < least or time.monotonic() < deadline:
            rounds.append([self._ask(question, world) for world in worlds])
        return Costs(question, [_median(costs) for costs in zip(*rounds, strict=True)])

    def _ask(self, question: Question, world: World) -> Cost:
        client = world.agent if question.by_agent else world.owner
        client.close()  # it may have been idle for too long
        client.send("GET", WARM_UP)
        made = None
        for request in question.before:
            method, path, content = _fill_in(request, world, made)
            data, _ = client.send(method, path, content)
            made = _id_in(json.loads(data)) if data else made
        times = 1 if question.before or question.after or question.whole else IN_A_ROW
        requests = [_fill_in(question.request, world, made) for _ in range(times)]
        before, started = self._spent(), time.perf_counter()
        for method, path, content in requests:
            data, _ = client.send(method, path, content)
        took, after = time.perf_counter() - started, self._spent()
        server, database = (
            (now - was) / times * 1e6 for was, now in zip(before, after, strict=True)
        )
        if question.after:
            made = made or _id_in(json.loads(data))
            client.send(*_fill_in(question.after, world, made))
        return Cost(took / times * 1_000, server, database)

    def _spent(self) -> tuple[float, float]:
        time.sleep(ASLEEP_SECONDS)
        server, database = self._pids
        return busy_seconds(server) or 0.0, busy_seconds(database) or 0.0


def _fill_in(request: Request, world: World, made: object) -> tuple[str, str, str | None]:
    body = None if request.body is None else json.dumps(request.body)
    content = None if body is None else world.substitute(body, made)
    return request.method, world.substitute(request.path, made), content


def _id_in(answer: Any) -> object:
    """Return the id of what was made, claimed or listed first."""
    if isinstance(answer, list):
        return answer[0]["id"]
    if "claimed" in answer:
        return answer["claimed"][0]["lease"]["id"]
    return answer.get("id", answer.get("user_id"))


def _median(costs: Sequence[Cost]) -> Cost:
    return Cost(*map(statistics.median, zip(*map(astuple, costs), strict=True)))


def main() -> int:
    """Fill, measure, print a line for each question, keep the figures; 1 if one grows anew."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.routes", description=__doc__)
    parser.add_argument("--seconds", type=float, default=400, help="for all, filling included")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument(
        "--only", default="", help="questions with this in their name; kept nowhere"
    )
    options = parser.parse_args()
    questions = [each for each in QUESTIONS if options.only in each.name]
    with (
        tempfile.TemporaryDirectory(prefix="stint-routes-") as logs,
        temporary_database(os.environ.get("BENCH_DATABASE_URL")) as database,
        running_stint(1, database, Path(logs)) as server,
    ):
        started = time.monotonic()
        worlds = make_worlds(server, database, options.sizes)
        sizes = bytes_a_row(database)
        sys.stdout.write(f"filled in {time.monotonic() - started:.0f} s\n{_head(options.sizes)}")
        meter, measured = Meter(server, database), []
        refused: dict[str, str] = {}
        for number, question in enumerate(questions):
            left = started + options.seconds - time.monotonic()
            shares = sum(WHOLE_SHARE if each.whole else 1 for each in questions[number:])
            seconds = left / shares * (WHOLE_SHARE if question.whole else 1)
            try:
                measured.append(meter.measure(question, worlds, seconds))
                sys.stdout.write(str(measured[-1]))
            except RefusedError as error:
                refused[question.name] = str(error)
                sys.stdout.write(f"{question.name:32}{error}\n")
            sys.stdout.flush()
        settings = {
            "sizes": list(options.sizes),
            "postgresql": database.version(),
            "bytes_a_row": sizes,
            "refused": refused,
        }
    if not options.only:
        figures.save("routes", settings, [each.row() for each in measured])
    return int(bool(refused) or any(each.grows and not each.is_known for each in measured))


def _head(sizes: Sequence[int]) -> str:
    names = "".join(f"{name:>{10 * len(sizes)}}" for name in ("ms", "CPU us", "of it PostgreSQL"))
    return f"{'':32}{names}\n{'':32}{''.join(f'{size:>10,}' for size in sizes) * 3}  grows\n"


if __name__ == "__main__":
    sys.exit(main())
