"""Capturing lines by one key, and the inbox."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.looks import check, in_every_look, options_of
from tests.browser.people import Viewer, project_address
from tests.factories import Person
from tests.records import Record, done, make_item, make_task
from tests.waiting import wait_until

Look = Callable[..., Viewer]
LINES = ("Call Grace", "Buy paper", "Water the plants")


@pytest.fixture
def viewer(look: Look, ada: Person) -> Viewer:
    """Ada's browser with the inbox and three lines in it."""
    for name in LINES:
        make_item(ada, name)
    opened = look()
    opened.sign_in(ada, "#/inbox")
    expect(to_do(opened)).to_have_text(list(LINES))
    return opened


def to_do(viewer: Viewer) -> Locator:
    """What the open lines say, in their order."""
    return viewer.page.get_by_role("list", name="To do").locator("label")


def line(viewer: Viewer, name: str) -> Locator:
    return viewer.page.locator(".inbox li").filter(has_text=name)


def inbox_of(person: Person) -> list[Record]:
    found: list[Record] = done(person.get("/items"))
    return found


def capture(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Capture")


@pytest.mark.parametrize(
    "address", ["", "#/inbox", "#/time", "#/reports", "#/settings", "#/trash", "board", "task"]
)
def test_one_key_captures_a_line_wherever_one_is(
    look: Look, ada: Person, book: Record, address: str
) -> None:
    task = make_task(ada, title="Draw a map", project_id=book["id"])
    places = {"board": project_address(book), "task": project_address(book, task)}
    viewer = look()
    page = viewer.page
    viewer.sign_in(ada, places.get(address, address))
    expect(page.get_by_role("dialog" if address == "task" else "heading").first).to_be_visible()
    page.keyboard.press("i")
    expect(capture(page).get_by_label("Line for the inbox")).to_be_focused()
    page.keyboard.type("Ideas in ink")
    page.keyboard.press("Enter")
    expect(capture(page).get_by_role("status").last).to_have_text("In the inbox: Ideas in ink")
    assert [(each["name"], each["task_id"]) for each in inbox_of(ada)] == [("Ideas in ink", None)]
    page.keyboard.press("Escape")
    expect(capture(page)).to_be_hidden()


def test_the_line_stays_open_for_the_next_one(look: Look, ada: Person) -> None:
    viewer = look()
    page = viewer.page
    viewer.sign_in(ada)
    page.get_by_role("button", name="Capture").click()
    for name in LINES:
        expect(capture(page).get_by_label("Line for the inbox")).to_have_value("")
        page.keyboard.type(name)
        page.keyboard.press("Enter")
        expect(capture(page)).to_contain_text(f"In the inbox: {name}")
    assert [each["name"] for each in inbox_of(ada)] == list(LINES)
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Capture")).to_be_focused()


def test_a_line_that_is_typed_while_the_one_before_is_on_its_way_is_kept(
    look: Look, ada: Person
) -> None:
    viewer = look()
    viewer.sign_in(ada)
    viewer.page.get_by_role("button", name="Capture").click()
    control = capture(viewer.page).get_by_label("Line for the inbox")
    held = viewer.hold("**/items", times=1)
    control.fill("Dig")
    viewer.page.keyboard.press("Enter")
    viewer.wait_for_request(held)
    viewer.page.keyboard.type("Sow")
    viewer.send(held)
    expect(capture(viewer.page)).to_contain_text("In the inbox: Dig")
    expect(control).to_have_value("Sow")


def test_a_line_is_captured_above_the_history_of_a_personal_task(look: Look, ada: Person) -> None:
    task = make_task(ada, title="Draw a map")
    viewer = look()
    page = viewer.page
    viewer.sign_in(ada, f"#/personal/tasks/{task['id']}")
    page.get_by_role("dialog").get_by_text("History").click()
    expect(page.locator(".history")).to_contain_text("made the task")
    page.keyboard.press("i")
    for name in ("Ink", "Paper"):
        page.keyboard.type(name)
        page.keyboard.press("Enter")
        expect(capture(page).get_by_role("status").last).to_have_text(f"In the inbox: {name}")


def test_whoever_types_the_letter_captures_nothing(viewer: Viewer) -> None:
    note = viewer.page.get_by_label("Note of the timer")
    note.press_sequentially("i did it?")
    expect(note).to_have_value("i did it?")
    expect(viewer.page.get_by_role("dialog")).to_have_count(0)


def test_the_keys_are_listed_and_can_be_turned_off(viewer: Viewer) -> None:
    page = viewer.page
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_contain_text("Write down a line for the inbox")
    keys.get_by_label("Use these single keys").uncheck()
    page.keyboard.press("Escape")
    page.reload()
    expect(to_do(viewer)).to_have_text(list(LINES))
    page.keyboard.press("i")
    page.get_by_role("button", name="Keys").click()
    expect(page.get_by_role("dialog")).to_have_accessible_name("Keys")
    expect(keys.get_by_label("Use these single keys")).not_to_be_checked()


def test_a_line_that_is_too_long_says_so_and_is_not_cut(viewer: Viewer, ada: Person) -> None:
    field = viewer.page.get_by_label("Line for the inbox")
    field.fill("x" * 112)
    expect(field).to_have_accessible_description(re.compile("Too long by 12"))
    expect(field).to_have_attribute("aria-invalid", "true")
    viewer.page.keyboard.press("Enter")
    expect(field).to_have_value("x" * 112)
    field.fill("x" * 100)
    expect(field).not_to_have_attribute("aria-invalid", "true")
    viewer.page.keyboard.press("Enter")
    expect(to_do(viewer)).to_have_count(4)
    assert [len(each["name"]) for each in inbox_of(ada)][3:] == [100]


def test_a_line_is_ticked_and_taken_back(viewer: Viewer, ada: Person) -> None:
    line(viewer, "Buy paper").get_by_role("checkbox").check()
    expect(to_do(viewer)).to_have_text(["Call Grace", "Water the plants"])
    expect(line(viewer, "Water the plants").get_by_role("checkbox")).to_be_focused()
    assert [each["status"] for each in inbox_of(ada)] == ["open", "done", "open"]
    viewer.page.get_by_text("Done 1").click()
    line(viewer, "Buy paper").get_by_role("checkbox").uncheck()
    expect(to_do(viewer)).to_have_text(list(LINES))


def test_a_line_is_put_into_other_words(viewer: Viewer, ada: Person) -> None:
    line(viewer, "Buy paper").get_by_role("button", name="Edit").click()
    dialog = viewer.page.get_by_role("dialog")
    dialog.get_by_label("Line", exact=True).fill("Buy blue paper")
    dialog.get_by_label("Description").fill("Thick")
    dialog.get_by_role("button", name="Save").click()
    expect(to_do(viewer)).to_have_text(["Call Grace", "Buy blue paper", "Water the plants"])
    expect(line(viewer, "Buy blue paper")).to_contain_text("Thick")
    assert inbox_of(ada)[1]["name"] == "Buy blue paper"


def test_a_line_that_was_changed_elsewhere_is_not_replaced_unseen(
    viewer: Viewer, ada: Person
) -> None:
    line(viewer, "Buy paper").get_by_role("button", name="Edit").click()
    dialog = viewer.page.get_by_role("dialog")
    dialog.get_by_label("Line", exact=True).fill("Buy blue paper")
    item = inbox_of(ada)[1]
    done(ada.patch(f"/items/{item['id']}", {"name": "Buy red paper"}))
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("It was changed meanwhile")).to_be_visible()
    expect(dialog.locator(".conflict")).to_contain_text("Buy red paper")
    assert inbox_of(ada)[1]["name"] == "Buy red paper"
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    assert inbox_of(ada)[1]["name"] == "Buy blue paper"


def test_lines_are_put_in_order_by_the_keyboard(viewer: Viewer, ada: Person) -> None:
    button = line(viewer, "Water the plants").get_by_role("button", name="Move up")
    button.focus()
    for order in ([0, 2, 1], [2, 0, 1]):
        viewer.page.keyboard.press("Enter")
        expect(to_do(viewer)).to_have_text([LINES[place] for place in order])
        expect(button).to_be_focused()
    assert [each["name"] for each in inbox_of(ada)] == [LINES[place] for place in (2, 0, 1)]
    viewer.page.keyboard.press("Enter")
    expect(viewer.page.locator("#announcements")).to_have_text("Water the plants is the first.")


def test_a_line_goes_as_far_as_one_presses(viewer: Viewer) -> None:
    button = line(viewer, "Water the plants").get_by_role("button", name="Move up")
    button.press("Enter")
    button.press("Enter")
    expect(to_do(viewer)).to_have_text([LINES[place] for place in (2, 0, 1)])


def test_a_line_is_deleted_and_comes_back(viewer: Viewer, ada: Person) -> None:
    line(viewer, "Buy paper").get_by_role("button", name="Delete").click()
    expect(to_do(viewer)).to_have_text(["Call Grace", "Water the plants"])
    expect(line(viewer, "Water the plants").get_by_role("checkbox")).to_be_focused()
    viewer.page.locator(".notice").get_by_role("button", name="Undo").click()
    expect(to_do(viewer)).to_have_text(list(LINES))
    assert [each["name"] for each in inbox_of(ada)] == list(LINES)


@pytest.mark.parametrize("place", ["The book", "Personal tasks"])
def test_a_task_is_made_of_a_line(
    look: Look, ada: Person, book: Record, viewer: Viewer, place: str
) -> None:
    viewer.page.get_by_role("button", name="Make a task: Buy paper").click()
    dialog = viewer.page.get_by_role("dialog")
    dialog.get_by_label("Project").select_option(place)
    dialog.get_by_role("button", name="Make the task").click()
    expect(viewer.page.get_by_text("Now a task: Buy paper")).to_be_visible()
    expect(to_do(viewer)).to_have_text(["Call Grace", "Water the plants"])
    (task,) = done(ada.get("/tasks"))
    in_book = place == "The book"
    assert (task["title"], task["project_id"]) == ("Buy paper", book["id"] if in_book else None)
    viewer.page.get_by_role("link", name="Buy paper").click()
    expect(viewer.page.get_by_role("dialog").get_by_label("Title")).to_have_value("Buy paper")


def test_two_browsers_of_one_person_show_the_same_inbox(
    viewer: Viewer, look: Look, ada: Person
) -> None:
    other = look()
    other.sign_in(ada, "#/inbox")
    other.page.get_by_label("Line for the inbox").fill("Sleep")
    other.page.keyboard.press("Enter")
    expect(to_do(viewer)).to_have_text([*LINES, "Sleep"])
    line(viewer, "Call Grace").get_by_role("checkbox").check()
    expect(to_do(other)).to_have_text([*LINES[1:], "Sleep"])


def test_what_could_not_be_sent_stays_in_the_field(viewer: Viewer, ada: Person) -> None:
    page = viewer.page
    viewer.context.set_offline(True)
    page.get_by_label("Line for the inbox").fill("Sleep")
    page.keyboard.press("Enter")
    expect(page.get_by_role("form", name="Capture")).to_contain_text("There is no connection")
    expect(page.get_by_label("Line for the inbox")).to_have_value("Sleep")
    viewer.context.set_offline(False)
    page.get_by_role("button", name="Write it down").click()
    wait_until(lambda: len(inbox_of(ada)) == len(LINES) + 1)


@in_every_look
def test_the_inbox_can_be_used_by_everybody(
    look: Look, ada: Person, book: Record, scheme: str, width: int, tmp_path: Path
) -> None:
    viewer = look(**options_of(scheme, width))
    page = viewer.page
    viewer.sign_in(ada, "#/inbox")
    expect(page.get_by_text("Nothing is waiting")).to_be_visible()
    check(page, "Inbox, empty", tmp_path)
    long = "Ask Grace whether the map on the first page should show the north, or just the south"
    for name in (*LINES, long):
        make_item(ada, name, description="It may take a while." if name == "Buy paper" else "")
    expect(to_do(viewer)).to_have_count(4)
    page.get_by_role("button", name="Make a task: Call Grace").click()
    check(page, "Promotion", tmp_path)
    page.get_by_role("button", name="Make the task").click()
    expect(to_do(viewer)).to_have_count(3)
    page.get_by_text("Done 1").click()
    page.get_by_label("Line for the inbox").fill("x" * 112)
    check(page, "Inbox", tmp_path)
    page.get_by_role("button", name="Edit: Buy paper").click()
    item = next(each for each in inbox_of(ada) if each["name"] == "Buy paper")
    done(ada.patch(f"/items/{item['id']}", {"name": "Buy red paper"}))
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_text("It was changed meanwhile")).to_be_visible()
    check(page, "Wording", tmp_path)
    page.keyboard.press("Escape")
    page.get_by_role("heading", name="Inbox").focus()
    page.keyboard.press("i")
    page.keyboard.type("Buy pens")
    page.keyboard.press("Enter")
    expect(capture(page)).to_contain_text("In the inbox")
    check(page, "Capture", tmp_path)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    check(page, "Keys", tmp_path)
