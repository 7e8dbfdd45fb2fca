"""What docs/performance.rst shows: the figures that were measured, of every route."""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import asdict
from typing import Any

import pytest

from benchmarks import tables
from benchmarks.document import DOCUMENT, NOT_YET, PLACE, PLACES, PLOTS, measured, render
from benchmarks.fan_out import FanOut
from benchmarks.growth import USERS, Costs, Need
from benchmarks.plots import draw
from benchmarks.questions import LEFT_OUT, QUESTIONS, route_of, routes

ASKED = {route_of(question.request) for question in QUESTIONS}
ON = {
    "on": "2026-11-22",
    "commit": "0123456789ab",
    "cores": 2,
    "memory_gb": 24,
    "processor": "A",
    "python": "3.11",
}
ROW_BYTES = {
    "tasks": 2_000,
    "time_entries": 600,
    "comments": 300,
    "items": 400,
    "notifications": 400,
    "events": 500,
}
SIZES = [1_000, 1_000_000]


def cost(name: str, route: str, *, whole: bool = False, asked: int = 2) -> dict[str, Any]:
    spent = {"ms": [2.0, 2.5], "server_us": [500.0, 1_500.0], "database_us": [200.0, 300.0]}
    head = {"name": name, "route": route, "whole": whole}
    return head | {kind: each[:asked] for kind, each in spent.items()}


def figures(rows: list[dict[str, Any]], **settings: Any) -> dict[str, Any]:
    return {"measured": ON, "settings": {"postgresql": "18"} | settings, "rows": rows}


SAMPLE = {
    "routes": figures(
        [
            cost("task", "GET /tasks/<id:task_id>"),
            cost("new task", "POST /tasks"),
            cost("export", "GET /users/me/export", whole=True, asked=1),
        ],
        sizes=SIZES,
        bytes_a_row=ROW_BYTES,
        refused={"leases": "503"},
    ),
    "claims": figures(
        [
            {
                "question": "any task",
                "open_tasks": size,
                "claims_per_second": 90.5,
                "p50_ms": 30.0,
                "p99_ms": 80.0,
                "server_us": 3_000.0,
                "database_us": 1_000.0,
            }
            for size in SIZES
        ]
    ),
    "fan_out": figures(
        [
            asdict(FanOut(10, 1e4, 3.0, 100, 300, 2, 9, 50)),
            asdict(FanOut(5_000, 1e5, 0.5, 4, 12_000, 40, 90, 45)),
        ]
    ),
    "hints": figures([{"listeners": count, "hints_per_second": 9_000.0} for count in (2, 20, 200)]),
    "startup": figures(
        [
            {"what": "first answer", "seconds": 1.5, "least": 1.4, "most": 1.7},
            {"what": "minute 0", "pss_mb": 110.0, "rss_mb": 140.0},
            {"what": "minute 60", "pss_mb": 150.0, "rss_mb": 180.0},
            {"what": "1,000 idle sockets", "pss_mb": 190.0, "rss_mb": 210.0, "kb_a_socket": 47.0},
        ]
    ),
}
COSTS = Costs.of(SAMPLE)


@pytest.mark.parametrize("route", sorted(routes()))
def test_what_a_route_costs_is_measured_or_there_is_a_reason(route: str) -> None:
    reasons = [reason for begin, reason in LEFT_OUT.items() if route.startswith(begin)]
    assert route in ASKED or reasons


@pytest.mark.parametrize("begin", LEFT_OUT)
def test_a_reason_is_that_of_a_route(begin: str) -> None:
    assert any(route.startswith(begin) for route in set(routes()) - ASKED)


def test_no_two_questions_have_the_same_name() -> None:
    names = [question.name for question in QUESTIONS]
    assert len(set(names)) == len(names)


def test_what_is_plotted_is_asked() -> None:
    assert set(tables.PLOTTED) <= {question.name for question in QUESTIONS}


def test_the_document_has_a_place_for_every_table() -> None:
    places = [place[1] for place in PLACE.finditer(DOCUMENT.read_text())]
    assert sorted(places) == sorted([*PLACES, "growth"])


def test_the_document_shows_what_was_measured_last() -> None:
    assert render(DOCUMENT.read_text(), measured()) == DOCUMENT.read_text()


def test_the_plots_show_what_was_measured_last() -> None:
    plots = {path.stem: path.read_text() for path in PLOTS.glob("*.svg")}
    assert plots == tables.plots(measured())


def test_every_place_is_filled_from_figures() -> None:
    text = render(DOCUMENT.read_text(), SAMPLE)
    assert NOT_YET not in text
    assert text.count("csv-table") == len([*PLACES, "growth"])
    assert set(re.findall(r"performance/(\w+)\.svg", text)) == set(tables.plots(SAMPLE))
    assert render(text, SAMPLE) == text


def test_a_table_says_how_much_more_the_largest_costs() -> None:
    table = tables.routes(SAMPLE["routes"])
    assert 'task,"GET /tasks/<id:task_id>",2.0,2.5,700,"1,800",2.57' in table
    assert "export" not in table
    assert table.endswith("Refused, for it took too long: leases.")


def test_what_is_not_asked_of_the_largest_leaves_a_gap() -> None:
    table = tables.whole(SAMPLE["routes"])
    assert table.endswith('export,"GET /users/me/export",2.0,,700,,')  # and no ratio


def test_a_plot_is_well_formed_and_has_a_line_for_each_name() -> None:
    lines = {"a & b": [(1_000, 2.5), (1_000_000, 30.0)], "c": [(10, 1.0)]}
    plot = draw("Costs <&>", "tasks", "ms", lines)
    root = ElementTree.fromstring(plot)  # noqa: S314 - it was made here
    assert len(root.findall("{*}polyline")) == 2
    assert "1,000,000" in [text.text for text in root.findall("{*}text")]


def test_what_is_needed_grows_with_the_users() -> None:
    needs = [Need(users, COSTS) for users in USERS]
    for name in ("sockets", "events", "processes", "database_cores", "wake_ups", "gb_after_a_year"):
        needed = [getattr(need, name) for need in needs]
        assert needed == sorted(needed)
        assert needed[0] > 0


def test_what_a_room_sees_does_not_grow_with_the_users() -> None:
    few, *_, many = (Need(users, COSTS) for users in USERS)
    assert few.events_of_a_room == pytest.approx(many.events_of_a_room)
    assert few.receivers == pytest.approx(many.receivers)


def test_what_is_used_up_first_has_a_remedy() -> None:
    need = Need(10_000_000, COSTS)
    assert set(need.shares) == set(tables.REMEDIES)
    assert need.shares[need.first] == max(need.shares.values()) > 1


def test_an_event_is_read_by_no_more_processes_than_it_has_receivers() -> None:
    for users in USERS:
        need = Need(users, COSTS)
        assert 1 <= need.telling <= min(need.processes, need.receivers)
