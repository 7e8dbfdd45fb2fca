"""Imports and exports in the page: what would come in, what did, and everything taken away."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Route, expect

from tests import archives, clockify, ticktick
from tests.browser.looks import check, in_every_look, options_of
from tests.browser.people import Viewer
from tests.browser.people import viewer as viewer_of
from tests.browser.seats import Seats
from tests.clockify import export, line
from tests.factories import Person, email_of
from tests.proxy import Proxy
from tests.records import Record, done, ids, make_comment, make_project, make_task
from tests.server import Server

Look = Callable[..., Viewer]

DROP = """
(target, content) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([content], "report.csv"));
  for (const name of ["dragover", "drop"])
    target.dispatchEvent(new DragEvent(name, {dataTransfer, bubbles: true, cancelable: true}));
}
"""


@pytest.fixture
def viewer(look: Look, ada: Person) -> Viewer:
    """Ada's browser with the import before it."""
    opened = look()
    opened.sign_in(ada, "#/import")
    return opened


@pytest.fixture
def carol() -> str:
    """The address of somebody without an account."""
    return email_of("Carol")


def choose(viewer: Viewer, content: bytes, name: str = "report.csv") -> None:
    file = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    viewer.page.get_by_label("File").set_input_files(file)  # type: ignore[arg-type]  # a FilePayload


def see(viewer: Viewer) -> Locator:
    """Ask for a dry run; returns what is said of it."""
    viewer.page.get_by_role("button", name="See what would come in").click()
    return outcome(viewer, "What would come in")


def bring_in(viewer: Viewer, heading: str = "It is imported") -> Locator:
    viewer.page.get_by_role("button", name="Import", exact=True).click()
    return outcome(viewer, heading)


def outcome(viewer: Viewer, heading: str) -> Locator:
    expect(viewer.page.get_by_role("heading", name=heading)).to_be_focused()
    return viewer.page.get_by_role("region", name="What came of it")


def problems(viewer: Viewer) -> Locator:
    return viewer.page.get_by_role("table").locator("tbody").get_by_role("row")


def refused(viewer: Viewer) -> Locator:
    """What is said above the button, once something is."""
    alert = viewer.page.locator("form.import").get_by_role("alert")
    expect(alert).not_to_be_empty()
    return alert


def entries(person: Person) -> list[Record]:
    found: list[Record] = done(person.get("/time-entries?limit=200"))
    return found


def test_a_dry_run_says_what_would_come_in_and_writes_nothing(
    viewer: Viewer, ada: Person, carol: str
) -> None:
    choose(viewer, clockify.real_file("clockify-1.csv", carol))
    told = see(viewer)
    expect(told).to_contain_text("New would be: 2 projects, 1 task, 2 time entries.")
    expect(told).to_contain_text("1 person has no account here")
    expect(told).to_contain_text("Nothing is written until then.")
    assert ids(ada.get("/projects")) == []
    assert entries(ada) == []


def test_an_import_brings_in_what_the_dry_run_said(viewer: Viewer, ada: Person, carol: str) -> None:
    choose(viewer, clockify.real_file("clockify-1.csv", carol))
    see(viewer)
    told = bring_in(viewer)
    expect(told).to_contain_text("New: 2 projects, 1 task, 2 time entries.")
    told.get_by_role("link", name="Go to your projects").click()
    expect(viewer.page.get_by_role("link", name="Project for Big Company")).to_be_visible()
    names = {each["name"] for each in done(ada.get("/projects"))}
    assert names == {"Project without Client", "Project for Big Company"}


def test_the_same_file_again_brings_in_nothing(viewer: Viewer, ada: Person) -> None:
    content = export(line(ada.email), line(ada.email, "10:00:00 AM", "11:00:00 AM"))
    choose(viewer, content)
    see(viewer)
    bring_in(viewer)
    choose(viewer, content)
    expect(viewer.page.get_by_role("heading", name="It is imported")).to_have_count(0)
    told = see(viewer)
    expect(told).to_contain_text("Nothing in it is new here.")
    expect(told).to_contain_text("2 lines are here already from an earlier import")
    expect(viewer.page.get_by_role("button", name="Import", exact=True)).to_have_count(0)
    assert len(entries(ada)) == 2


def test_what_is_wrong_is_named_by_line_and_column(viewer: Viewer, carol: str) -> None:
    choose(viewer, clockify.real_file("clockify-bad-date.csv", carol))
    told = see(viewer)
    expect(told).to_contain_text("1 line would be left out; the reasons are below.")
    cells = problems(viewer).get_by_role("cell")
    expect(cells.nth(0)).to_have_text("2")
    expect(cells.nth(1)).to_have_text("Start Date")
    expect(cells.nth(2)).to_contain_text("13/15/2024")
    expect(cells.nth(3)).to_have_text("Left out")


def test_good_lines_come_in_beside_bad_ones(viewer: Viewer, ada: Person) -> None:
    bad = line(ada.email, Billable="perhaps", **{"Start Time": "25:00:00"})
    content = export(line(ada.email), bad).replace(b"Description", b"Mood")
    choose(viewer, content)
    told = see(viewer)
    expect(told).to_contain_text("These columns of the file are not read: Mood.")
    expect(problems(viewer)).to_have_count(2)
    told = bring_in(viewer)
    expect(told).to_contain_text("1 line was left out")
    assert len(entries(ada)) == 1


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (clockify.real_file("clockify-1.csv"), "report.csv", "clockify"),
        (clockify.real_file("clockify-2.csv"), "report.csv", "clockify"),
        (clockify.real_file("toggl-1.csv"), "report.csv", "toggl"),
        (clockify.real_file("toggl-1.csv").decode().encode("utf-16"), "report.csv", "toggl"),
        (ticktick.real_backup(), "report.csv", "ticktick"),
        (b"PK\x03\x04", "stint-2026-03-02.zip", "stint"),
        (b"", "Toggl_time_entries.csv", "toggl"),
        (b"a,b\n", "report.csv", ""),
    ],
)
def test_the_format_is_guessed_and_can_be_changed(
    look: Look, ada: Person, content: bytes, name: str, expected: str
) -> None:
    viewer = look()
    viewer.sign_in(ada, "#/import")
    choose(viewer, content, name)
    formats = viewer.page.get_by_label("Format")
    expect(formats).to_have_value(expected)
    expect(viewer.page.get_by_label("Project")).to_be_visible(visible=expected != "stint")
    formats.select_option("TickTick")
    expect(formats).to_have_accessible_description("The backup, as CSV. It brings tasks.")


def test_a_file_can_be_dropped(viewer: Viewer, ada: Person) -> None:
    content = export(line(ada.email)).decode()
    viewer.page.get_by_role("main").evaluate(DROP, content)
    expect(viewer.page.get_by_label("Format")).to_have_value("clockify")
    expect(see(viewer)).to_contain_text("New would be: 1 project, 1 time entry.")


def test_all_goes_into_the_chosen_project_by_the_chosen_clocks(
    look: Look, ada: Person, grace: Person, book: Record
) -> None:
    mine = make_project(grace, name="Mine")
    viewer = look()
    viewer.sign_in(grace, "#/import")
    choose(viewer, export(line(grace.email)))
    project = viewer.page.get_by_label("Project", exact=True)
    expect(project.get_by_role("option")).to_have_count(2)  # the book is Ada's
    project.select_option("Mine")
    viewer.page.get_by_label("Time zone").fill("Pacific/Auckland")
    expect(see(viewer)).to_contain_text("New would be: 1 time entry.")
    bring_in(viewer)
    (entry,) = entries(grace)
    assert entry["project_id"] == mine["id"]
    assert entry["started_at"] == "2026-03-01T20:00:00Z"


def test_a_zone_that_is_none_is_told_beside_its_field(viewer: Viewer, ada: Person) -> None:
    choose(viewer, export(line(ada.email)))
    zone = viewer.page.get_by_label("Time zone")
    zone.fill("Mars/Olympus")
    viewer.page.get_by_role("button", name="See what would come in").click()
    expect(zone).to_have_attribute("aria-invalid", "true")
    expect(zone).to_be_focused()


def test_tasks_of_ticktick_come_in(viewer: Viewer, ada: Person) -> None:
    choose(viewer, ticktick.backup(ticktick.task("Buy milk"), ticktick.task("Call")))
    expect(see(viewer)).to_contain_text("New would be: 2 tasks.")
    bring_in(viewer)
    assert {each["title"] for each in done(ada.get("/tasks"))} == {"Buy milk", "Call"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"Project,User\nWebsite,Carol\n", "The file has no column"),
        ("Projekt,Größe\n".encode("latin-1"), "The file is not text in UTF-8."),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "CSV"),
    ],
)
def test_the_server_says_why_it_cannot_read_a_file(
    viewer: Viewer, content: bytes, words: str
) -> None:
    choose(viewer, content)
    viewer.page.get_by_label("Format").select_option("Clockify")
    viewer.page.get_by_role("button", name="See what would come in").click()
    expect(refused(viewer)).to_contain_text(words)
    expect(viewer.page.get_by_role("button", name="See what would come in")).to_be_enabled()


def test_a_file_that_is_too_large_is_refused_in_words(viewer: Viewer, tmp_path: Path) -> None:
    large = tmp_path / "report.csv"
    large.write_bytes(b"x" * 22_000_000)
    viewer.page.get_by_label("File").set_input_files(large)
    viewer.page.get_by_label("Format").select_option("Clockify")
    viewer.page.get_by_role("button", name="See what would come in").click()
    expect(refused(viewer)).to_contain_text("larger than the 20,971,520 bytes allowed")


def test_while_the_server_works_this_is_said(viewer: Viewer, ada: Person) -> None:
    held = viewer.hold("**/imports")
    choose(viewer, export(line(ada.email)))
    viewer.page.get_by_role("button", name="See what would come in").click()
    expect(viewer.page.get_by_role("progressbar")).to_be_visible()
    expect(viewer.page.get_by_label("File")).to_be_disabled()
    viewer.send(held)
    expect(viewer.page.get_by_role("heading", name="What would come in")).to_be_focused()
    expect(viewer.page.get_by_role("progressbar")).to_have_count(0)
    expect(viewer.page.get_by_label("File")).to_be_enabled()


def test_a_session_is_renewed_on_the_way(viewer: Viewer, ada: Person) -> None:
    def expire(route: Route) -> None:
        route.fulfill(status=401, json={"code": "token_expired", "detail": "It is over."})

    viewer.page.route("**/imports", expire, times=1)
    choose(viewer, export(line(ada.email)))
    expect(see(viewer)).to_contain_text("New would be: 1 project, 1 time entry.")


@pytest.fixture
def door(server: Server) -> Iterator[Proxy]:
    """A door before the server."""
    port = int(server.url.rpartition(":")[2])
    with Proxy(("127.0.0.1", port)).opened() as proxy:
        yield proxy


def test_an_import_that_was_answered_to_nobody_happens_once(
    seats: Seats, server: Server, door: Proxy, ada: Person
) -> None:
    behind = replace(server, url=f"http://127.0.0.1:{door.port}")
    with viewer_of(seats, behind) as viewer:
        viewer.sign_in(ada, "#/import")
        choose(viewer, export(line(ada.email)))
        see(viewer)
        door.on_answer = lambda piece: b'"unknown_columns"' not in piece
        viewer.page.get_by_role("button", name="Import", exact=True).click()
        told = viewer.page.get_by_role("region", name="What came of it").get_by_role("alert")
        expect(told).to_contain_text("Try again when it is back")
        assert len(entries(ada)) == 1
        door.on_answer = lambda _: True
        with viewer.page.expect_response("**/imports") as answer:
            viewer.page.get_by_role("button", name="Import", exact=True).click()
        assert answer.value.headers["idempotency-replayed"] == "true"
        expect(outcome(viewer, "It is imported")).to_contain_text("New: 1 project, 1 time entry.")
        assert len(entries(ada)) == 1


def test_what_one_exports_comes_in_elsewhere(
    look: Look, viewer: Viewer, ada: Person, grace: Person, book: Record, tmp_path: Path
) -> None:
    make_comment(ada, make_task(ada, title="Draw a map", project_id=book["id"]), "Soon?")
    with viewer.page.expect_download() as download:
        viewer.page.get_by_role("button", name="Export everything").click()
    name = download.value.suggested_filename
    assert name.startswith("stint-")
    download.value.save_as(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    assert [each["title"] for each in archives.records_of(content)["tasks"]] == ["Draw a map"]
    other = look()
    other.sign_in(grace, "#/import")
    choose(other, content, name)
    expect(see(other)).to_contain_text("1 task, 1 comment")
    bring_in(other)
    expect(other.page.get_by_role("region", name="What came of it")).to_contain_text("1 project")
    mine = [each for each in done(grace.get("/projects")) if each["role"] == "owner"]
    assert [each["name"] for each in mine] == ["The book"]


@in_every_look
def test_imports_can_be_used_by_everybody(
    look: Look, ada: Person, carol: str, scheme: str, width: int, tmp_path: Path
) -> None:
    viewer = look(**options_of(scheme, width))
    viewer.sign_in(ada, "#/import")
    check(viewer.page, "Import", tmp_path)
    held = viewer.hold("**/imports", times=1)
    bad = line(carol, Billable="perhaps", **{"Start Time": "25:00:00"})
    content = export(line(ada.email), bad, line(carol)).replace(b"Description", b"Mood")
    choose(viewer, content)
    viewer.page.get_by_role("button", name="See what would come in").click()
    expect(viewer.page.get_by_role("progressbar")).to_be_visible()
    check(viewer.page, "Importing", tmp_path)
    viewer.send(held)
    expect(problems(viewer)).to_have_count(2)
    check(viewer.page, "Would come in", tmp_path)
    bring_in(viewer)
    check(viewer.page, "Imported", tmp_path)
