"""What others do appears by itself, and nothing is lost while the connection is."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from tests.agents import claim_one, make_agent
from tests.browser.people import Viewer, project_address
from tests.changes import titles
from tests.factories import Person
from tests.records import Record, done, make_task
from tests.server import Server

Look = Callable[..., Viewer]


@pytest.fixture
def both(look: Look, ada: Person, grace: Person, book: Record) -> tuple[Viewer, Viewer]:
    """Ada and Grace with the board of the book before them."""
    viewers = look(), look()
    for viewer, person in zip(viewers, (ada, grace), strict=True):
        viewer.sign_in(person, project_address(book))
        expect(viewer.page.get_by_role("heading", name="The book")).to_be_visible()
    return viewers


def add(viewer: Viewer, title: str) -> None:
    viewer.page.get_by_label("New task").fill(title)
    viewer.page.keyboard.press("Enter")


def test_each_sees_what_the_other_does(both: tuple[Viewer, Viewer]) -> None:
    ada, grace = both
    for one, other, title in ((ada, grace, "Of Ada"), (grace, ada, "Of Grace")):
        add(one, title)
        expect(other.card(title)).to_be_visible()
    ada.card("Of Ada").drag_to(ada.column("Completed"))
    expect(grace.column("Completed").locator(".card")).to_have_count(1)


def test_who_is_here_and_on_what_is_told(
    both: tuple[Viewer, Viewer], ada: Person, book: Record, server: Server
) -> None:
    make_task(ada, title="Draw a map", project_id=book["id"])
    viewer, other = both
    here = viewer.page.get_by_role("list", name="Here now")
    expect(here).to_contain_text("Ada (you)")
    expect(here).to_contain_text("Grace")
    drawer = other.open_task("Draw a map")
    drawer.get_by_role("button", name="Start the timer").click()
    expect(viewer.card("Draw a map")).to_contain_text("Grace is on it")
    expect(here).to_contain_text("Grace · Draw a map")
    other.page.close()
    expect(here).not_to_contain_text("Grace")


def test_the_work_of_agents_is_told(look: Look, ada: Person, book: Record) -> None:
    make_task(ada, title="Draw a map", project_id=book["id"])
    agent = make_agent(ada, book)
    lease = claim_one(agent)
    viewer = look()
    viewer.sign_in(ada, project_address(book))
    card = viewer.card("Draw a map")
    expect(card).to_contain_text("Fixer works on it")
    said = {"progress": 40, "message": "<i>Running</i> the tests"}
    done(agent.post(f"/leases/{lease['id']}/heartbeat", said))
    expect(card).to_contain_text("Fixer works on it: 40% · <i>Running</i> the tests")
    expect(viewer.page.get_by_role("list", name="Here now")).to_contain_text("Fixer · working")


def test_a_cut_connection_loses_nothing(both: tuple[Viewer, Viewer]) -> None:
    ada, grace = both
    add(grace, "Before")
    expect(ada.card("Before")).to_be_visible()
    ada.context.set_offline(True)
    ada.wait_for_connection("offline")
    expect(ada.page.get_by_role("status")).to_contain_text("Offline")
    add(grace, "Meanwhile")
    expect(grace.card("Meanwhile")).to_be_visible()
    grace.card("Before").drag_to(grace.column("Completed"))
    expect(grace.column("Completed").locator(".card")).to_have_count(1)
    add(ada, "Of mine")
    expect(ada.page.get_by_role("alert")).to_contain_text("no connection")
    expect(ada.page.get_by_label("New task")).to_have_value("Of mine")
    ada.context.set_offline(False)
    ada.wait_for_connection()
    expect(ada.card("Meanwhile")).to_be_visible()
    expect(ada.column("Completed").locator(".card")).to_have_count(1)
    ada.page.get_by_label("New task").press("Enter")
    expect(grace.card("Of mine")).to_be_visible()


def test_a_task_whose_answer_was_lost_is_not_added_twice(
    look: Look, ada: Person, book: Record
) -> None:
    viewer = look()
    viewer.sign_in(ada, project_address(book))
    lost: list[int] = []

    def lose_the_first(route: Route) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route.fetch().status)
        route.abort()

    viewer.page.route("**/api/v1/tasks", lose_the_first)
    add(viewer, "Once")
    expect(viewer.page.get_by_role("alert")).to_contain_text("no connection")
    assert lost == [201]
    viewer.page.get_by_label("New task").press("Enter")
    expect(viewer.page.get_by_label("New task")).to_have_value("")
    assert titles(ada, book) == ["Once"]


def test_a_room_that_is_closed_to_one_says_so(
    both: tuple[Viewer, Viewer], ada: Person, grace: Person, book: Record
) -> None:
    _, viewer = both
    done(ada.delete(f"/projects/{book['id']}/members/{grace.id}"))
    expect(viewer.page.get_by_role("heading", name="Not here")).to_be_visible()
