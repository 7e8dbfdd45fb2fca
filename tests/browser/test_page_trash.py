"""The trash in the page: what was deleted, by whom, and how it comes back."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.looks import check, in_every_look, options_of
from tests.browser.people import Viewer, project_address
from tests.changes import change_all
from tests.factories import Person, add_member
from tests.records import (
    NINE,
    TEN,
    Record,
    done,
    make_comment,
    make_entry,
    make_item,
    make_project,
    make_task,
    refusal,
)

Look = Callable[..., Viewer]


@pytest.fixture
def task(ada: Person, book: Record) -> Record:
    """A task of the book with a checklist and comments."""
    made = make_task(ada, title="Draw a map", project_id=book["id"])
    make_item(ada, "Buy paper", task_id=made["id"])
    for body in ("Soon?", "Yes"):
        make_comment(ada, made, body)
    return made


def delete(person: Person, kind: str, record: Record) -> None:
    done(person.delete(f"/{kind}/{record['id']}"))


def rows_of(viewer: Viewer) -> Locator:
    return viewer.page.get_by_role("list", name="Deleted").get_by_role("listitem")


def row(viewer: Viewer, title: str) -> Locator:
    return rows_of(viewer).filter(has_text=title)


def restore(viewer: Viewer, title: str) -> None:
    viewer.page.get_by_role("button", name=f"Restore: {title}").click()


def status_of(person: Person, task: Record) -> int:
    return person.get(f"/tasks/{task['id']}").status_code


def test_it_says_what_was_deleted_where_and_by_whom(
    look: Look, ada: Person, grace: Person, book: Record, task: Record
) -> None:
    mine = make_task(ada, title="Sleep")
    delete(ada, "tasks", mine)
    delete(grace, "tasks", task)
    viewer = look(locale="en-GB")
    viewer.sign_in(ada, "#/trash")
    expect(rows_of(viewer)).to_have_count(2)
    expect(rows_of(viewer).first).to_contain_text("Draw a map")  # the newest
    theirs = row(viewer, "Draw a map")
    expect(theirs).to_contain_text("1 task of The book")
    expect(theirs).to_contain_text("Deleted by Grace")
    expect(row(viewer, "Sleep")).to_contain_text("Deleted by you")


def test_one_click_brings_a_whole_action_back(look: Look, ada: Person, book: Record) -> None:
    tasks = [make_task(ada, title=f"Part {n}", project_id=book["id"]) for n in range(3)]
    change_all(ada, *({"kind": "delete", "id": each["id"]} for each in tasks))
    viewer = look()
    viewer.sign_in(ada, "#/trash")
    expect(rows_of(viewer)).to_contain_text(["3 tasks of The book"])
    restore(viewer, "Part 0")
    expect(rows_of(viewer)).to_have_count(0)
    expect(viewer.page.locator("#announcements")).to_have_text("Part 0 is back.")
    expect(viewer.page.get_by_role("heading", name="Trash")).to_be_focused()
    assert [status_of(ada, each) for each in tasks] == [200] * 3


def test_the_focus_goes_to_the_next_line(look: Look, ada: Person) -> None:
    for title in ("Sleep", "Eat"):
        delete(ada, "tasks", make_task(ada, title=title))
    viewer = look()
    viewer.sign_in(ada, "#/trash")
    restore(viewer, "Eat")
    expect(row(viewer, "Eat")).to_have_count(0)
    expect(viewer.page.get_by_role("button", name="Restore: Sleep")).to_be_focused()


def test_what_cannot_come_back_is_told_with_the_reason(
    look: Look, ada: Person, grace: Person, book: Record, task: Record
) -> None:
    (comment, _) = done(ada.get(f"/tasks/{task['id']}/comments"))
    delete(ada, "comments", comment)
    delete(grace, "tasks", task)
    viewer = look()
    viewer.sign_in(ada, "#/trash")
    restore(viewer, comment["body"])
    told = viewer.page.get_by_role("status").filter(has_text="Not all")
    expect(told).to_contain_text("1 comment: Its task is in the trash; restore the task first.")
    expect(rows_of(viewer)).to_have_count(2)
    restore(viewer, "Draw a map")
    expect(told).to_have_count(0)
    expect(rows_of(viewer)).to_have_count(1)
    restore(viewer, comment["body"])
    expect(rows_of(viewer)).to_have_count(0)
    assert len(done(ada.get(f"/tasks/{task['id']}/comments"))) == 2


def test_time_that_would_overlap_stays_in_the_trash(look: Look, ada: Person) -> None:
    entry = make_entry(ada, NINE, TEN, note="Reading")
    delete(ada, "time-entries", entry)
    make_entry(ada, NINE, TEN, note="Writing")
    viewer = look()
    viewer.sign_in(ada, "#/trash")
    restore(viewer, "Reading")
    told = viewer.page.get_by_role("status").filter(has_text="Not all")
    expect(told).to_contain_text("1 time entry: ")
    expect(row(viewer, "Reading")).to_be_visible()


def test_who_may_not_write_is_told_so(
    look: Look, ada: Person, grace: Person, task: Record, book: Record
) -> None:
    delete(ada, "tasks", task)
    done(ada.patch(f"/projects/{book['id']}/members/{grace.id}", {"role": "viewer"}))
    viewer = look()
    viewer.sign_in(grace, "#/trash")
    restore(viewer, "Draw a map")
    expect(viewer.page.locator(".notice")).to_be_visible()
    expect(row(viewer, "Draw a map")).to_be_visible()
    assert status_of(ada, task) == 404


def test_a_deleted_project_comes_back_with_all_that_is_in_it(
    look: Look, ada: Person, book: Record, task: Record
) -> None:
    delete(ada, "projects", book)
    viewer = look()
    viewer.sign_in(ada, "#/trash")
    expect(row(viewer, "The book")).to_contain_text("1 project")
    restore(viewer, "The book")
    expect(rows_of(viewer)).to_have_count(0)
    viewer.go(project_address(book))
    expect(viewer.card("Draw a map")).to_be_visible()


def test_the_trash_of_one_project_is_shown_alone_and_is_live(
    look: Look, ada: Person, grace: Person, book: Record, task: Record
) -> None:
    other = make_project(ada, name="Another")
    add_member(ada, other, grace, "editor")
    delete(ada, "tasks", make_task(ada, title="Elsewhere", project_id=other["id"]))
    viewer = look()
    viewer.sign_in(ada, "#/trash")
    expect(row(viewer, "Elsewhere")).to_be_visible()
    viewer.page.get_by_label("Deleted in").select_option("The book")
    expect(rows_of(viewer)).to_have_count(0)
    viewer.wait_for_connection()
    delete(grace, "tasks", task)
    expect(row(viewer, "Draw a map")).to_contain_text("Deleted by Grace")
    (operation,) = done(ada.get(f"/trash?project_id={book['id']}"))
    done(grace.post(f"/trash/{operation['id']}/restore"))
    expect(rows_of(viewer)).to_have_count(0)


def test_what_is_deleted_elsewhere_appears(look: Look, ada: Person) -> None:
    task = make_task(ada, title="Sleep")
    viewer = look()
    viewer.sign_in(ada, "#/trash")
    expect(viewer.page.get_by_text("There is nothing here.")).to_be_visible()
    delete(ada, "tasks", task)
    expect(row(viewer, "Sleep")).to_be_visible()


def test_a_trash_that_cannot_be_read_is_not_called_empty(look: Look, ada: Person) -> None:
    task = make_task(ada, title="Draw a map")
    done(ada.delete(f"/tasks/{task['id']}"))
    viewer = look()
    viewer.sign_in(ada)
    page = viewer.page
    page.route("**/trash?*", lambda route: route.abort())
    page.get_by_role("link", name="Trash").click()
    again = page.get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    expect(page.get_by_text("There is nothing here")).to_have_count(0)
    page.unroute_all()
    again.click()
    expect(page.get_by_role("listitem")).to_contain_text("Draw a map")


def test_what_was_undone_elsewhere_meanwhile_is_told(
    look: Look, ada: Person, grace: Person, book: Record, task: Record
) -> None:
    delete(ada, "tasks", task)
    viewer = look()
    viewer.sign_in(grace, "#/trash")
    expect(row(viewer, "Draw a map")).to_be_visible()
    (operation,) = done(ada.get(f"/trash?project_id={book['id']}"))
    done(ada.post(f"/trash/{operation['id']}/restore"))
    assert refusal(ada.post(f"/trash/{operation['id']}/restore")) == (404, "not_found")
    restore(viewer, "Draw a map")
    expect(rows_of(viewer)).to_have_count(0)
    expect(viewer.page.locator(".notice")).to_be_visible()


@in_every_look
def test_the_trash_can_be_used_by_everybody(
    look: Look,
    ada: Person,
    grace: Person,
    book: Record,
    task: Record,
    scheme: str,
    width: int,
    tmp_path: Path,
) -> None:
    viewer = look(**options_of(scheme, width))
    viewer.sign_in(ada, "#/trash")
    expect(viewer.page.get_by_text("There is nothing here.")).to_be_visible()
    check(viewer.page, "Empty trash", tmp_path)
    (comment, _) = done(ada.get(f"/tasks/{task['id']}/comments"))
    delete(ada, "comments", comment)
    delete(grace, "tasks", task)
    delete(ada, "tasks", make_task(ada, title="Ask all those who have read the first half of it"))
    expect(rows_of(viewer)).to_have_count(3)
    check(viewer.page, "Trash", tmp_path)
    restore(viewer, comment["body"])
    expect(viewer.page.get_by_role("heading", name="Not all")).to_be_visible()
    check(viewer.page, "Not restored", tmp_path)
