"""What a task waits for, chosen and taken back in its drawer."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Route, expect

from tests.browser.people import Viewer, project_address
from tests.changes import change
from tests.factories import Person
from tests.records import Record, done, make_task

Look = Callable[..., Viewer]


@pytest.fixture
def tasks(ada: Person, book: Record) -> dict[str, Record]:
    """Tasks of the book, by their titles."""
    titles = ("Draw a map", "Buy paper", "Buy ink", "Write the index")
    return {title: make_task(ada, title=title, project_id=book["id"]) for title in titles}


def related_to_the_map(viewer: Viewer, person: Person, book: Record, task: Record) -> Locator:
    """Open the map's drawer; returns what it says of other tasks."""
    viewer.sign_in(person, project_address(book, task))
    drawer = viewer.page.get_by_role("dialog")
    expect(drawer.get_by_label("Title")).to_have_value("Draw a map")
    return drawer.get_by_role("region", name="Related tasks")


def wait_for(related: Locator, title: str) -> None:
    related.get_by_label("Task that it waits for").select_option(title)
    related.get_by_role("button", name="Wait for it").click()


def remover(related: Locator, title: str) -> Locator:
    return related.get_by_role("button", name=f"Do not wait for {title}")


def blockers(person: Person, task: Record) -> list[str]:
    found: list[str] = done(person.get(f"/tasks/{task['id']}"))["blocked_by"]
    return found


def test_a_task_is_let_wait_for_others_and_for_one_no_more(
    look: Look, ada: Person, book: Record, tasks: dict[str, Record]
) -> None:
    task, paper, ink, _ = tasks.values()
    viewer = look()
    related = related_to_the_map(viewer, ada, book, task)
    for title in ("Buy paper", "Buy ink"):
        wait_for(related, title)
        expect(related.get_by_role("link", name=title)).to_be_visible()
        expect(viewer.page.locator("#announcements")).to_have_text(f"The task waits for {title}.")
    assert blockers(ada, task) == [paper["id"], ink["id"]]
    expect(related.get_by_role("option")).to_contain_text(["Choose", "Write the index"])
    remover(related, "Buy paper").click()
    expect(related.get_by_role("link", name="Buy paper")).to_have_count(0)
    expect(related.get_by_role("heading", name="Related tasks")).to_be_focused()
    assert blockers(ada, task) == [ink["id"]]


def test_what_others_have_changed_meanwhile_stays(
    look: Look, ada: Person, grace: Person, book: Record, tasks: dict[str, Record]
) -> None:
    task, paper, ink, index = tasks.values()
    change(ada, task, blocked_by=[index["id"]])
    viewer = look()
    related = related_to_the_map(viewer, ada, book, task)
    expect(remover(related, "Write the index")).to_be_visible()
    answers: list[int] = []

    def let_grace_be_faster(route: Route) -> None:
        change(grace, task, blocked_by=[index["id"], ink["id"]])
        answer = route.fetch()
        answers.append(answer.status)
        route.fulfill(response=answer)

    viewer.page.route(f"**/tasks/{task['id']}", let_grace_be_faster, times=1)
    wait_for(related, "Buy paper")
    expect(related.get_by_role("link", name="Buy paper")).to_be_visible()
    assert answers == [412]
    assert blockers(ada, task) == [index["id"], ink["id"], paper["id"]]


def test_what_would_be_a_circle_is_refused_beside_the_choice(
    look: Look, ada: Person, book: Record, tasks: dict[str, Record]
) -> None:
    task, paper, *_ = tasks.values()
    change(ada, paper, blocked_by=[task["id"]])
    related = related_to_the_map(look(), ada, book, task)
    expect(related).to_contain_text("Holds up")
    wait_for(related, "Buy paper")
    expect(related.get_by_role("alert")).to_contain_text("would wait for each other")
    assert blockers(ada, task) == []


def test_who_may_only_read_changes_none(
    look: Look, ada: Person, grace: Person, book: Record, tasks: dict[str, Record]
) -> None:
    task, paper, *_ = tasks.values()
    change(ada, task, blocked_by=[paper["id"]])
    done(ada.patch(f"/projects/{book['id']}/members/{grace.id}", {"role": "viewer"}))
    related = related_to_the_map(look(), grace, book, task)
    expect(related.get_by_role("link", name="Buy paper")).to_be_visible()
    expect(related.get_by_role("button")).to_have_count(0)
    done(ada.patch(f"/projects/{book['id']}/members/{grace.id}", {"role": "editor"}))
    expect(remover(related, "Buy paper")).to_be_visible()
    expect(related.get_by_role("button", name="Wait for it")).to_be_visible()


def test_a_task_without_any_other_says_nothing_of_them(
    look: Look, ada: Person, book: Record
) -> None:
    task = make_task(ada, title="Draw a map", project_id=book["id"])
    related = related_to_the_map(look(), ada, book, task)
    expect(related).to_be_hidden()
    make_task(ada, title="Buy paper", project_id=book["id"])
    expect(related.get_by_role("button", name="Wait for it")).to_be_visible()
