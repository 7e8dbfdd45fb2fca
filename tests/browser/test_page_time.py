"""The timer in the header, and the time of a day."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Locator, expect

from tests.browser.looks import check, in_every_look, options_of
from tests.browser.people import Viewer
from tests.factories import Person, sign_up
from tests.records import Record, done, make_entry, make_task, start_timer

Look = Callable[..., Viewer]
TO = "\N{EN DASH}"  # between two times
LOOK_AGAIN = "document.dispatchEvent(new Event('visibilitychange'))"
DAY = "#/time?day=2026-03-02"


@pytest.fixture
def viewer(look: Look, ada: Person) -> Viewer:
    """Ada's browser with the second of March, of which she has recorded an hour and a half."""
    make_entry(ada, "2026-03-02T09:00:00Z", "2026-03-02T10:30:27Z", note="Reading")
    opened = look()
    opened.sign_in(ada, DAY)
    expect(row(opened, "Reading")).to_be_visible()
    return opened


def row(viewer: Viewer, what: str) -> Locator:
    return viewer.page.locator(".entry").filter(has_text=what)


def timer_of(viewer: Viewer) -> Locator:
    return viewer.page.get_by_role("region", name="Timer")


def edit(viewer: Viewer, what: str) -> Locator:
    row(viewer, what).get_by_role("button", name="Edit").click()
    dialog = viewer.page.get_by_role("dialog")
    expect(dialog.get_by_label("Start")).to_be_focused()
    return dialog


def on_the_second(person: Person) -> list[Record]:
    """What somebody has recorded that began on the second of March, the first first."""
    span = "started_after=2026-03-02T00:00:00Z&started_before=2026-03-03T00:00:00Z"
    found: list[Record] = done(person.get(f"/time-entries?sort=started_at&{span}"))
    return found


def test_the_timer_starts_with_a_note_stops_and_continues(look: Look, ada: Person) -> None:
    viewer = look()
    viewer.sign_in(ada)
    timer = timer_of(viewer)
    timer.get_by_label("Note of the timer").fill("Letters")
    viewer.page.keyboard.press("Enter")
    expect(timer.get_by_role("button", name="Stop")).to_be_focused()
    expect(timer).to_contain_text("Letters")
    assert done(ada.get("/timer"))["note"] == "Letters"
    viewer.page.keyboard.press("Enter")
    expect(timer.get_by_role("button", name="Start timer")).to_be_focused()
    assert done(ada.get("/timer")) is None
    timer.get_by_role("button", name="Continue Letters").click()
    expect(timer.get_by_role("button", name="Stop")).to_be_focused()
    assert done(ada.get("/timer"))["note"] == "Letters"


def test_what_was_on_another_day_is_not_offered_to_continue(viewer: Viewer) -> None:
    timer = timer_of(viewer)
    expect(timer.get_by_role("button", name="Start timer")).to_be_visible()
    expect(timer.get_by_role("button", name="Continue")).to_be_hidden()


def test_what_runs_is_corrected_while_it_runs(look: Look, ada: Person, book: Record) -> None:
    task = make_task(ada, title="Draw a map", project_id=book["id"])
    running = start_timer(ada, note="Lettres")
    viewer = look()
    viewer.sign_in(ada)
    timer_of(viewer).get_by_role("button", name="Edit what runs").click()
    dialog = viewer.page.get_by_role("dialog")
    dialog.get_by_label("Note").fill("Letters")
    dialog.get_by_label("Project").select_option("The book")
    dialog.get_by_label("Task").select_option("Draw a map")
    dialog.get_by_role("button", name="Save").click()
    expect(timer_of(viewer).get_by_role("link", name="Draw a map")).to_be_visible()
    now = done(ada.get("/timer"))
    assert (now["id"], now["note"], now["task_id"]) == (running["id"], "Letters", task["id"])
    assert now["started_at"] == running["started_at"]


def test_a_day_shows_its_entries_and_what_they_add_up_to(viewer: Viewer, ada: Person) -> None:
    task = make_task(ada, title="Write")
    make_entry(
        ada,
        "2026-03-02T13:00:00Z",
        "2026-03-02T15:00:00Z",
        task_id=task["id"],
        note="The end",
        labels=["quiet"],
        billable=True,
    )
    written = row(viewer, "Write")
    expect(written.get_by_role("link", name="Write")).to_have_attribute(
        "href", f"#/tasks/{task['id']}"
    )
    expect(written).to_contain_text(f"1:00 PM {TO} 3:00 PM")
    for text in ("2 hr 0 min", "The end", "quiet", "Billable"):
        expect(written).to_contain_text(text)
    expect(viewer.page.locator(".total")).to_have_text("3 hr 30 min in all")
    expect(viewer.page.get_by_role("heading", level=2)).to_have_text("Monday, March 2, 2026")


def test_one_goes_from_day_to_day(viewer: Viewer) -> None:
    page = viewer.page
    page.get_by_role("button", name="Next day").click()
    expect(page.get_by_text("Nothing is recorded on this day.")).to_be_visible()
    expect(page.get_by_label("Day", exact=True)).to_have_value("2026-03-03")
    page.go_back()
    expect(row(viewer, "Reading")).to_be_visible()
    page.get_by_role("button", name="Previous day").click()
    expect(row(viewer, "Reading")).to_be_hidden()
    page.get_by_label("Day", exact=True).fill("2026-03-02")
    expect(row(viewer, "Reading")).to_be_visible()
    page.get_by_role("button", name="Today").click()
    expect(page).to_have_url(re.compile("#/time$"))
    expect(page.get_by_role("button", name="Today")).to_be_disabled()


def test_an_entry_is_corrected_by_hand(viewer: Viewer, ada: Person) -> None:
    dialog = edit(viewer, "Reading")
    expect(dialog.get_by_label("End")).to_have_value("2026-03-02T10:30")
    dialog.get_by_label("Start").fill("2026-03-02T08:15")
    dialog.get_by_label("Note").fill("Reading aloud")
    dialog.get_by_label("Labels").fill("loud, slow")
    dialog.get_by_label("Billing").select_option("Billable")
    dialog.get_by_role("button", name="Save").click()
    expect(row(viewer, "Reading aloud")).to_contain_text(f"8:15 AM {TO} 10:30 AM")
    expect(dialog).to_be_hidden()
    (saved,) = on_the_second(ada)
    assert saved["started_at"] == "2026-03-02T08:15:00Z"
    assert saved["ended_at"] == "2026-03-02T10:30:27Z"
    assert (saved["labels"], saved["billable"]) == (["loud", "slow"], True)


def test_an_entry_has_to_end_after_it_starts(viewer: Viewer) -> None:
    dialog = edit(viewer, "Reading")
    dialog.get_by_label("End").fill("2026-03-02T08:00")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("ends after it starts")
    expect(dialog.get_by_label("End")).to_have_value("2026-03-02T08:00")


def test_an_overlap_is_told_and_kept_only_when_that_is_wanted(viewer: Viewer, ada: Person) -> None:
    viewer.page.get_by_role("button", name="Add an entry").click()
    dialog = viewer.page.get_by_role("dialog")
    dialog.get_by_label("Start").fill("2026-03-02T10:00")
    dialog.get_by_label("End").fill("2026-03-02T11:00")
    dialog.get_by_label("Note").fill("Talking")
    dialog.get_by_role("button", name="Add it").click()
    question = dialog.get_by_role("form", name="You have recorded this time already")
    expect(question).to_contain_text(f"Reading: Mar 2, 2026, 9:00 AM {TO} 10:30 AM")
    expect(question.get_by_role("heading")).to_be_focused()
    assert len(on_the_second(ada)) == 1
    question.get_by_role("button", name="Save it although they overlap").click()
    expect(row(viewer, "Talking")).to_contain_text("May overlap")
    expect(
        viewer.page.get_by_text("Some entries overlap; the time of each counts.")
    ).to_be_visible()
    expect(viewer.page.locator(".total")).to_have_text("2 hr 30 min in all")
    assert [each["allow_overlap"] for each in on_the_second(ada)] == [False, True]


def test_an_entry_added_by_hand_may_touch_another_that_ends_within_a_minute(
    viewer: Viewer, ada: Person
) -> None:
    viewer.page.get_by_role("button", name="Add an entry").click()
    dialog = viewer.page.get_by_role("dialog")
    dialog.get_by_label("Start").fill("2026-03-02T10:30")
    dialog.get_by_label("End").fill("2026-03-02T11:00")
    dialog.get_by_label("Note").fill("Talking")
    dialog.get_by_role("button", name="Add it").click()
    expect(row(viewer, "Talking")).to_be_visible()
    reading, talking = on_the_second(ada)
    assert talking["started_at"] == reading["ended_at"]
    assert talking["source"] == "manual"


@pytest.mark.parametrize(
    ("choice", "note", "end"),
    [("Save mine over it", "Mine", "12:00"), ("Take what is there", "Theirs", "12:00")],
)
def test_when_an_entry_was_changed_elsewhere_one_is_asked(
    viewer: Viewer, ada: Person, choice: str, note: str, end: str
) -> None:
    dialog = edit(viewer, "Reading")
    dialog.get_by_label("Note").fill("Mine")
    (entry,) = on_the_second(ada)
    theirs = {"note": "Theirs", "ended_at": "2026-03-02T12:00:00Z"}
    done(ada.patch(f"/time-entries/{entry['id']}", theirs))
    dialog.get_by_role("button", name="Save").click()
    question = dialog.get_by_role("form", name="This entry was changed meanwhile")
    expect(question).to_contain_text("Other now: end, note.")
    question.get_by_role("button", name=choice).click()
    expect(question).to_be_hidden()
    if choice == "Take what is there":
        expect(dialog.get_by_label("Note")).to_have_value(note)
        viewer.page.keyboard.press("Escape")
    expect(row(viewer, note)).to_be_visible()
    (after,) = on_the_second(ada)
    assert (after["note"], after["ended_at"]) == (note, f"2026-03-02T{end}:00Z")


def test_an_entry_is_deleted_and_comes_back(viewer: Viewer, ada: Person) -> None:
    row(viewer, "Reading").get_by_role("button", name="Delete").click()
    expect(row(viewer, "Reading")).to_be_hidden()
    expect(viewer.page.get_by_role("button", name="Add an entry")).to_be_focused()
    assert on_the_second(ada) == []
    notice = viewer.page.locator(".notice")
    expect(notice).to_contain_text("In the trash: Reading")
    notice.get_by_role("button", name="Undo").click()
    expect(row(viewer, "Reading")).to_be_visible()
    assert [each["note"] for each in on_the_second(ada)] == ["Reading"]


def test_the_focus_comes_back_from_what_is_taken_back(viewer: Viewer) -> None:
    row(viewer, "Reading").get_by_role("button", name="Delete").click()
    expect(row(viewer, "Reading")).to_have_count(0)
    undo = viewer.page.get_by_role("button", name="Undo")
    undo.focus()
    undo.press("Enter")
    expect(row(viewer, "Reading")).to_be_visible()
    expect(viewer.page.get_by_role("button", name="Add an entry")).to_be_focused()


def test_an_entry_is_continued_and_what_runs_ticks(viewer: Viewer, ada: Person) -> None:
    row(viewer, "Reading").get_by_role("button", name="Continue").click()
    expect(timer_of(viewer)).to_contain_text("Reading")
    viewer.page.get_by_role("button", name="Today").click()
    running = row(viewer, "Reading")
    expect(running).to_contain_text(re.compile(f"{TO} now"))
    expect(running.locator(".duration")).to_have_text(re.compile(r"0:00:(0[2-9]|[1-5]\d)"))
    assert done(ada.get("/timer"))["note"] == "Reading"
    timer_of(viewer).get_by_role("button", name="Stop").click()
    expect(running.get_by_role("button", name="Continue")).to_be_visible()


def test_entries_across_midnight_are_on_both_days_of_the_account(look: Look, app: Flask) -> None:
    person = sign_up(app, "Aroha", timezone="Pacific/Auckland")
    # From 22:30 on the first to 01:15 on the second of July, in winter there.
    make_entry(person, "2026-07-01T10:30:00Z", "2026-07-01T13:15:00Z", note="Night shift")
    viewer = look(timezone_id="America/New_York")
    viewer.sign_in(person, "#/time?day=2026-07-01")
    shift = row(viewer, "Night shift")
    expect(shift).to_contain_text(f"Jul 1, 2026, 10:30 PM {TO} Jul 2, 2026, 1:15 AM")
    expect(shift).to_contain_text("2 hr 45 min in all; 1 hr 30 min count on this day")
    expect(viewer.page.locator(".total")).to_have_text("1 hr 30 min in all")
    viewer.page.get_by_role("button", name="Next day").click()
    expect(shift).to_contain_text("1 hr 15 min count on this day")
    expect(viewer.page.locator(".total")).to_have_text("1 hr 15 min in all")
    dialog = edit(viewer, "Night shift")
    expect(dialog.get_by_label("Start")).to_have_value("2026-07-01T22:30")
    dialog.get_by_label("End").fill("2026-07-02T02:00")
    dialog.get_by_role("button", name="Save").click()
    expect(viewer.page.locator(".total")).to_have_text("2 hr 0 min in all")
    (saved,) = done(person.get("/time-entries"))
    assert saved["ended_at"] == "2026-07-01T14:00:00Z"


def test_days_of_23_and_25_hours_are_counted_right(look: Look, app: Flask) -> None:
    person = sign_up(app, "Aroha", timezone="Pacific/Auckland")
    # Clocks go back on 5 April 2026 and forward on 27 September.
    make_entry(person, "2026-04-04T10:00:00Z", "2026-04-05T13:00:00Z", note="Long")
    make_entry(person, "2026-09-26T11:00:00Z", "2026-09-27T12:00:00Z", note="Short")
    viewer = look()
    viewer.sign_in(person, "#/time?day=2026-04-05")
    expect(viewer.page.locator(".total")).to_have_text("25 hr 0 min in all")
    viewer.page.get_by_label("Day", exact=True).fill("2026-09-27")
    expect(viewer.page.locator(".total")).to_have_text("23 hr 0 min in all")


def test_two_browsers_of_one_person_show_the_same_time(
    viewer: Viewer, look: Look, ada: Person
) -> None:
    other = look()
    other.sign_in(ada, DAY)
    dialog = edit(other, "Reading")
    dialog.get_by_label("Note").fill("Reading aloud")
    dialog.get_by_role("button", name="Save").click()
    expect(row(viewer, "Reading aloud")).to_be_visible()
    timer_of(other).get_by_role("button", name="Start timer").click()
    expect(timer_of(viewer).get_by_role("button", name="Stop")).to_be_visible()
    row(viewer, "Reading aloud").get_by_role("button", name="Delete").click()
    expect(row(other, "Reading aloud")).to_be_hidden()


def test_what_was_recorded_in_a_project_elsewhere_is_there_when_one_looks_again(
    viewer: Viewer, ada: Person, book: Record
) -> None:
    make_entry(ada, "2026-03-02T13:00:00Z", "2026-03-02T14:00:00Z", project_id=book["id"])
    start_timer(ada, project_id=book["id"])
    viewer.page.evaluate(LOOK_AGAIN)
    expect(row(viewer, "The book")).to_be_visible()
    expect(timer_of(viewer)).to_contain_text("The book")


def test_a_day_that_cannot_be_read_says_so_and_comes_with_the_connection(viewer: Viewer) -> None:
    page = viewer.page
    page.get_by_role("button", name="Previous day").click()
    expect(page.get_by_text("Nothing is recorded on this day.")).to_be_visible()
    viewer.context.set_offline(True)
    viewer.wait_for_connection("offline")
    page.get_by_role("button", name="Next day").click()
    expect(page.get_by_text("could not be read")).to_be_visible()
    viewer.context.set_offline(False)
    expect(row(viewer, "Reading")).to_be_visible()


@in_every_look
def test_the_time_of_a_day_can_be_used_by_everybody(
    look: Look, ada: Person, book: Record, scheme: str, width: int, tmp_path: Path
) -> None:
    long = "Draw a map of all the places that are named in the book, and of those that are not"
    task = make_task(ada, title=long, project_id=book["id"])
    morning = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    fields = {"task_id": task["id"], "note": "The north", "labels": ["maps"], "billable": True}
    night = (morning - timedelta(hours=2)).isoformat()
    make_entry(ada, night, (morning + timedelta(seconds=60)).isoformat(), **fields)
    viewer = look(**options_of(scheme, width))
    page = viewer.page
    viewer.sign_in(ada, "#/time")
    expect(row(viewer, "Draw a map")).to_be_visible()
    check(page, "Time, idle", tmp_path)
    row(viewer, "Draw a map").get_by_role("button", name="Continue").click()
    expect(page.locator(".entry")).to_have_count(2)
    check(page, "Time", tmp_path)
    dialog = edit(viewer, "in all")
    check(page, "Entry", tmp_path)
    dialog.get_by_label("End").fill("2026-03-02T08:00")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("ends after")
    check(page, "Entry, wrong", tmp_path)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Add an entry").click()
    dialog.get_by_label("Start").fill(f"{morning.date() - timedelta(days=1)}T23:00")
    dialog.get_by_role("button", name="Add it").click()
    expect(dialog.get_by_role("form", name="You have recorded")).to_be_visible()
    check(page, "Entry, overlap", tmp_path)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Previous day").click()
    page.get_by_role("button", name="Previous day").click()
    expect(page.get_by_text("Nothing is recorded")).to_be_visible()
    check(page, "Time, nothing", tmp_path)
