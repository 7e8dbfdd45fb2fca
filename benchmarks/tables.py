"""Figures as tables and plots of docs/performance.rst."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Any

from benchmarks.growth import USERS, Costs, Need
from benchmarks.plots import Lines, draw
from benchmarks.questions import KNOWN_TO_GROW

Figures = Mapping[str, Any]

PLOTTED = (
    *("tasks, newest", "tasks, common word", "task", "new task", "task, done"),
    *("time entries, of a project", "comments of a task", "claim"),
)
REMEDIES = {
    "web": "more machines for web processes; they share nothing",
    "PostgreSQL's cores": "replicas for reports and snapshots, then Citus, sharded by room",
    "connections": "smaller pools, or PgBouncer between processes and PostgreSQL",
    "bus": "Redis (REDIS_URL), then Redis Cluster with sharded channels",
    "disk": "a larger disk, then Citus, sharded by room",
}


def routes(figures: Figures) -> str:
    """The table of what should not grow."""
    table = _of_routes(figures, [row for row in figures["rows"] if not row["whole"]])
    known = "\n".join(f"- {name}: {why}." for name, why in KNOWN_TO_GROW.items())
    refused = ", ".join(figures["settings"]["refused"])
    more = f"\n\nRefused, for it took too long: {refused}." if refused else ""
    return f"{table}\n\nThese are known to grow:\n\n{known}{more}"


def whole(figures: Figures) -> str:
    """The table of what reads all there is."""
    return _of_routes(figures, [row for row in figures["rows"] if row["whole"]])


def claims(figures: Figures) -> str:
    """The table of claims."""
    head = ["Claim", "Open tasks", "Claims/s", "p50 ms", "p99 ms", "CPU us", "of it PostgreSQL"]
    names = ("claims_per_second", "p50_ms", "p99_ms")
    rows = (
        [
            row["question"],
            f"{row['open_tasks']:,}",
            *(f"{row[name]:,.1f}" for name in names),
            f"{row['server_us'] + row['database_us']:,.0f}",
            f"{row['database_us']:,.0f}",
        ]
        for row in figures["rows"]
    )
    return _table(head, rows)


def fan_out(figures: Figures) -> str:
    """The table of rooms."""
    head = ["Receivers", "Deliveries/s", "CPU us each", "Events/s, steady", "CPU us each",
            "p50 ms", "p99 ms", "kB a socket"]  # fmt: skip
    formats = (",", ",.0f", ".2f", ".0f", ",.0f", ".1f", ".1f", ".1f")
    rows = (
        [format(value, spec) for value, spec in zip(row.values(), formats, strict=True)]
        for row in figures["rows"]
    )
    return _table(head, rows)


def hints(figures: Figures) -> str:
    """The table of the bus."""
    rows = ([row["listeners"], f"{row['hints_per_second']:,.0f}"] for row in figures["rows"])
    return _table(["Processes that listen", "Messages/s"], rows)


def startup(figures: Figures) -> str:
    """The tables of start-up and memory."""
    first, *memory = figures["rows"]
    said = "The first answer came {seconds:.2f} s after the start ({least:.2f}..{most:.2f}).\n\n"
    rows = (
        [row["what"], f"{row['pss_mb']:.1f}", f"{row['rss_mb']:.1f}",
         f"{row['kb_a_socket']:.1f}" if "kb_a_socket" in row else ""]
        for row in memory
    )  # fmt: skip
    return said.format(**first) + _table(["A worker", "PSS MB", "RSS MB", "kB a socket"], rows)


def growth(costs: Costs) -> str:
    """The table of what more and more users need."""
    needs = [Need(users, costs) for users in USERS]
    lines = {
        "Sockets at once": [f"{need.sockets:,.0f}" for need in needs],
        "Web processes": [f"{need.processes:,}" for need in needs],
        "Their memory, GB": [f"{need.memory_gb:,.1f}" for need in needs],
        "Requests/s": [f"{need.requests:,.1f}" for need in needs],
        "Events/s": [f"{need.events:,.2f}" for need in needs],
        "Events of a room in an hour": [f"{need.events_of_a_room:,.1f}" for need in needs],
        "Sockets that an event goes to": [f"{need.receivers:,.1f}" for need in needs],
        "Processes that read it": [f"{need.telling:,.1f}" for need in needs],
        "Wake-ups/s of the bus": [f"{need.wake_ups:,.1f}" for need in needs],
        "Cores of the web processes": [f"{need.web_cores:,.2f}" for need in needs],
        "Cores of PostgreSQL": [f"{need.database_cores:,.2f}" for need in needs],
        "Connections to it": [f"{need.connections:,}" for need in needs],
        "Rows a day": [f"{need.rows_a_day:,.0f}" for need in needs],
        "GB a day": [f"{need.gb_a_day:,.2f}" for need in needs],
        "GB after a year": [f"{need.gb_after_a_year:,.0f}" for need in needs],
        "First used up": [f"{need.first} ({_share(need.shares[need.first])})" for need in needs],
        "More than there is of": [_bottlenecks(need) for need in needs],
    }
    head = ["Users", *(f"{users:,}" for users in USERS)]
    remedies = "\n".join(f"- {name}: {text}." for name, text in REMEDIES.items())
    table = _table(head, ([name, *cells] for name, cells in lines.items()))
    return f"{table}\n\nWhat removes each, in the order in which to try:\n\n{remedies}"


def plots(figures: Mapping[str, Figures]) -> dict[str, str]:
    """Every plot that there are figures for, by the name of its file."""
    found: dict[str, str] = {}
    if "routes" in figures:
        found |= _plots_of_routes(figures["routes"])
    if "claims" in figures:
        lines = _lines(figures["claims"], "question", "open_tasks", "p50_ms")
        found["claims"] = draw("Claiming a task", "open tasks", "p50, ms", lines)
    if "fan_out" in figures:
        lines = {
            title: [(row["receivers"], max(row[name], 0.01)) for row in figures["fan_out"]["rows"]]
            for title, name in (("p50", "p50_ms"), ("p99", "p99_ms"))
        }
        title = "An event, from its making to its receipt"
        found["fan_out"] = draw(title, "receivers", "ms", lines)
    return found


def _plots_of_routes(figures: Figures) -> dict[str, str]:
    sizes = figures["settings"]["sizes"]
    found = {}
    for name, title, chosen in (
        ("routes", "A request as projects grow", _chosen(figures["rows"])),
        ("whole", "Requests for all there is", [row for row in figures["rows"] if row["whole"]]),
    ):
        # What is not asked of the largest has fewer figures.
        lines = {row["name"]: list(zip(sizes, row["ms"], strict=False)) for row in chosen}
        found[name] = draw(title, "tasks, and time entries of the month", "ms", lines)
    return found


def _chosen(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["name"] in PLOTTED]


def _lines(figures: Figures, name: str, x: str, y: str) -> Lines:
    names = dict.fromkeys(row[name] for row in figures["rows"])
    return {
        each: [(row[x], row[y]) for row in figures["rows"] if row[name] == each] for each in names
    }


def _of_routes(figures: Figures, rows: Iterable[dict[str, Any]]) -> str:
    sizes = [f"{size:,}" for size in figures["settings"]["sizes"]]
    head = [
        "What",
        "Route",
        *(f"ms, {size}" for size in sizes),
        *(f"CPU us, {size}" for size in sizes),
    ]

    def cells(row: dict[str, Any]) -> list[str]:
        pairs = zip(row["server_us"], row["database_us"], strict=True)
        cpu = [server + database for server, database in pairs]
        missing = [""] * (len(sizes) - len(cpu))
        spent = [*(f"{ms:.1f}" for ms in row["ms"]), *missing, *(f"{us:,.0f}" for us in cpu)]
        ratio = "" if missing else f"{cpu[-1] / cpu[0]:.2f}"  # it is that of the largest
        return [row["name"], row["route"], *spent, *missing, ratio]

    return _table([*head, "Ratio"], map(cells, rows))


def _share(share: float) -> str:
    return f"{share:.2g} of it" if share < 1 else f"{share:,.1f} times what there is"


def _bottlenecks(need: Need) -> str:
    over = sorted(need.shares.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{name} ({share:,.1f}x)" for name, share in over if share > 1) or "nothing"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = StringIO()
    csv.writer(lines, lineterminator="\n   ").writerows(rows)
    names = ", ".join(f'"{name}"' for name in head)
    return f".. csv-table::\n   :header: {names}\n\n   {lines.getvalue().rstrip()}"
