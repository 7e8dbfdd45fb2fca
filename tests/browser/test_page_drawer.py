"""What one does with a task in its drawer besides its fields: parts, comments, time and history."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.agents import make_agent
from tests.browser.looks import check, in_every_look, options_of
from tests.browser.people import Viewer, project_address
from tests.changes import change
from tests.factories import Person
from tests.records import Record, ago, done, make_comment, make_entry, make_item, make_task
from tests.waiting import wait_until

Look = Callable[..., Viewer]


@pytest.fixture
def task(ada: Person, book: Record) -> Record:
    return make_task(ada, title="Draw a map", project_id=book["id"])


@pytest.fixture
def lines(ada: Person, task: Record) -> list[Record]:
    return [make_item(ada, name, task_id=task["id"]) for name in ("One", "Two", "Three")]


def opened(look: Look, person: Person, book: Record, task: Record) -> tuple[Viewer, Locator]:
    """Somebody's browser with the task open, and its drawer."""
    viewer = look()
    viewer.sign_in(person, project_address(book, task))
    drawer = viewer.page.get_by_role("dialog")
    expect(drawer.get_by_label("Title")).to_have_value(task["title"])
    return viewer, drawer


def names(person: Person, task: Record) -> list[str]:
    return [each["name"] for each in done(person.get(f"/items?task_id={task['id']}"))]


@pytest.mark.usefixtures("lines")
def test_a_task_is_deleted_and_brought_back(
    look: Look, ada: Person, grace: Person, book: Record, task: Record
) -> None:
    make_task(ada, title="Index", project_id=book["id"])
    viewer, drawer = opened(look, ada, book, task)
    drawer.get_by_role("button", name="Delete the task").click()
    expect(drawer).to_be_hidden()
    expect(viewer.card("Draw a map")).to_have_count(0)
    expect(viewer.card("Index").get_by_role("link")).to_be_focused()
    notice = viewer.page.locator(".notice")
    expect(notice).to_contain_text("In the trash: Draw a map")
    assert grace.get(f"/tasks/{task['id']}").status_code == 404
    notice.get_by_role("button", name="Undo").click()
    expect(viewer.card("Draw a map")).to_contain_text("0/3")
    expect(viewer.page.locator("#announcements")).to_have_text("Draw a map is back.")


def test_ones_own_comment_is_changed(
    look: Look, ada: Person, grace: Person, book: Record, task: Record
) -> None:
    make_comment(ada, task, "Where is it?")
    make_comment(grace, task, "Here.")
    _, drawer = opened(look, grace, book, task)
    expect(drawer.get_by_role("button", name="Edit “Where is it?”")).to_be_hidden()
    expect(drawer.get_by_role("button", name="Delete “Where is it?”")).to_be_hidden()
    drawer.get_by_role("button", name="Edit “Here.”").click()
    drawer.get_by_label("Your comment").fill("There.")
    drawer.get_by_role("button", name="Save comment").click()
    expect(drawer.get_by_role("log")).to_contain_text("There.")
    expect(drawer.get_by_role("button", name="Edit “There.”")).to_be_focused()
    said = [each["body"] for each in done(ada.get(f"/tasks/{task['id']}/comments"))]
    assert said == ["Where is it?", "There."]


def test_a_comment_that_one_changed_elsewhere_is_shown_before_it_is_lost(
    look: Look, ada: Person, book: Record, task: Record
) -> None:
    comment = make_comment(ada, task, "Here.")
    _, drawer = opened(look, ada, book, task)
    drawer.get_by_role("button", name="Edit").click()
    drawer.get_by_label("Your comment").fill("There.")
    done(ada.patch(f"/comments/{comment['id']}", {"body": "Nowhere."}))
    drawer.get_by_role("button", name="Save comment").click()
    expect(drawer.get_by_role("alert").filter(has_text="You changed it")).to_contain_text(
        "Nowhere."
    )
    drawer.get_by_role("button", name="Save comment").click()
    expect(drawer.get_by_label("Your comment")).to_have_count(0)
    assert done(ada.get(f"/comments/{comment['id']}"))["body"] == "There."


def test_escape_gives_up_a_change_and_not_the_task(
    look: Look, ada: Person, book: Record, task: Record
) -> None:
    make_comment(ada, task, "Here.")
    viewer, drawer = opened(look, ada, book, task)
    drawer.get_by_role("button", name="Edit").click()
    drawer.get_by_label("Your comment").fill("There.")
    viewer.page.keyboard.press("Escape")
    expect(drawer.get_by_role("button", name="Edit")).to_be_focused()
    expect(drawer.get_by_role("log")).to_contain_text("Here.")
    viewer.page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()


def test_an_owner_deletes_any_comment_and_may_take_that_back(
    look: Look, ada: Person, grace: Person, book: Record, task: Record
) -> None:
    make_comment(grace, task, "Nonsense\nand more")
    viewer, drawer = opened(look, ada, book, task)
    drawer.get_by_text("History").click()
    expect(drawer.locator(".history")).to_contain_text("commented")
    drawer.get_by_role("button", name="Delete “Nonsense”").click()
    expect(drawer.locator(".history")).to_contain_text("deleted a comment")
    expect(drawer.get_by_role("log")).to_have_text("")
    expect(drawer.get_by_label("Say something")).to_be_focused()
    viewer.page.get_by_role("button", name="Undo").click()
    expect(drawer.get_by_role("log")).to_contain_text("Nonsense")


@pytest.mark.usefixtures("lines")
def test_a_line_is_renamed(look: Look, ada: Person, book: Record, task: Record) -> None:
    viewer, drawer = opened(look, ada, book, task)
    drawer.get_by_role("button", name="Rename Two").click()
    name = drawer.get_by_label("Name of the line")
    expect(name).to_be_focused()
    name.fill("Second")
    viewer.page.keyboard.press("Enter")
    expect(drawer.get_by_role("button", name="Rename Second")).to_be_focused()
    assert names(ada, task) == ["One", "Second", "Three"]


@pytest.mark.usefixtures("lines")
def test_a_line_is_removed_and_brought_back(
    look: Look, ada: Person, book: Record, task: Record
) -> None:
    _, drawer = opened(look, ada, book, task)
    shown = drawer.locator(".checklist label")
    drawer.get_by_role("button", name="Remove Two").click()
    expect(shown).to_have_text(["One", "Three"])
    expect(drawer.get_by_label("New line of the checklist")).to_be_focused()
    drawer.get_by_role("button", name="Undo").click()
    expect(shown).to_have_text(["One", "Two", "Three"])
    assert names(ada, task) == ["One", "Two", "Three"]


@pytest.mark.usefixtures("lines")
def test_lines_are_moved_by_keyboard_and_by_pointer(
    look: Look, ada: Person, book: Record, task: Record
) -> None:
    viewer, drawer = opened(look, ada, book, task)
    grip = drawer.get_by_role("button", name="Move One", exact=True)
    grip.focus()
    viewer.page.keyboard.press("ArrowDown")
    viewer.page.keyboard.press("ArrowDown")
    shown = drawer.locator(".checklist label")
    expect(shown).to_have_text(["Two", "Three", "One"])
    expect(grip).to_be_focused()
    expect(viewer.page.locator("#announcements")).to_have_text("One: 3 of 3.")
    drawer.get_by_role("button", name="Move One", exact=True).drag_to(
        drawer.locator(".checklist li").first, target_position={"x": 40, "y": 4}
    )
    expect(shown).to_have_text(["One", "Two", "Three"])
    assert names(ada, task) == ["One", "Two", "Three"]


@pytest.mark.usefixtures("lines")
def test_a_line_becomes_a_task_that_is_a_link_away(
    look: Look, ada: Person, book: Record, task: Record
) -> None:
    viewer, drawer = opened(look, ada, book, task)
    drawer.get_by_role("button", name="Make it a task: Two").click()
    expect(drawer.get_by_label("Two", exact=True)).to_be_checked()
    expect(drawer.get_by_role("button", name="Make it a task: Two")).to_be_hidden()
    related = drawer.get_by_role("region", name="Related tasks")
    expect(related).to_contain_text("Parts")
    expect(viewer.card("Two")).to_have_count(1)
    related.get_by_role("link", name="Two").click()
    expect(drawer.get_by_label("Title")).to_have_value("Two")
    related.get_by_role("link", name="Draw a map").click()
    expect(drawer.get_by_label("Title")).to_have_value("Draw a map")


def test_what_a_task_waits_for_is_told(look: Look, ada: Person, book: Record, task: Record) -> None:
    paper = make_task(ada, title="Buy paper", project_id=book["id"])
    change(ada, task, blocked_by=[paper["id"]])
    _, drawer = opened(look, ada, book, task)
    related = drawer.get_by_role("region", name="Related tasks")
    expect(related).to_contain_text("Waits for")
    expect(related.get_by_role("link", name="Buy paper")).to_be_visible()
    change(ada, task, blocked_by=[])
    expect(related.get_by_role("link", name="Buy paper")).to_be_hidden()


def test_the_time_of_a_task_is_listed(
    look: Look, ada: Person, grace: Person, book: Record, task: Record
) -> None:
    make_entry(ada, ago(hours=5), ago(hours=3), task_id=task["id"], note="Rivers")
    _, drawer = opened(look, ada, book, task)
    drawer.get_by_text("1 entry").click()
    make_entry(grace, ago(hours=2), ago(hours=1), task_id=task["id"])
    entries = drawer.locator(".entries li")
    expect(entries).to_have_count(2)
    expect(entries.first).to_contain_text("Grace")
    expect(entries.last).to_contain_text("Rivers")
    expect(entries.last).to_contain_text("2 hr")
    expect(drawer).to_contain_text("3 hr 0 min until now")


def test_a_task_is_given_to_an_agent(look: Look, ada: Person, book: Record, task: Record) -> None:
    agent = make_agent(ada, book)
    _, drawer = opened(look, ada, book, task)
    name = done(ada.get(f"/agents/{agent.id}"))["name"]
    drawer.get_by_label("Agent that does it").select_option(name)
    drawer.get_by_role("button", name="Save", exact=True).click()
    wait_until(
        lambda: bool(done(ada.get(f"/tasks/{task['id']}"))["delegate_id"] == agent.id),
    )


def test_nobody_is_asked_for_an_agent_where_there_is_none(
    look: Look, ada: Person, book: Record, task: Record
) -> None:
    _, drawer = opened(look, ada, book, task)
    expect(drawer.get_by_label("Assignee")).to_be_visible()
    expect(drawer.get_by_label("Agent that does it")).to_be_hidden()


def test_the_history_says_what_changed_and_goes_on(
    look: Look, ada: Person, grace: Person, book: Record, task: Record
) -> None:
    change(grace, task, status="in_progress", description="Of all places")
    _, drawer = opened(look, ada, book, task)
    drawer.get_by_text("History").click()
    told = drawer.locator(".history > li")
    expect(told).to_have_count(2)
    expect(told.first).to_contain_text("Grace")
    expect(told.first).to_contain_text("Status: To do → In progress")
    expect(told.last).to_contain_text("made the task")
    change(grace, task, assignee_id=ada.id, description="Of some places")
    expect(told).to_have_count(3)
    expect(told.first).to_contain_text("Assignee: nothing → Ada")
    told.first.get_by_text("What it said before").click()
    expect(told.first).to_contain_text("Of all places")
    make_item(grace, "Ink", task_id=task["id"])
    expect(told.first).to_contain_text("added “Ink” to the checklist")


def test_a_long_history_is_read_piece_by_piece(
    look: Look, ada: Person, book: Record, task: Record
) -> None:
    for number in range(60):
        change(ada, task, title=f"Title {number}")
    viewer, drawer = opened(look, ada, book, task | {"title": "Title 59"})
    drawer.get_by_text("History").click()
    told = drawer.locator(".history > li")
    expect(told).to_have_count(50)
    drawer.get_by_role("button", name="Show older").click()
    expect(told).to_have_count(61)
    expect(told.nth(50)).to_be_focused()
    expect(told.nth(50)).to_contain_text("Title: Title 8 → Title 9")
    expect(drawer.get_by_role("button", name="Show older")).to_be_hidden()
    change(ada, task, title="At last")
    expect(told).to_have_count(62)
    assert viewer.complaints == []


@in_every_look
@pytest.mark.usefixtures("lines")
def test_all_of_a_task_can_be_used_by_everybody(
    look: Look,
    ada: Person,
    grace: Person,
    book: Record,
    task: Record,
    scheme: str,
    width: int,
    tmp_path: Path,
) -> None:
    make_agent(ada, book)
    paper = make_task(ada, title="Buy paper of the kind that does not tear", project_id=book["id"])
    make_task(ada, title="Ask all those who were there when it was drawn", project_id=book["id"])
    part = make_task(ada, title="Rivers", project_id=book["id"], parent_id=task["id"])
    change(ada, part, status="completed")
    change(grace, task, blocked_by=[paper["id"]], description="Of all places", labels=["maps"])
    change(grace, task, description="Of some places", assignee_id=ada.id, priority="high")
    make_entry(ada, ago(hours=5), ago(hours=3), task_id=task["id"], note="Rivers")
    make_entry(grace, ago(hours=2), ago(hours=1), task_id=task["id"])
    make_comment(grace, task, "Where is the ink?")
    make_comment(ada, task, "Here.\nTake it all.")
    viewer = look(**options_of(scheme, width))
    page = viewer.page
    viewer.sign_in(ada, project_address(book, task))
    drawer = page.get_by_role("dialog")
    expect(drawer.get_by_label("Agent that does it")).to_be_visible()
    drawer.get_by_text("2 entries").click()
    drawer.get_by_role("button", name="Rename Two").click()
    drawer.get_by_role("button", name="Rename One").scroll_into_view_if_needed()
    check(page, "Checklist", tmp_path)
    drawer.get_by_role("button", name="Wait for it").scroll_into_view_if_needed()
    check(page, "Related", tmp_path)
    assert drawer.evaluate("(node) => node.scrollWidth <= node.clientWidth")
    drawer.get_by_role("button", name="Edit “Here.”").click()
    drawer.get_by_role("button", name="Save comment").scroll_into_view_if_needed()
    check(page, "Comments", tmp_path)
    drawer.get_by_text("History").click()
    expect(drawer.locator(".history > li")).to_have_count(8)
    drawer.get_by_text("made the task").scroll_into_view_if_needed()
    check(page, "History", tmp_path)
    drawer.get_by_role("button", name="Delete “Where is the ink?”").click()
    expect(page.locator(".notice")).to_contain_text("In the trash")
    check(page, "Undo", tmp_path)
