"""A task in its drawer, and the timer."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Dialog, Locator, expect

from tests.browser.people import Viewer, project_address
from tests.factories import Person, add_member, sign_up
from tests.records import Record, ago, done, make_comment, make_entry, make_item, make_task
from tests.waiting import wait_until

Look = Callable[..., Viewer]
MARKUP = "<img src=x onerror=alert(1)>"


@pytest.fixture
def task(ada: Person, book: Record) -> Record:
    return make_task(ada, title="Draw a map", description="Of all places", project_id=book["id"])


@pytest.fixture
def viewer(look: Look, ada: Person, book: Record, task: Record) -> Viewer:
    """Ada's browser with the task open."""
    opened = look()
    opened.sign_in(ada, project_address(book, task))
    expect(drawer_of(opened).get_by_label("Title")).to_have_value("Draw a map")
    return opened


def drawer_of(viewer: Viewer) -> Locator:
    return viewer.page.get_by_role("dialog")


def now(person: Person, task: Record) -> Record:
    found: Record = done(person.get(f"/tasks/{task['id']}"))
    return found


def test_all_fields_are_saved(viewer: Viewer, ada: Person, grace: Person, task: Record) -> None:
    drawer = drawer_of(viewer)
    drawer.get_by_label("Title").fill("Draw two maps")
    drawer.get_by_label("Description").fill("Of some places")
    drawer.get_by_label("Status").select_option("In progress")
    drawer.get_by_label("Priority").select_option("High")
    drawer.get_by_label("Due").fill("2030-01-07T09:00")
    drawer.get_by_label("Labels").fill("maps, drawing ,")
    drawer.get_by_label("Assignee").select_option("Grace")
    drawer.get_by_role("button", name="Save").click()
    expect(viewer.column("In progress").locator(".card")).to_contain_text("Draw two maps")
    saved = now(ada, task)
    assert {
        "title": "Draw two maps",
        "description": "Of some places",
        "priority": "high",
        "labels": ["maps", "drawing"],
        "assignee_id": grace.id,
    }.items() <= saved.items()
    assert saved["due_at"] == "2030-01-07T09:00:00Z"


def test_dates_are_those_of_the_account_wherever_the_browser_is(look: Look, app: Flask) -> None:
    person = sign_up(app, "Aroha", timezone="Pacific/Auckland")
    task = make_task(person, title="Call", due_at="2030-06-30T21:30:00Z")
    viewer = look(timezone_id="America/New_York", locale="de-DE")
    viewer.sign_in(person, f"#/personal/tasks/{task['id']}")
    due = drawer_of(viewer).get_by_label("Due")
    expect(due).to_have_value("2030-07-01T09:30")
    expect(viewer.card("Call")).to_contain_text("1. Juli 2030")
    due.fill("2030-12-24T18:00")  # in summer there, an hour further from UTC
    drawer_of(viewer).get_by_role("button", name="Save").click()
    wait_until(lambda: bool(now(person, task)["due_at"] == "2030-12-24T05:00:00Z"))


def test_what_is_wrong_is_said_beside_the_field(viewer: Viewer) -> None:
    labels = drawer_of(viewer).get_by_label("Labels")
    labels.fill(", ".join(str(number) for number in range(30)))
    drawer_of(viewer).get_by_role("button", name="Save").click()
    expect(labels).to_have_attribute("aria-invalid", "true")
    expect(labels).to_have_accessible_description(re.compile("20"))


def test_a_checklist_is_kept(viewer: Viewer, ada: Person, task: Record) -> None:
    drawer = drawer_of(viewer)
    for line in ("Buy paper", "Sharpen pencils"):
        drawer.get_by_label("New line of the checklist").fill(line)
        viewer.page.keyboard.press("Enter")
        expect(drawer.get_by_label(line, exact=True)).to_be_visible()
        expect(drawer.get_by_label("New line of the checklist")).to_have_value("")
    drawer.get_by_label("Buy paper", exact=True).check()
    expect(viewer.card("Draw a map")).to_contain_text("1/2")
    drawer.get_by_role("button", name="Remove Sharpen pencils").click()
    expect(drawer.get_by_label("Sharpen pencils", exact=True)).to_be_hidden()
    items = done(ada.get(f"/items?task_id={task['id']}"))
    assert [(each["name"], each["status"]) for each in items] == [("Buy paper", "done")]


def test_somebody_comments_and_others_read_it(
    viewer: Viewer, look: Look, grace: Person, book: Record, task: Record
) -> None:
    other = look()
    other.sign_in(grace, project_address(book, task))
    drawer_of(viewer).get_by_label("Say something").fill("@Grace, can you?\nToday?")
    drawer_of(viewer).get_by_role("button", name="Comment").click()
    said = drawer_of(other).get_by_role("log")
    expect(said).to_contain_text("@Grace, can you?\nToday?")
    expect(said).to_contain_text("Ada")
    expect(viewer.card("Draw a map")).to_contain_text("1 comment")


@pytest.mark.parametrize(
    ("label", "button", "address", "both"),
    [
        ("New line of the checklist", "Add line", "**/items", "Dig and sow"),
        ("Say something", "Comment", "**/comments", "Dig\nand sow"),
    ],
)
def test_what_is_typed_while_the_one_before_is_on_its_way_is_kept(
    viewer: Viewer, label: str, button: str, address: str, both: str
) -> None:
    control = drawer_of(viewer).get_by_label(label)
    for outcome in ("refused", "taken"):
        held = viewer.hold(address, times=1)
        control.fill("Dig")
        drawer_of(viewer).get_by_role("button", name=button, exact=True).click()
        viewer.wait_for_request(held)
        expect(control).to_have_value("")
        control.press_sequentially("and sow")
        if outcome == "refused":
            held[0].abort()
            expect(control).to_have_value(both)
        else:
            viewer.send(held)
            expect(drawer_of(viewer).get_by_role("listitem").filter(has_text="Dig")).to_be_visible()
            expect(control).to_have_value("and sow")


def test_what_others_write_is_text(viewer: Viewer, ada: Person, task: Record) -> None:
    done(ada.patch(f"/tasks/{task['id']}", {"title": MARKUP}))
    make_item(ada, MARKUP, task_id=task["id"])
    make_comment(ada, task, MARKUP)
    viewer.page.reload()
    expect(drawer_of(viewer).get_by_role("log")).to_contain_text(MARKUP)
    expect(viewer.page.locator(".card .title")).to_have_text(MARKUP)
    assert viewer.page.locator("img").count() == 0


def test_what_others_change_comes_into_fields_that_one_did_not_touch(
    viewer: Viewer, look: Look, grace: Person, ada: Person, book: Record, task: Record
) -> None:
    drawer_of(viewer).get_by_label("Title").fill("Draw two maps")
    other = look()
    other.sign_in(grace, project_address(book, task))
    drawer_of(other).get_by_label("Description").fill("Of no place")
    drawer_of(other).get_by_role("button", name="Save").click()
    expect(drawer_of(viewer).get_by_label("Description")).to_have_value("Of no place")
    expect(drawer_of(viewer).get_by_label("Title")).to_have_value("Draw two maps")
    drawer_of(viewer).get_by_role("button", name="Save").click()
    wait_until(lambda: bool(now(ada, task)["title"] == "Draw two maps"))
    assert now(ada, task)["description"] == "Of no place"


@pytest.mark.parametrize(("choice", "title"), [("Yours", "Ada's"), ("Theirs", "Grace's")])
def test_when_both_changed_the_same_one_chooses(
    viewer: Viewer, ada: Person, grace: Person, task: Record, choice: str, title: str
) -> None:
    drawer = drawer_of(viewer)
    drawer.get_by_label("Title").fill("Ada's")
    drawer.get_by_label("Labels").fill("maps")
    done(grace.patch(f"/tasks/{task['id']}", {"title": "Grace's", "description": "New"}))
    drawer.get_by_role("button", name="Save").click()
    question = drawer.get_by_role("form", name="Somebody else has changed this")
    expect(question).to_contain_text("Ada's")
    expect(question).to_contain_text("Grace's")
    expect(question.get_by_role("heading")).to_be_focused()
    question.get_by_label(choice).check()
    question.get_by_role("button", name="Save what is chosen").click()
    expect(question).to_be_hidden()
    wait_until(lambda: bool(now(ada, task)["labels"] == ["maps"]))
    after = now(ada, task)
    assert (after["title"], after["description"]) == (title, "New")
    expect(viewer.card(title)).to_be_visible()


def test_who_came_later_and_was_given_the_task_keeps_it(
    viewer: Viewer, app: Flask, ada: Person, book: Record, task: Record
) -> None:
    carol = sign_up(app, "Carol")
    add_member(ada, book, carol, "editor")
    done(ada.patch(f"/tasks/{task['id']}", {"assignee_id": carol.id}))
    drawer = drawer_of(viewer)
    expect(drawer.get_by_label("Assignee")).to_have_value(carol.id)
    drawer.get_by_label("Title").fill("Draw two maps")
    drawer.get_by_role("button", name="Save").click()
    wait_until(lambda: bool(now(ada, task)["title"] == "Draw two maps"))
    assert now(ada, task)["assignee_id"] == carol.id


def test_what_one_types_while_it_is_being_saved_stays(viewer: Viewer, task: Record) -> None:
    held = viewer.hold(f"**/tasks/{task['id']}")
    drawer = drawer_of(viewer)
    drawer.get_by_label("Title").fill("Draw two maps")
    drawer.get_by_role("button", name="Save").click()
    viewer.wait_for_request(held)
    drawer.get_by_label("Description").fill("Of some places")
    viewer.send(held)
    expect(viewer.card("Draw two maps")).to_be_visible()
    expect(viewer.page.get_by_text("The task is saved.")).to_be_attached()
    expect(drawer.get_by_label("Description")).to_have_value("Of some places")


def test_what_is_not_saved_is_not_thrown_away_unasked(viewer: Viewer) -> None:
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    viewer.page.on("dialog", stay)
    drawer_of(viewer).get_by_label("Title").fill("Draw two maps")
    drawer_of(viewer).get_by_role("button", name="Close the task").click()
    expect(drawer_of(viewer)).to_be_visible()
    assert len(asked) == 1
    viewer.page.remove_listener("dialog", stay)


def test_a_task_that_goes_away_closes_its_drawer(
    viewer: Viewer, grace: Person, task: Record
) -> None:
    done(grace.delete(f"/tasks/{task['id']}"))
    expect(drawer_of(viewer)).to_be_hidden()
    expect(viewer.page.locator(".notice")).to_contain_text("not here any more")


def test_the_timer_is_started_ticks_and_is_stopped(
    viewer: Viewer, ada: Person, book: Record, task: Record
) -> None:
    page = viewer.page
    timer = page.get_by_role("region", name="Timer", include_hidden=True)
    drawer_of(viewer).get_by_role("button", name="Start the timer").click()
    expect(timer).to_contain_text("Draw a map")
    expect(timer.locator(".elapsed")).to_have_text(re.compile(r"0:00:(0[2-9]|[1-5]\d)"))
    assert done(ada.get("/timer"))["task_id"] == task["id"]
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(f"{book['id']}$"))
    page.reload()
    expect(timer).to_contain_text("Draw a map")
    timer.get_by_role("button", name="Stop").click()
    expect(timer.get_by_role("button", name="Start timer")).to_be_focused()
    assert done(ada.get("/timer")) is None


def test_a_timer_that_runs_elsewhere_is_seen_here(look: Look, ada: Person) -> None:
    viewer, other = look(), look()
    viewer.sign_in(ada)
    other.sign_in(ada)
    other.page.get_by_role("button", name="Start timer").click()
    expect(viewer.page.get_by_role("button", name="Stop")).to_be_visible()
    other.page.get_by_role("button", name="Stop").click()
    expect(viewer.page.get_by_role("button", name="Start timer")).to_be_visible()


def test_the_time_that_a_task_took_is_told(viewer: Viewer, ada: Person, task: Record) -> None:
    make_entry(ada, ago(hours=3), ago(hours=1), task_id=task["id"])
    expect(drawer_of(viewer)).to_contain_text("2 hr 0 min until now")
