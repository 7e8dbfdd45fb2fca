"""Rounds in, table and JSON out."""

import json
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.client import Measured
from benchmarks.rounds import Round, Rounds, group
from benchmarks.sides import YARDSTICK

RESULTS = Path(__file__).parent / "results"
PACKAGES = (
    *("flask", "gunicorn", "gevent", "sqlalchemy", "psycopg", "pydantic", "orjson"),
    *("fastapi", "uvicorn", "uvloop", "httptools", "asyncpg", "pyjwt"),
)
QUIET = 0.1
CLIENT_BUSY = 0.7
HEAD = (
    f"{'':27}{'requests/s':>11} {'(min..max)':>15}   {'ratio (min..max)':19}{'CPU ratio':19}"
    f"{'p50 ms':>8}{'p99 ms':>8}{'CPU us':>8}{'db us':>7}{'client us':>10}{'bytes':>7}"
)
NOTE = f"""
ratio: to {YARDSTICK}, the median of the rounds, each over the round of {YARDSTICK} beside it.
CPU ratio: likewise, of the CPU time that an answer takes of the server and PostgreSQL together;
when the machine has other work to do, it is the one to look at.
CPU us, db us and client us: CPU time per request of the server's processes, of PostgreSQL's
and of the load client. All of them share the cores of one machine, alike for all sides.
Tables are vacuumed before each turn of all sides, and not in between."""


def render(rounds: Sequence[Round]) -> str:
    """The table for people."""
    lines = [HEAD]
    for kind in group(rounds):
        lines += [_line(kind, side) for side in kind.sides]
    return "\n".join(lines) + "\n" + NOTE + _doubts(rounds)


def save(rounds: Sequence[Round], settings: dict[str, Any]) -> Path:
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
        "ratios": [
            {"operation": kind.operation, "connections": kind.connections, "side": side}
            | asdict(kind.ratio(side, YARDSTICK))
            for kind in group(rounds)
            if YARDSTICK in kind.sides
            for side in kind.sides
        ],
        "rounds": [asdict(one) for one in rounds],
    }
    path.write_text(json.dumps(document, indent=1) + "\n")
    return path


def _doubts(rounds: Sequence[Round]) -> str:
    """Say what speaks against the figures."""
    doubts = ""
    others = max(one.others_share for one in rounds)
    if others > QUIET:
        doubts += (
            f"\nThe machine was not quiet: in the worst round {others:.0%} of it did something "
            "else. Do not trust these figures."
        )
    client = max(one.client_share for one in rounds)
    doubts += f"\nThe load client took at most {client:.0%} of a core"
    return doubts + (": it may have been the bottleneck." if client > CLIENT_BUSY else ".")


def _line(kind: Rounds, side: str) -> str:
    chosen = kind.of(side)
    rates = [one.measured.per_second for one in chosen]
    spread = f"({min(rates):.0f}..{max(rates):.0f})"
    ratio = cpu_ratio = ""
    if YARDSTICK in kind.sides:
        ratio = str(kind.ratio(side, YARDSTICK))
        cpu_ratio = str(kind.cpu_ratio(side, YARDSTICK) or "-")

    def typical(read: Callable[[Measured], float]) -> float:
        return median(read(one.measured) for one in chosen)

    cells = (
        f"{typical(lambda each: each.p50_ms):>8.1f}",
        f"{kind.p99_ms(side):>8.1f}",
        f"{_per_request(chosen, lambda one: one.server_cpu_seconds):>8}",
        f"{_per_request(chosen, lambda one: one.database_cpu_seconds):>7}",
        f"{_per_request(chosen, lambda one: one.measured.client_cpu_seconds):>10}",
        f"{typical(lambda each: each.answer_bytes):>7.0f}",
    )
    what = f"{kind.operation:7}{kind.connections:>4} {side:15}"
    return f"{what}{median(rates):>11.0f} {spread:>15}   {ratio:19}{cpu_ratio:19}" + "".join(cells)


def _per_request(rounds: Sequence[Round], spent: Callable[[Round], float | None]) -> str:
    """Median microseconds per answer."""
    known = [
        seconds / one.measured.answers * 1e6
        for one in rounds
        if (seconds := spent(one)) is not None
    ]
    return f"{median(known):.0f}" if known else "-"
