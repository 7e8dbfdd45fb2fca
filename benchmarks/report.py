"""Rounds in, table and JSON out."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.client import Measured

RESULTS = Path(__file__).parent / "results"
PACKAGES = (
    *("flask", "gunicorn", "gevent", "sqlalchemy", "psycopg", "pydantic"),
    *("fastapi", "uvicorn", "uvloop", "httptools", "asyncpg", "pyjwt"),
)
QUIET = 0.1
HEAD = (
    f"{'':8}{'':9}{'requests/s':>11} {'(min..max)':>15}{'p50 ms':>8}{'p99 ms':>8}"
    f"{'CPU us':>8}{'db us':>7}{'client us':>10}{'bytes':>7}   ratio (min..max)"
)
NOTE = """
CPU us, db us and client us: CPU time per request of the server's processes, of PostgreSQL's
backends and of the load client. All of them share the cores of one machine, alike for both sides.
ratio: median of the rounds, each round of Stint over the yardstick's round that followed it."""


@dataclass(frozen=True)
class Round:
    """One side under load for one operation; CPU seconds are None where they cannot be read."""

    operation: str
    side: str
    measured: Measured
    server_cpu_seconds: float | None
    database_cpu_seconds: float | None
    machine_cpu_seconds: float | None
    seconds: float

    @property
    def others_share(self) -> float:
        """Part of the machine that went to neither side of the comparison; 0 when unknown."""
        if None in (self.machine_cpu_seconds, self.server_cpu_seconds, self.database_cpu_seconds):
            return 0.0
        ours = self.measured.client_cpu_seconds
        ours += (self.server_cpu_seconds or 0.0) + (self.database_cpu_seconds or 0.0)
        spent = (self.machine_cpu_seconds or 0.0) - ours
        return max(spent, 0.0) / (self.seconds * (os.cpu_count() or 1))


@dataclass(frozen=True)
class Ratio:
    """How many times the yardstick's requests per second Stint does, round by round."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f}..{self.most:.2f})"


def ratio(rounds: Sequence[Round], operation: str, ours: str, theirs: str) -> Ratio:
    """Compare the rounds in the order in which they ran, pair by pair."""
    pairs = zip(_rates(rounds, operation, ours), _rates(rounds, operation, theirs), strict=True)
    ratios = [mine / yours for mine, yours in pairs]
    return Ratio(median(ratios), min(ratios), max(ratios))


def render(rounds: Sequence[Round], ours: str, theirs: str) -> str:
    """The table for people."""
    lines = [HEAD]
    for operation in dict.fromkeys(one.operation for one in rounds):
        comparison = str(ratio(rounds, operation, ours, theirs))
        lines.append(_line(rounds, operation, ours) + f"   {comparison}")
        lines.append(_line(rounds, operation, theirs))
    return "\n".join(lines) + "\n" + NOTE + _disturbance(rounds)


def _disturbance(rounds: Sequence[Round]) -> str:
    worst = max(one.others_share for one in rounds)
    if worst <= QUIET:
        return ""
    return (
        f"\nThe machine was not quiet: in the worst round {worst:.0%} of it did something else. "
        "Do not trust these figures."
    )


def save(rounds: Sequence[Round], ours: str, theirs: str, settings: dict[str, Any]) -> Path:
    """Write everything that was measured to benchmarks/results/."""
    RESULTS.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    path = RESULTS / f"{now:%Y%m%d-%H%M%S}.json"
    document = {
        "at": now.isoformat(timespec="seconds"),
        "settings": settings,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "ratios": {
            operation: asdict(ratio(rounds, operation, ours, theirs))
            for operation in dict.fromkeys(one.operation for one in rounds)
        },
        "rounds": [asdict(one) for one in rounds],
    }
    path.write_text(json.dumps(document, indent=1) + "\n")
    return path


def _rates(rounds: Sequence[Round], operation: str, side: str) -> list[float]:
    return [
        one.measured.per_second for one in rounds if (one.operation, one.side) == (operation, side)
    ]


def _line(rounds: Sequence[Round], operation: str, side: str) -> str:
    chosen = [one for one in rounds if (one.operation, one.side) == (operation, side)]
    rates = _rates(rounds, operation, side)
    spread = f"({min(rates):.0f}..{max(rates):.0f})"
    cpu = _per_request([(one.server_cpu_seconds, one.measured.answers) for one in chosen])
    database = _per_request([(one.database_cpu_seconds, one.measured.answers) for one in chosen])
    client = _per_request(
        [(one.measured.client_cpu_seconds, one.measured.answers) for one in chosen]
    )
    return (
        f"{operation:8}{side:9}{median(rates):>11.0f} {spread:>15}"
        f"{median(one.measured.p50_ms for one in chosen):>8.1f}"
        f"{median(one.measured.p99_ms for one in chosen):>8.1f}"
        f"{cpu:>8}{database:>7}{client:>10}"
        f"{median(one.measured.answer_bytes for one in chosen):>7.0f}"
    )


def _per_request(spent: list[tuple[float | None, int]]) -> str:
    """Median microseconds per answer."""
    known = [seconds / answers * 1e6 for seconds, answers in spent if seconds is not None]
    return f"{median(known):.0f}" if known else "-"
