"""Writes the tables and plots of docs/performance.rst anew, from the figures that are there.

`python -m benchmarks.document`. What stands between `.. figures: name` and `.. end of figures` is
made here, all else is written by hand.
"""

import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks import tables
from benchmarks.figures import FIGURES, PROJECT, load
from benchmarks.growth import Costs

DOCUMENT = PROJECT / "docs" / "performance.rst"
PLOTS = FIGURES.parent
PLACE = re.compile(r"^\.\. figures: (\w+)\n.*?^\.\. end of figures\n", re.DOTALL | re.MULTILINE)
NAMES = ("routes", "claims", "fan_out", "hints", "startup")
NOT_YET = "Not measured yet."

# By what stands in the document: which figures it is made of, and how.
PLACES: dict[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
    "routes": ("routes", tables.routes),
    "whole": ("routes", tables.whole),
    "claims": ("claims", tables.claims),
    "fan_out": ("fan_out", tables.fan_out),
    "hints": ("hints", tables.hints),
    "startup": ("startup", tables.startup),
}


def measured() -> dict[str, dict[str, Any]]:
    """Return all figures that there are, by their names."""
    return {name: found for name in NAMES if (found := load(name))}


def render(text: str, figures: Mapping[str, dict[str, Any]]) -> str:
    """Return a document with its tables made anew."""
    return PLACE.sub(lambda place: _place(place[1], figures), text)


def _place(name: str, figures: Mapping[str, dict[str, Any]]) -> str:
    made = _growth(figures) if name == "growth" else _table(name, figures)
    return f".. figures: {name}\n\n{made}\n\n.. end of figures\n"


def _table(name: str, figures: Mapping[str, dict[str, Any]]) -> str:
    source, make = PLACES[name]
    if source not in figures:
        return NOT_YET
    plot = f".. image:: performance/{name}.svg\n\n" if name in tables.plots(figures) else ""
    return f"{plot}{make(figures[source])}\n\n{_origin(figures[source])}"


def _growth(figures: Mapping[str, dict[str, Any]]) -> str:
    if set(NAMES) > set(figures):
        return NOT_YET
    return tables.growth(Costs.of(figures))


def _origin(figures: Mapping[str, Any]) -> str:
    said = figures["measured"] | figures["settings"]
    return (
        "Measured on {on} at {commit}: {cores} cores ({processor}), {memory_gb} GB, "
        "Python {python}, PostgreSQL {postgresql}."
    ).format(**said)


def main() -> int:
    """Write what has changed."""
    figures = measured()
    DOCUMENT.write_text(render(DOCUMENT.read_text(), figures))
    for name, plot in tables.plots(figures).items():
        (PLOTS / f"{name}.svg").write_text(plot)
    missing = ", ".join(set(NAMES) - set(figures))
    sys.stdout.write(f"wrote {DOCUMENT}\n" + (f"never measured: {missing}\n" if missing else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
