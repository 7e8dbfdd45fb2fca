"""What was measured, kept beside the documentation: docs/performance/figures/*.json."""

import json
import os
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parent.parent
FIGURES = PROJECT / "docs" / "performance" / "figures"
GIGABYTE = 2**30
DIGITS = 2  # behind the point

Row = dict[str, Any]


def save(name: str, settings: dict[str, Any], rows: Iterable[Row]) -> None:
    """Write rows of figures, one a line, below what they were measured on."""
    lines = ",\n".join(f"  {json.dumps(_rounded(row))}" for row in rows)
    head = json.dumps({"measured": machine(), "settings": settings}, indent=1)
    FIGURES.mkdir(parents=True, exist_ok=True)
    path_of(name).write_text(f'{head[:-2]},\n "rows": [\n{lines}\n ]\n}}\n')


def load(name: str) -> dict[str, Any]:
    """Return what was measured last, or nothing if it never was."""
    if not path_of(name).exists():
        return {}
    figures: dict[str, Any] = json.loads(path_of(name).read_text())
    return figures


def path_of(name: str) -> Path:
    """Where figures of that name are kept."""
    return FIGURES / f"{name}.json"


def machine() -> dict[str, Any]:
    """Say when this is, on what, and of which commit."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "on": f"{datetime.now(UTC):%Y-%m-%d}",
        "commit": commit(),
        "cores": os.cpu_count(),
        "memory_gb": round(pages / GIGABYTE),
        "processor": _processor(),
        "python": platform.python_version(),
    }


def commit() -> str:
    """Name the code that is measured: what is not committed, docs aside, makes it another."""
    head = _git("rev-parse", "--short=12", "HEAD")
    return f"{head} with changes" if _git("status", "--porcelain", "--", ".", ":!docs") else head


def _git(*arguments: str) -> str:
    found = subprocess.run(
        ["git", *arguments], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    return found.stdout.strip()


def _rounded(value: Any) -> Any:
    """No figure is good for more than these digits."""
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return round(value, DIGITS) if isinstance(value, float) else value


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
