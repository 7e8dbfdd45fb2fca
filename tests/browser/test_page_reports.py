"""Reports on the page: the numbers of the API as bars, as a table and as a file."""

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, expect

from tests.agents import make_agent
from tests.browser.looks import check, in_every_look, options_of
from tests.browser.people import Viewer
from tests.factories import Person, sign_up
from tests.records import Record, make_entry, make_project, make_task
from tests.waiting import wait_until

Look = Callable[..., Viewer]

MARCH = {"from": "2026-03-01", "to": "2026-04-01", "tz": "UTC"}
WEEK = {"from": "2026-03-02", "to": "2026-03-09", "tz": "UTC", "group_by": "label"}
YEAR = {"from": "2026-01-01", "to": "2027-01-01", "tz": "UTC", "group_by": "month"}
MARKUP = "<img src=x onerror=alert(1)>"
COLOURS = 8
CONTRAST_MIN = 3.0
# Whether each colour that is drawn can be told from what it is drawn on (WCAG 2.2, 1.4.11).
CONTRASTS = """
() => {
  const light = (name) => {
    const mark = document.createElement("i");
    mark.className = "mark";
    mark.dataset.colour = name;
    document.querySelector("main").append(mark);
    const parts = getComputedStyle(mark).backgroundColor.match(/[0-9]+/g).slice(0, 3);
    mark.remove();
    const linear = (part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = parts.map((each) => linear(each / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
  };
  const ground = light("ground");
  return ["1", "2", "3", "4", "5", "6", "7", "8", "other"]
    .map(light).map((each) => Math.max(each, ground) / Math.min(each, ground));
}
"""
# How many different colours the canvas shows, of those that cover more than specks.
COLOURS_DRAWN = """
() => {
  const canvas = document.querySelector(".chart canvas");
  if (!canvas) return 0;
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const counts = new Map();
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] < 255) continue;
    const name = data.slice(at, at + 3).join();
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const marks = [...document.querySelectorAll(".legend .mark")];
  return marks.filter((mark) => {
    const [r, g, b] = getComputedStyle(mark).backgroundColor.match(/[0-9]+/g);
    return (counts.get(`${r},${g},${b}`) ?? 0) > 50;
  }).length;
}
"""
# How much wider than the canvas its place is.
UNFILLED = """
() => {
  const [canvas, place] = [".chart canvas", ".chart"].map((each) => document.querySelector(each));
  return place.clientWidth - canvas.clientWidth;
}
"""


def address(**choices: str) -> str:
    return f"#/reports?{urlencode(MARCH | choices)}"


def cells(page: Page, part: str = "tbody") -> list[list[str]]:
    """What a part of the table says, row by row."""
    rows = page.locator(f"table.report {part} tr").all()
    return [[each.strip() for each in row.locator("th, td").all_inner_texts()] for row in rows]


def row(page: Page, name: str) -> Locator:
    return page.locator("table.report tbody tr").filter(has_text=name)


def shop_and_book(ada: Person, book: Record) -> Record:
    """Three days of Ada's in two projects and in none."""
    shop = make_project(ada, name="Shop")
    make_entry(ada, "2026-03-02T09:00:00Z", "2026-03-02T12:00:00Z", project_id=book["id"])
    make_entry(ada, "2026-03-02T13:00:00Z", "2026-03-02T14:30:00Z", project_id=shop["id"])
    make_entry(ada, "2026-03-04T09:00:00Z", "2026-03-04T09:30:00Z", project_id=shop["id"])
    make_entry(ada, "2026-03-05T22:00:00Z", "2026-03-06T00:00:00Z", labels=["late", "home"])
    return shop


@pytest.fixture
def shop(ada: Person, book: Record) -> Record:
    return shop_and_book(ada, book)


@pytest.fixture
def viewer(look: Look, ada: Person, shop: Record) -> Viewer:
    """Ada's browser with her March."""
    opened = look()
    opened.sign_in(ada, address())
    expect(opened.page.locator("table.report")).to_be_visible()
    return opened


def test_the_table_has_the_numbers_of_the_api(viewer: Viewer) -> None:
    page = viewer.page
    expect(page.locator("#announcements")).to_have_text("7 hr 0 min in all.")
    assert cells(page, "thead") == [["Day", "The book", "Shop", "(no project)", "Time", "Share"]]
    assert cells(page) == [
        ["Mon, Mar 2, 2026", "3 hr 0 min", "1 hr 30 min", "", "4 hr 30 min", "64%"],
        ["Wed, Mar 4, 2026", "", "30 min", "", "30 min", "7%"],
        ["Thu, Mar 5, 2026", "", "", "2 hr 0 min", "2 hr 0 min", "29%"],
    ]
    total = ["Total", "3 hr 0 min", "2 hr 0 min", "2 hr 0 min", "7 hr 0 min", "100%"]
    assert cells(page, "tfoot") == [total]


@pytest.mark.parametrize(
    ("grouping", "expected"),
    [
        (
            "Week",
            [
                [
                    "Mar 2 \u2013 8, 2026",
                    "3 hr 0 min",
                    "2 hr 0 min",
                    "2 hr 0 min",
                    "7 hr 0 min",
                    "100%",
                ]
            ],
        ),
        ("Month", [["March 2026", "3 hr 0 min", "2 hr 0 min", "2 hr 0 min", "7 hr 0 min", "100%"]]),
        (
            "Project",
            [
                ["The book", "3 hr 0 min", "43%", "1"],
                ["Shop", "2 hr 0 min", "29%", "2"],
                ["(no project)", "2 hr 0 min", "29%", "1"],
            ],
        ),
        ("Task", [["(no task)", "7 hr 0 min", "100%", "4"]]),
        ("Person", [["Ada", "7 hr 0 min", "100%", "4"]]),
        (
            "Label",
            [
                ["(no label)", "5 hr 0 min", "71%", "3"],
                ["home", "2 hr 0 min", "29%", "1"],
                ["late", "2 hr 0 min", "29%", "1"],
            ],
        ),
    ],
)
def test_time_is_added_up_as_one_chooses(
    viewer: Viewer, grouping: str, expected: list[list[str]]
) -> None:
    viewer.page.get_by_label("Added up by").select_option(grouping)
    expect(viewer.page.locator("table.report thead th").first).to_have_text(grouping)
    spaces = re.compile(r"\s")
    found = [[spaces.sub(" ", cell) for cell in each] for each in cells(viewer.page)]
    assert found == expected


def test_the_bars_are_stacked_in_colours_and_told_in_words(viewer: Viewer) -> None:
    page = viewer.page
    wait_until(lambda: bool(page.evaluate(COLOURS_DRAWN) == 3))
    bars = page.get_by_role("img", name="Bars of the time of each day")
    expect(bars).to_have_accessible_name(re.compile("7 hr 0 min in all.*Mar 2.*4 hr 30 min"))
    expect(page.locator(".legend li")).to_have_text(
        ["The book3 hr 0 min", "Shop2 hr 0 min", "(no project)2 hr 0 min"]
    )


def test_the_legend_tells_of_the_day_under_the_pointer(viewer: Viewer) -> None:
    page = viewer.page
    plot = page.locator(".chart .u-over")
    expect(plot).to_be_visible()
    box = plot.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 1.5 / 31, box["y"] + box["height"] / 2)
    heading = page.get_by_role("heading", level=2)
    expect(heading).to_have_text("Mon, Mar 2, 2026: 4 hr 30 min")
    expect(page.locator(".legend li").nth(1)).to_have_text("Shop1 hr 30 min")
    page.mouse.move(box["x"], box["y"] - 100)
    expect(heading).to_have_text("In all: 7 hr 0 min")


def test_beyond_eight_colours_the_rest_is_one(look: Look, ada: Person) -> None:
    for number in range(COLOURS + 2):
        day = f"2026-03-{number + 1:02}"
        task = make_task(ada, title=f"Task {number}")
        end = f"{day}T{9 + number + 1:02}:00:00Z"
        make_entry(ada, f"{day}T09:00:00Z", end, task_id=task["id"])
    viewer = look()
    viewer.sign_in(ada, address(group_by="task"))
    page = viewer.page
    names = page.locator(".legend .name")
    largest = [f"Task {number}" for number in range(COLOURS + 1, 1, -1)]
    expect(names).to_have_text([*largest, "2 others"])
    expect(page.locator(".legend .amount").last).to_have_text("3 hr 0 min")
    wait_until(lambda: bool(page.evaluate(COLOURS_DRAWN) == COLOURS + 1))
    expect(page.locator("table.report tbody tr")).to_have_count(COLOURS + 2)


def test_a_zone_far_away_has_other_days(viewer: Viewer) -> None:
    page = viewer.page
    page.get_by_label("Time zone").select_option("Pacific/Auckland")
    expect(row(page, "Mar 6")).to_contain_text("2 hr 0 min")
    assert [cell[0] for cell in cells(page)] == [
        "Mon, Mar 2, 2026",
        "Tue, Mar 3, 2026",
        "Wed, Mar 4, 2026",
        "Fri, Mar 6, 2026",
    ]


def test_the_zone_of_the_account_is_the_default(look: Look, app: Flask) -> None:
    person = sign_up(app, "Aroha", timezone="Pacific/Auckland")
    viewer = look(timezone_id="America/New_York")
    viewer.sign_in(person, "#/reports")
    expect(viewer.page.get_by_label("Time zone")).to_have_value("Pacific/Auckland")
    expect(viewer.page.get_by_label("Range", exact=True)).to_have_value("This month")


def test_choices_are_in_the_address_and_survive_a_reload(viewer: Viewer, shop: Record) -> None:
    page = viewer.page
    page.get_by_label("First day").fill("2026-03-03")
    page.get_by_label("Last day").fill("2026-03-04")
    page.get_by_label("Time zone").select_option("Asia/Tokyo")
    page.get_by_label("Whose time").select_option("Shop")
    page.get_by_label("Count the time of agents").check()
    page.get_by_label("Added up by").select_option("Task")
    expect(page.locator("table.report tbody tr")).to_have_text(["(no task)30 min100%1"])
    expected = {
        "from": "2026-03-03",
        "to": "2026-03-05",
        "tz": "Asia/Tokyo",
        "group_by": "task",
        "project_id": shop["id"],
        "include": "agents",
    }
    expect(page).to_have_url(f"{viewer.url}/#/reports?{urlencode(expected)}")
    page.reload()
    expect(page.locator("table.report tbody tr")).to_have_text(["(no task)30 min100%1"])
    expect(page.get_by_label("First day")).to_have_value("2026-03-03")
    expect(page.get_by_label("Last day")).to_have_value("2026-03-04")
    expect(page.get_by_label("Time zone")).to_have_value("Asia/Tokyo")
    expect(page.get_by_label("Whose time")).to_have_value(shop["id"])
    expect(page.get_by_label("Count the time of agents")).to_be_checked()
    expect(page.get_by_label("Added up by")).to_have_value("task")
    expect(page.get_by_label("Range", exact=True)).to_have_value("")


def test_another_address_is_another_report(viewer: Viewer) -> None:
    viewer.go(address(group_by="label", **{"from": "2026-03-05"}))
    expect(row(viewer.page, "late")).to_be_visible()
    expect(viewer.page.get_by_label("First day")).to_have_value("2026-03-05")
    expect(viewer.page.get_by_text("counts for each of them")).to_be_visible()


@pytest.mark.parametrize(
    "end",
    [
        "from=2026-02-30&to=2026-04-01",
        "from=2026-04-01&to=2026-03-01",
        "tz=Mars/Olympus",
        "group_by=x",
    ],
)
def test_what_an_address_cannot_mean_is_left_out(look: Look, ada: Person, end: str) -> None:
    viewer = look()
    viewer.sign_in(ada, f"#/reports?{end}")
    page = viewer.page
    expect(page.get_by_label("Range", exact=True)).to_have_value("This month")
    expect(page.get_by_label("Time zone")).to_have_value("UTC")
    expect(page.get_by_label("Added up by")).to_have_value("day")
    expect(page.locator(".notice")).to_be_hidden()


def test_ranges_with_a_name_set_the_days(viewer: Viewer) -> None:
    page = viewer.page
    page.clock.set_fixed_time("2026-03-03T10:00:00Z")
    first, last = page.get_by_label("First day"), page.get_by_label("Last day")
    for name, days in (
        ("Today", ("2026-03-03", "2026-03-03")),
        ("This week", ("2026-03-02", "2026-03-08")),
        ("Last week", ("2026-02-23", "2026-03-01")),
        ("This month", ("2026-03-01", "2026-03-31")),
        ("Last month", ("2026-02-01", "2026-02-28")),
        ("This year", ("2026-01-01", "2026-12-31")),
    ):
        page.get_by_label("Range", exact=True).select_option(name)
        expect(first).to_have_value(days[0])
        expect(last).to_have_value(days[1])
        expect(page.get_by_label("Range", exact=True)).to_have_value(name)


def test_a_last_day_before_the_first_is_told_beside_it(viewer: Viewer) -> None:
    page = viewer.page
    before = page.url
    last = page.get_by_label("Last day")
    last.fill("2026-02-01")
    expect(last).to_have_attribute("aria-invalid", "true")
    expect(last).to_have_accessible_description(re.compile("before the first day"))
    assert page.url == before
    last.fill("2026-03-04")
    expect(last).not_to_have_attribute("aria-invalid", "true")
    expect(page.locator("table.report tbody tr")).to_have_count(2)


def test_a_range_without_time_says_so(viewer: Viewer) -> None:
    viewer.page.get_by_label("First day").fill("2026-03-20")
    expect(viewer.page.locator(".chart")).to_have_text(re.compile("no time in this range"))
    expect(viewer.page.locator("table.report")).to_be_hidden()
    expect(viewer.page.get_by_role("button", name="Download")).to_be_disabled()


# Of a project


def test_a_project_is_reported_to_its_members_by_person(
    look: Look, ada: Person, grace: Person, book: Record
) -> None:
    make_entry(ada, project_id=book["id"])
    make_entry(grace, "2026-03-02T09:00:00Z", "2026-03-02T11:00:00Z", project_id=book["id"])
    viewer = look()
    viewer.sign_in(grace, address())
    page = viewer.page
    expect(row(page, "Mar 2")).to_contain_text("2 hr 0 min")
    page.get_by_label("Whose time").select_option("The book")
    expect(page.locator("table.report thead th")).to_have_text(
        ["Day", "Grace", "Ada", "Time", "Share"]
    )
    expect(row(page, "Mar 2")).to_contain_text("3 hr 0 min")


def test_agents_count_when_asked_for(look: Look, ada: Person, book: Record) -> None:
    agent = make_agent(ada, book)
    make_entry(ada, project_id=book["id"])
    make_entry(agent, "2026-03-02T09:00:00Z", "2026-03-02T12:00:00Z", project_id=book["id"])
    viewer = look()
    viewer.sign_in(ada, address(project_id=book["id"]))
    page = viewer.page
    expect(row(page, "Mar 2")).to_contain_text("1 hr 0 min")
    page.get_by_label("Count the time of agents").check()
    expect(row(page, "Mar 2")).to_contain_text("4 hr 0 min")


def test_a_project_of_others_has_no_report(look: Look, grace: Person, ada: Person) -> None:
    secret = make_project(ada, name="Secret")
    viewer = look()
    viewer.sign_in(grace, address(project_id=secret["id"]))
    page = viewer.page
    expect(page.locator(".notice")).to_be_visible()
    expect(page.locator(".chart")).to_have_text("There is no report of this.")
    page.get_by_label("Whose time").select_option("Mine")
    expect(page.locator(".chart")).to_have_text(re.compile("no time in this range"))


# Live


def test_time_that_is_recorded_elsewhere_appears(viewer: Viewer, ada: Person) -> None:
    make_entry(ada, "2026-03-09T09:00:00Z", "2026-03-09T10:00:00Z")
    expect(row(viewer.page, "Mar 9")).to_contain_text("1 hr 0 min")


def test_time_of_others_in_a_project_appears(viewer: Viewer, grace: Person, book: Record) -> None:
    viewer.page.get_by_label("Whose time").select_option("The book")
    expect(row(viewer.page, "Mar 2")).to_contain_text("3 hr 0 min")
    make_entry(grace, project_id=book["id"])
    expect(row(viewer.page, "Mar 2")).to_contain_text("4 hr 0 min")
    expect(viewer.page.locator("table.report thead")).to_contain_text("Grace")


# As a file


def saved(viewer: Viewer) -> tuple[str, list[list[str]]]:
    """Download the report; returns the name of the file and its rows."""
    with viewer.page.expect_download() as started:
        viewer.page.get_by_role("button", name="Download as CSV").click()
    content = Path(started.value.path()).read_text()
    return started.value.suggested_filename, list(csv.reader(io.StringIO(content)))


def test_the_file_has_the_rows_of_the_table(viewer: Viewer, book: Record, shop: Record) -> None:
    name, rows = saved(viewer)
    assert name == "stint-2026-03-01-2026-04-01.csv"
    day = ["2026-03-02", "2026-03-02"]
    assert rows[:3] == [
        ["key", "label", "part_key", "part_label", "seconds", "hours", "entries"],
        [*day, shop["id"], "Shop", "5400", "1.50", "1"],
        [*day, book["id"], "The book", "10800", "3.00", "1"],
    ]
    viewer.page.get_by_label("Added up by").select_option("Project")
    expect(viewer.page.locator("table.report thead th").first).to_have_text("Project")
    _, by_project = saved(viewer)
    assert [each[1:] for each in by_project[1:]] == [
        ["Shop", "7200", "2.00", "2"],
        ["The book", "10800", "3.00", "1"],
        ["(no project)", "7200", "2.00", "1"],
    ]


def test_what_others_write_is_text_and_no_formula(look: Look, ada: Person) -> None:
    for title in (MARKUP, "=1+1"):
        make_entry(ada, task_id=make_task(ada, title=title)["id"], allow_overlap=True)
    viewer = look()
    viewer.sign_in(ada, address(group_by="task"))
    expect(row(viewer.page, MARKUP)).to_be_visible()
    assert viewer.page.locator("img").count() == 0
    _, rows = saved(viewer)
    assert sorted(each[1] for each in rows[1:]) == ["'=1+1", MARKUP]


# What it looks like


def test_the_library_of_the_bars_comes_only_with_bars(look: Look, ada: Person) -> None:
    viewer = look()
    asked: list[str] = []
    viewer.page.on("request", lambda request: asked.append(request.url))
    viewer.sign_in(ada, address())
    expect(viewer.page.locator(".chart")).to_have_text(re.compile("no time in this range"))
    assert not [url for url in asked if "uplot" in url]
    make_entry(ada)
    expect(viewer.page.locator(".chart canvas")).to_be_visible()
    assert len([url for url in asked if "uplot" in url]) == 2


def test_without_the_library_the_table_is_there(look: Look, ada: Person) -> None:
    make_entry(ada)
    viewer = look()
    viewer.page.route("**/uPlot.esm.js", lambda route: route.abort())
    viewer.sign_in(ada, address())
    expect(viewer.page.locator(".chart")).to_have_text(re.compile("could not be loaded"))
    expect(row(viewer.page, "Mar 2")).to_contain_text("1 hr 0 min")


def test_the_bars_follow_the_width_and_the_theme(viewer: Viewer) -> None:
    page = viewer.page
    wait_until(lambda: bool(page.evaluate(COLOURS_DRAWN) == 3))
    page.set_viewport_size({"width": 500, "height": 800})
    wait_until(lambda: bool(page.evaluate(UNFILLED) == 0))
    page.emulate_media(color_scheme="dark")
    wait_until(lambda: bool(page.evaluate(COLOURS_DRAWN) == 3))
    page.close()  # it stays narrow and dark


@in_every_look
def test_every_state_of_reports_can_be_used_by_everybody(
    look: Look, ada: Person, book: Record, scheme: str, width: int, tmp_path: Path
) -> None:
    names = ("Find a title", "Draw a map of all the places that are named in the book", "Index")
    tasks = [make_task(ada, title=name, project_id=book["id"]) for name in names]
    tasks += [make_task(ada, title=f"Chapter {number}") for number in range(1, 8)]
    for day in range(1, 29):
        for part in range(1 + day % 4):
            hour, place = 8 + 3 * part, (day * 7 + part * 3) % 10
            start, minute = f"2026-03-{day:02}T{hour:02}", 10 * (day % 6)
            fields: dict[str, Any] = {"task_id": tasks[place]["id"]}
            if day % 7:
                make_entry(
                    ada, f"{start}:00:00Z", f"2026-03-{day:02}T{hour + 2}:{minute:02}:00Z", **fields
                )
    viewer = look(**options_of(scheme, width))
    page = viewer.page
    viewer.sign_in(ada, address())
    wait_until(lambda: bool(page.evaluate(COLOURS_DRAWN) >= 2))
    check(page, "Reports by Day", tmp_path)
    for end, columns in (
        (address(group_by="task"), ["Task", "Time", "Share", "Entries"]),
        (address(group_by="week", project_id=book["id"]), ["Week", "Ada", "Time", "Share"]),
        (f"#/reports?{urlencode(YEAR)}", ["Month", "(no project)", "The book", "Time", "Share"]),
        (f"#/reports?{urlencode(WEEK)}", ["Label", "Time", "Share", "Entries"]),
    ):
        viewer.go(end)
        expect(page.locator("table.report thead th")).to_have_text(columns)
        wait_until(lambda: bool(page.evaluate(COLOURS_DRAWN) >= 1))
        check(page, f"Reports by {columns[0]}", tmp_path)
    assert min(page.evaluate(CONTRASTS)) >= CONTRAST_MIN
    page.get_by_label("Last day").fill("2026-02-01")
    check(page, "Reports refused", tmp_path)
    viewer.go(address(**{"from": "2026-03-31"}))
    expect(page.locator(".chart")).to_have_text(re.compile("no time in this range"))
    check(page, "Reports empty", tmp_path)
