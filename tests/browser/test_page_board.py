"""The board: adding, moving by mouse and by keyboard, and filtering."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.browser.people import Viewer, project_address
from tests.changes import titles
from tests.factories import PASSWORD, Person, add_member, sign_up
from tests.records import Record, done, make_task
from tests.waiting import wait_until

Look = Callable[..., Viewer]


@pytest.fixture
def tasks(ada: Person, book: Record) -> list[Record]:
    """Three tasks of the book, A to C."""
    return [make_task(ada, title=f"Task {name}", project_id=book["id"]) for name in "ABC"]


def shown(viewer: Viewer, column: str = "To do") -> list[str]:
    return viewer.column(column).locator(".title").all_text_contents()


def focused(page: Page) -> str:
    """The name of what has the focus."""
    name: str = page.evaluate(
        "() => { const it = document.activeElement;"
        "return it.ariaLabel || it.labels?.[0]?.textContent || it.textContent; }"
    )
    return name.strip()


def tab_to(page: Page, name: str) -> None:
    """Press Tab until this has the focus."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if focused(page) == name:
            return
    pytest.fail(f"Tab does not lead to {name}.")


def test_a_project_is_made_and_filled(look: Look, ada: Person) -> None:
    viewer = look()
    viewer.sign_in(ada)
    viewer.page.get_by_label("Name").fill("Garden")
    viewer.page.get_by_role("button", name="Make the project").click()
    expect(viewer.page.get_by_role("heading", name="Garden")).to_be_focused()
    for title in ("Dig", "Sow"):
        viewer.page.get_by_label("New task").fill(title)
        viewer.page.keyboard.press("Enter")
        expect(viewer.card(title)).to_be_visible()
        expect(viewer.page.get_by_label("New task")).to_have_value("")  # the answer is there, too
    assert shown(viewer) == ["Dig", "Sow"]
    viewer.go()
    expect(viewer.page.get_by_role("link", name="Garden")).to_be_visible()


def test_a_title_that_is_typed_while_the_one_before_is_on_its_way_is_kept(
    look: Look, ada: Person, book: Record
) -> None:
    viewer = look()
    viewer.sign_in(ada, project_address(book))
    new = viewer.page.get_by_label("New task")
    held = viewer.hold("**/tasks")
    new.fill("Dig")
    viewer.page.keyboard.press("Enter")
    viewer.wait_for_request(held)
    viewer.page.keyboard.type("Sow")
    viewer.send(held)
    expect(viewer.card("Dig")).to_be_visible()
    expect(viewer.page.locator("#announcements")).to_have_text("Dig is added.")
    expect(new).to_have_value("Sow")


def test_a_title_that_is_refused_comes_back_before_what_was_typed_meanwhile(
    look: Look, ada: Person, book: Record
) -> None:
    viewer = look()
    viewer.sign_in(ada, project_address(book))
    new = viewer.page.get_by_label("New task")
    held = viewer.hold("**/tasks", times=1)
    new.fill("Dig")
    viewer.page.keyboard.press("Enter")
    viewer.wait_for_request(held)
    viewer.page.keyboard.type("and sow")
    held[0].abort()
    expect(new).to_have_value("Dig and sow")
    expect(viewer.page.get_by_role("alert")).to_contain_text("There is no connection")
    viewer.page.keyboard.press("Enter")
    expect(viewer.card("Dig and sow")).to_be_visible()


def test_personal_tasks_have_a_board(look: Look, ada: Person) -> None:
    make_task(ada, title="Water the plants")
    viewer = look()
    viewer.sign_in(ada)
    viewer.page.get_by_role("link", name="Personal tasks").click()
    expect(viewer.card("Water the plants")).to_be_visible()
    viewer.page.get_by_label("New task").fill("Buy seeds")
    viewer.page.keyboard.press("Enter")
    expect(viewer.card("Buy seeds")).to_be_visible()


def test_a_task_is_dragged(look: Look, ada: Person, book: Record, tasks: list[Record]) -> None:
    viewer = look()
    viewer.sign_in(ada, project_address(book))
    viewer.card("Task C").drag_to(viewer.card("Task A"), target_position={"x": 20, "y": 2})
    wait_until(lambda: titles(ada, book) == ["Task C", "Task A", "Task B"])
    assert shown(viewer) == ["Task C", "Task A", "Task B"]
    viewer.card("Task A").drag_to(viewer.column("In progress"))
    expect(viewer.column("In progress").locator(".card")).to_have_count(1)
    wait_until(lambda: done(ada.get(f"/tasks/{tasks[0]['id']}"))["status"] == "in_progress")


def test_a_move_that_is_refused_is_taken_back(
    look: Look, ada: Person, book: Record, tasks: list[Record]
) -> None:
    blocked, blocker = tasks[0], tasks[1]
    done(ada.patch(f"/tasks/{blocked['id']}", {"blocked_by": [blocker["id"]]}))
    viewer = look()
    viewer.sign_in(ada, project_address(book))
    viewer.card("Task A").drag_to(viewer.column("Completed"))
    expect(viewer.page.locator(".notice")).to_contain_text("blocked")
    expect(viewer.column("Completed").locator(".card")).to_have_count(0)
    assert shown(viewer) == ["Task A", "Task B", "Task C"]


def test_all_of_it_goes_by_keyboard(
    look: Look, ada: Person, book: Record, tasks: list[Record]
) -> None:
    viewer = look()
    page = viewer.page
    viewer.go()
    expect(page.get_by_label("E-mail address")).to_be_focused()
    page.keyboard.type(ada.email)
    tab_to(page, "Password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="The book")).to_be_visible()
    tab_to(page, "The book")
    page.keyboard.press("Enter")
    expect(viewer.card("Task A")).to_be_visible()
    viewer.wait_for_connection()
    tab_to(page, "Task A")
    page.keyboard.press("ArrowDown")
    assert focused(page) == "Task B"
    page.keyboard.press("Shift+ArrowUp")
    assert (focused(page), shown(viewer)) == ("Task B", ["Task B", "Task A", "Task C"])
    expect(page.locator("#announcements")).to_have_text("Task B: To do, 1 of 3.")
    page.keyboard.press("Shift+ArrowRight")
    assert (focused(page), shown(viewer, "In progress")) == ("Task B", ["Task B"])
    page.keyboard.press("ArrowLeft")
    assert focused(page) == "Task A"
    page.keyboard.press("Shift+ArrowDown")
    assert (focused(page), shown(viewer)) == ("Task A", ["Task C", "Task A"])
    wait_until(lambda: titles(ada, book) == ["Task B", "Task C", "Task A"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    tab_to(page, "Description")
    page.keyboard.type("By keyboard")
    tab_to(page, "Save")
    page.keyboard.press("Enter")
    wait_until(lambda: done(ada.get(f"/tasks/{tasks[0]['id']}"))["description"] == "By keyboard")
    expect(page.locator("#announcements")).to_have_text("The task is saved.")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page).to_have_url(re.compile(f"{project_address(book)}$"))
    assert focused(page) == "Task A"


def test_the_board_is_filtered(
    look: Look, ada: Person, grace: Person, book: Record, tasks: list[Record]
) -> None:
    done(ada.patch(f"/tasks/{tasks[0]['id']}", {"labels": ["maps"]}))
    done(ada.patch(f"/tasks/{tasks[1]['id']}", {"assignee_id": grace.id}))
    viewer = look()
    page = viewer.page
    viewer.sign_in(ada, project_address(book))
    visible = viewer.page.locator(".card .title")
    page.get_by_label("Filter by text").fill("task c")
    expect(visible).to_have_text(["Task C"])
    page.get_by_label("Filter by text").fill("")
    page.get_by_label("Filter by label").select_option("maps")
    expect(visible).to_have_text(["Task A"])
    page.get_by_label("Filter by label").select_option("")
    page.get_by_label("Filter by assignee").select_option("Grace")
    expect(visible).to_have_text(["Task B"])


def test_who_may_only_look_changes_nothing(
    look: Look, ada: Person, book: Record, tasks: list[Record], app: Flask
) -> None:
    reader = sign_up(app, "Rita")
    add_member(ada, book, reader, "viewer")
    viewer = look()
    viewer.sign_in(reader, project_address(book))
    expect(viewer.card("Task A")).to_be_visible()
    expect(viewer.page.get_by_label("New task")).to_be_hidden()
    drawer = viewer.open_task("Task A")
    expect(drawer.get_by_label("Title")).to_be_disabled()
    expect(drawer.get_by_role("button", name="Comment")).to_be_hidden()
