"""Moving cards with a finger: one that is held is lifted; otherwise the board scrolls."""

from collections.abc import Callable

import pytest
from playwright.sync_api import CDPSession, expect

from tests.browser.people import Viewer, project_address
from tests.changes import titles
from tests.factories import Person
from tests.records import Record, done, make_task
from tests.waiting import wait_until

Look = Callable[..., Viewer]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


class Finger:
    """A finger on the glass."""

    def __init__(self, viewer: Viewer) -> None:
        self._session: CDPSession = viewer.context.new_cdp_session(viewer.page)

    def down(self, x: float, y: float) -> None:
        self._send("touchStart", [{"x": x, "y": y}])

    def to(self, x: float, y: float) -> None:
        self._send("touchMove", [{"x": x, "y": y}])

    def up(self) -> None:
        self._send("touchEnd", [])

    def _send(self, kind: str, points: list[dict[str, float]]) -> None:
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


@pytest.fixture
def tasks(ada: Person, book: Record) -> list[Record]:
    return [make_task(ada, title=f"Task {name}", project_id=book["id"]) for name in "ABC"]


@pytest.fixture
def viewer(look: Look, ada: Person, book: Record, tasks: list[Record]) -> Viewer:
    """Ada's telephone with the board open."""
    opened = look(**PHONE)
    opened.sign_in(ada, project_address(book))
    expect(opened.card(tasks[-1]["title"])).to_be_visible()
    return opened


def middle(viewer: Viewer, title: str) -> tuple[float, float]:
    box = viewer.card(title).bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def lift(viewer: Viewer, title: str) -> Finger:
    finger = Finger(viewer)
    finger.down(*middle(viewer, title))
    expect(viewer.page.locator(".card.lifted")).to_contain_text(title)
    return finger


def test_a_card_that_is_held_is_moved(viewer: Viewer, ada: Person, book: Record) -> None:
    x, y = middle(viewer, "Task A")
    finger = lift(viewer, "Task C")
    finger.to(x, y + 5)
    finger.to(x, y - 10)
    expect(viewer.page.locator(".drop-before")).to_contain_text("Task A")
    finger.up()
    expect(viewer.column("To do").locator(".title")).to_have_text(["Task C", "Task A", "Task B"])
    expect(viewer.page.locator(".lifted, .drop-before")).to_have_count(0)
    expect(viewer.page.get_by_role("dialog")).to_be_hidden()
    wait_until(lambda: titles(ada, book) == ["Task C", "Task A", "Task B"])


def test_at_the_edge_the_board_goes_on_to_the_next_column(
    viewer: Viewer, ada: Person, tasks: list[Record]
) -> None:
    x, y = middle(viewer, "Task B")
    finger = lift(viewer, "Task B")
    finger.to(x + 40, y)
    finger.to(385, y)
    expect(viewer.column("In progress")).to_be_in_viewport(ratio=0.5)
    finger.to(300, y)
    expect(viewer.page.locator(".drop-end")).to_contain_text("In progress")
    finger.up()
    expect(viewer.column("In progress").locator(".title")).to_have_text(["Task B"])
    wait_until(lambda: done(ada.get(f"/tasks/{tasks[1]['id']}"))["status"] == "in_progress")


def test_a_finger_that_wanders_at_once_scrolls(viewer: Viewer, ada: Person, book: Record) -> None:
    x, y = middle(viewer, "Task B")
    finger = Finger(viewer)
    clock = viewer.page.clock
    clock.install()
    clock.pause_at(viewer.page.evaluate("Date.now() + 60_000"))  # else it may be held for too long
    finger.down(x, y)
    for step in range(1, 12):
        finger.to(x - 20 * step, y)
    wait_until(
        lambda: bool(viewer.page.evaluate("document.querySelector('.board').scrollLeft > 0"))
    )
    clock.run_for(1000)
    expect(viewer.page.locator(".lifted")).to_have_count(0)
    finger.up()
    assert titles(ada, book) == ["Task A", "Task B", "Task C"]


def test_a_card_that_is_tapped_opens(viewer: Viewer) -> None:
    viewer.card("Task B").get_by_role("link").tap()
    expect(viewer.page.get_by_role("dialog").get_by_label("Title")).to_have_value("Task B")


def test_what_may_only_be_read_is_not_lifted(viewer: Viewer, ada: Person, book: Record) -> None:
    done(ada.patch(f"/projects/{book['id']}", {"archived": True}))
    expect(viewer.page.get_by_label("New task")).to_be_hidden()
    expect(viewer.page.locator(".card[draggable=true]")).to_have_count(0)
