"""Views whose part of the page comes when they are opened: at once, late, or not at all."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Route, expect

from tests.browser.people import Viewer, project_address
from tests.factories import Person
from tests.records import Record, make_task

Look = Callable[..., Viewer]

TRASH = "**/views/trash.js"
NOT_FETCHED = "Failed to fetch dynamically imported module"  # said by the browser to developers
NAMED = "document.querySelectorAll('link[href^=web], script[src^=web]')"
ADDRESSES = f"[...{NAMED}].map((each) => each.href ?? each.src)"
# Everything that waits for the module goes on before this does.
IMPORT_TRASH = "async (app) => void (await import(app.replace('app.js', 'views/trash.js')))"


def heading(viewer: Viewer, name: str) -> Locator:
    return viewer.page.get_by_role("heading", name=name, exact=True)


def go_to(viewer: Viewer, place: str) -> None:
    """Follow a link of the header."""
    views = viewer.page.get_by_role("navigation", name="Views")
    views.get_by_role("link", name=place).click()


def hold_trash(viewer: Viewer) -> list[Route]:
    """Let the trash not come yet; returns who waits for it."""
    return viewer.hold(TRASH)


def send_trash(viewer: Viewer, held: list[Route]) -> None:
    """Let the trash come, and return when it is there."""
    viewer.send(held)
    assert len(held) == 1
    viewer.page.evaluate(IMPORT_TRASH, viewer.page.evaluate("document.scripts[0].src"))


@pytest.fixture
def waiting(look: Look, ada: Person) -> tuple[Viewer, list[Route]]:
    """Ada, who wants to see the trash, which does not come yet."""
    viewer = look()
    viewer.sign_in(ada)
    held = hold_trash(viewer)
    go_to(viewer, "Trash")
    expect(heading(viewer, "Loading …")).to_be_focused()
    return viewer, held


def test_the_first_view_takes_what_the_page_names_and_others_take_more(
    look: Look, ada: Person, book: Record
) -> None:
    make_task(ada, title="Draw a map", project_id=book["id"])
    viewer = look()
    asked: list[str] = []
    viewer.page.on("request", lambda request: asked.append(request.url))
    viewer.go()
    expect(heading(viewer, "Sign in")).to_be_visible()
    named = viewer.page.evaluate(ADDRESSES)
    assert sorted(url for url in asked if "/web/" in url) == sorted(set(named))
    viewer.sign_in(ada, project_address(book))
    viewer.open_task("Draw a map")
    assert {url for url in asked if "/web/" in url} == set(named)
    viewer.page.go_back()
    go_to(viewer, "Trash")
    expect(heading(viewer, "Trash")).to_be_visible()
    assert any(url.endswith("/views/trash.js") for url in asked)


def test_what_takes_long_says_so_and_comes(waiting: tuple[Viewer, list[Route]]) -> None:
    viewer, held = waiting
    page = viewer.page
    expect(page).to_have_title(re.compile("^Loading …"))
    expect(page.get_by_role("link", name="Trash")).to_have_attribute("aria-current", "page")
    send_trash(viewer, held)
    expect(heading(viewer, "Trash")).to_be_focused()
    expect(page).to_have_title(re.compile("^Trash"))


def test_nobody_is_told_of_what_comes_soon(look: Look, ada: Person) -> None:
    viewer = look()
    viewer.page.clock.install()
    viewer.sign_in(ada)
    held = hold_trash(viewer)
    viewer.page.clock.pause_at(viewer.page.evaluate("Date.now() + 60_000"))
    with viewer.page.expect_request(TRASH):
        go_to(viewer, "Trash")
    viewer.page.clock.run_for(199)
    expect(heading(viewer, "Projects")).to_be_visible()
    send_trash(viewer, held)
    viewer.page.clock.run_for(1000)
    expect(heading(viewer, "Trash")).to_be_focused()


def test_who_has_gone_elsewhere_stays_there(waiting: tuple[Viewer, list[Route]]) -> None:
    viewer, held = waiting
    go_to(viewer, "Projects")
    expect(heading(viewer, "Projects")).to_be_focused()
    send_trash(viewer, held)
    expect(viewer.page).to_have_title(re.compile("^Projects"))
    expect(heading(viewer, "Projects")).to_be_focused()
    expect(heading(viewer, "Trash")).to_have_count(0)


def test_who_goes_away_and_back_while_it_comes_gets_it_once(
    waiting: tuple[Viewer, list[Route]],
) -> None:
    viewer, held = waiting
    lists: list[str] = []
    viewer.page.on("request", lambda request: lists.append(request.url))
    go_to(viewer, "Projects")
    expect(heading(viewer, "Projects")).to_be_focused()
    go_to(viewer, "Trash")
    expect(heading(viewer, "Loading …")).to_be_focused()
    send_trash(viewer, held)
    expect(viewer.page.get_by_text("There is nothing here.")).to_be_visible()
    assert len([url for url in lists if "/api/v1/trash" in url]) == 1


def test_who_is_on_the_way_is_not_led_back_by_a_task_that_goes(
    look: Look, ada: Person, book: Record
) -> None:
    task = make_task(ada, title="Draw a map", project_id=book["id"])
    viewer = look()
    viewer.page.clock.install()
    viewer.sign_in(ada, project_address(book, task))
    trash = hold_trash(viewer)
    deletion = viewer.hold(f"**/tasks/{task['id']}")
    drawer = viewer.page.get_by_role("dialog")
    drawer.get_by_role("button", name="Delete the task").click()
    viewer.wait_for_request(deletion)
    viewer.page.clock.pause_at(viewer.page.evaluate("Date.now() + 60_000"))
    viewer.page.evaluate("location.hash = '#/trash'")
    viewer.wait_for_request(trash)
    viewer.send(deletion)
    expect(drawer).to_be_hidden()
    send_trash(viewer, trash)
    viewer.page.clock.run_for(1000)
    expect(heading(viewer, "Trash")).to_be_visible()


def test_who_signs_out_meanwhile_is_signed_out(waiting: tuple[Viewer, list[Route]]) -> None:
    viewer, held = waiting
    viewer.page.get_by_role("button", name="Sign out").click()
    expect(heading(viewer, "Sign in")).to_be_visible()
    send_trash(viewer, held)
    expect(viewer.page).to_have_title(re.compile("^Sign in"))
    expect(heading(viewer, "Trash")).to_have_count(0)


def test_what_comes_late_takes_the_focus_from_nobody(waiting: tuple[Viewer, list[Route]]) -> None:
    viewer, held = waiting
    note = viewer.page.get_by_label("Note of the timer")
    note.press_sequentially("Rea")
    send_trash(viewer, held)
    expect(heading(viewer, "Trash")).to_be_visible()
    note.press_sequentially("ding")
    expect(note).to_have_value("Reading")
    expect(note).to_be_focused()


def test_what_comes_late_closes_no_dialog(waiting: tuple[Viewer, list[Route]]) -> None:
    viewer, held = waiting
    viewer.page.keyboard.press("i")
    line = viewer.page.get_by_label("Line for the inbox")
    line.fill("Buy paper")
    send_trash(viewer, held)
    expect(viewer.page.locator("h1", has_text="Trash")).to_be_visible()
    expect(line).to_have_value("Buy paper")
    expect(line).to_be_focused()


def test_what_does_not_come_says_what_to_do(look: Look, ada: Person) -> None:
    viewer = look()
    viewer.sign_in(ada)
    viewer.page.route(TRASH, lambda route: route.abort())
    go_to(viewer, "Trash")
    expect(heading(viewer, "This view could not be loaded")).to_be_focused()
    go_to(viewer, "Inbox")
    expect(heading(viewer, "Inbox")).to_be_focused()
    go_to(viewer, "Trash")
    expect(heading(viewer, "This view could not be loaded")).to_be_focused()
    assert [NOT_FETCHED in viewer.complaints.pop() for _ in range(2)] == [True, True]
    viewer.page.unroute_all()
    viewer.page.get_by_role("button", name="Load the page again").click()
    expect(heading(viewer, "Trash")).to_be_visible()


def test_after_an_update_one_is_asked_to_load_the_page_again(look: Look, ada: Person) -> None:
    viewer = look()
    viewer.sign_in(ada)
    of_before = f"{viewer.url}/web/of-before/views/trash.js"
    viewer.page.route(TRASH, lambda route: route.continue_(url=of_before))
    go_to(viewer, "Trash")
    expect(heading(viewer, "This view could not be loaded")).to_be_focused()
    expect(viewer.page.locator("#main")).to_contain_text("Stint was updated")
    assert NOT_FETCHED in viewer.complaints.pop()
