"""Notifications in the page: what is said, where it leads, and what is read."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from models.notification import NotificationKind
from services.db_client import db
from services.notification_service import notification_service
from tests.browser.looks import check, in_every_look, options_of
from tests.browser.people import Viewer
from tests.factories import Person
from tests.records import Record, done, make_entry, make_task
from tests.waiting import wait_until
from utils.helpers import new_id

Look = Callable[..., Viewer]
MARKUP = "<img src=x onerror=alert(1)>"


@pytest.fixture
def task(ada: Person, grace: Person, book: Record) -> Record:
    return make_task(ada, title="Draw a map", project_id=book["id"], assignee_id=grace.id)


def tell(kind: NotificationKind, person: Person, **what: Any) -> None:
    """Tell somebody something, without the job that does it otherwise."""
    what = {"key": new_id(), "actor_id": None} | what
    db.transaction(partial(notification_service.tell, kind, [person.id], **what))


def write_to(person: Person, sender: Person, subject: str, message: str = "Well?") -> None:
    body = {"user_id": person.id, "subject": subject, "message": message}
    assert sender.post("/notify", body).status_code == 202


def unread(viewer: Viewer) -> Locator:
    return viewer.page.get_by_role("list", name="Not read yet").get_by_role("listitem")


def read(viewer: Viewer) -> Locator:
    return viewer.page.get_by_role("list", name="Read", exact=True).get_by_role("listitem")


def count(viewer: Viewer) -> Locator:
    """What the header says of how many are to be read."""
    places = viewer.page.get_by_role("navigation", name="Views")
    return places.get_by_role("link", name="Notifications").locator(".count")


def left(person: Person) -> list[str]:
    """Return the titles of what somebody has not read."""
    return [each["title"] for each in done(person.get("/notifications?unread=true"))]


def test_each_kind_says_what_happened_and_leads_there(
    look: Look, ada: Person, grace: Person, book: Record, task: Record
) -> None:
    entry = make_entry(grace)
    about_task = {"subject_id": task["id"], "project_id": book["id"]}
    by_ada = about_task | {"actor_id": ada.id}
    board = f"#/projects/{book['id']}"
    expected = {
        NotificationKind.ASSIGNED: (by_ada, "Ada gave you a task", f"#/tasks/{task['id']}"),
        NotificationKind.DUE_SOON: (about_task, "This is due soon", f"#/tasks/{task['id']}"),
        NotificationKind.OVERDUE: (about_task, "This is overdue", f"#/tasks/{task['id']}"),
        NotificationKind.AGENT_FINISHED: (by_ada, "Ada has finished", f"#/tasks/{task['id']}"),
        NotificationKind.AGENT_FAILED: (by_ada, "Ada has failed", f"#/tasks/{task['id']}"),
        NotificationKind.TIMER_LONG: (
            {"subject_id": entry["id"]},
            "Your timer has been running for long",
            "#/time",
        ),
        NotificationKind.INVITED: (
            {"subject_id": book["id"], "project_id": book["id"], "actor_id": ada.id},
            "Ada added you to a project",
            board,
        ),
        NotificationKind.WEBHOOK_DISABLED: (
            {"subject_id": new_id(), "project_id": book["id"], "title": "hooks.example.org"},
            "A webhook was switched off",
            f"{board}/webhooks",
        ),
        NotificationKind.EXPORT_READY: ({}, "Your export is ready", "#/import"),
    }
    for kind, (what, _, _) in expected.items():
        tell(kind, grace, **what)
    viewer = look()
    viewer.sign_in(grace, "#/notifications")
    for _, sentence, address in expected.values():
        row = unread(viewer).filter(has_text=sentence)
        expect(row.get_by_role("link")).to_have_attribute("href", address)
    expect(unread(viewer)).to_have_count(len(expected))
    expect(unread(viewer).filter(has_text="overdue")).to_contain_text("The book")


def test_a_message_is_read_as_it_was_written(look: Look, grace: Person) -> None:
    write_to(grace, grace, MARKUP, "First\nSecond")
    viewer = look()
    viewer.sign_in(grace, "#/notifications")
    expect(unread(viewer)).to_contain_text(f"You write{MARKUP}")
    expect(unread(viewer).locator(".message")).to_have_text("First\nSecond")
    assert viewer.page.locator("img").count() == 0


def test_one_that_is_marked_as_read_moves_and_the_count_follows(
    look: Look, ada: Person, grace: Person, book: Record
) -> None:
    assert book
    for subject in ("First", "Second", "Third"):
        write_to(grace, ada, subject)
    viewer = look()
    viewer.sign_in(grace, "#/notifications")
    expect(count(viewer)).to_have_text("3")
    row = unread(viewer).filter(has_text="Second")
    expect(row).to_contain_text("Ada writes")
    row.get_by_role("button", name="Mark as read").click()
    expect(unread(viewer)).to_have_count(2)
    expect(count(viewer)).to_have_text("2")
    expect(read(viewer)).to_contain_text(["Second"])
    expect(unread(viewer).filter(has_text="First").get_by_role("button")).to_be_focused()
    assert left(grace) == ["Third", "First"]


def test_all_are_marked_as_read_at_once(
    look: Look, ada: Person, grace: Person, book: Record
) -> None:
    assert book
    for subject in ("First", "Second"):
        write_to(grace, ada, subject)
    viewer = look()
    viewer.sign_in(grace, "#/notifications")
    viewer.page.get_by_role("button", name="Mark all as read").click()
    expect(unread(viewer)).to_have_count(0)
    expect(viewer.page.get_by_text("You have read everything.")).to_be_visible()
    expect(count(viewer)).to_be_empty()
    expect(viewer.page.get_by_role("button", name="Mark all as read")).to_be_hidden()
    expect(read(viewer)).to_contain_text(["Second", "First"])
    assert left(grace) == []


def test_opening_what_it_is_about_marks_it_as_read(
    look: Look, ada: Person, grace: Person, book: Record, task: Record
) -> None:
    tell(
        NotificationKind.ASSIGNED,
        grace,
        actor_id=ada.id,
        subject_id=task["id"],
        project_id=book["id"],
    )
    viewer = look()
    viewer.sign_in(grace, "#/notifications")
    unread(viewer).get_by_role("link", name="Draw a map").click()
    expect(viewer.page).to_have_url(re.compile(f"{book['id']}/tasks/{task['id']}$"))
    expect(viewer.page.get_by_role("dialog").get_by_label("Title")).to_have_value("Draw a map")
    expect(count(viewer)).to_be_empty()
    wait_until(lambda: left(grace) == [])


def test_a_new_one_appears_at_once_and_is_announced(
    look: Look, ada: Person, grace: Person, book: Record
) -> None:
    assert book
    viewer = look()
    viewer.sign_in(grace, "#/notifications")
    expect(viewer.page.get_by_text("You have read everything.")).to_be_visible()
    write_to(grace, ada, "The cover")
    expect(unread(viewer)).to_contain_text(["The cover"])
    expect(count(viewer)).to_have_text("1")
    announced = viewer.page.locator("#announcements")
    expect(announced).to_have_text("New notification. Ada writes: The cover.")
    expect(announced).to_have_attribute("aria-live", "polite")


def test_what_is_read_elsewhere_is_read_here(
    look: Look, ada: Person, grace: Person, book: Record
) -> None:
    assert book
    write_to(grace, ada, "The cover")
    viewer = look()
    viewer.sign_in(grace, "#/notifications")
    expect(unread(viewer)).to_have_count(1)
    done(grace.post("/notifications/read-all"))
    expect(unread(viewer)).to_have_count(0)
    expect(read(viewer)).to_contain_text(["The cover"])


@in_every_look
def test_notifications_can_be_used_by_everybody(
    look: Look, ada: Person, grace: Person, book: Record, scheme: str, width: int, tmp_path: Path
) -> None:
    viewer = look(**options_of(scheme, width))
    viewer.sign_in(grace, "#/notifications")
    expect(viewer.page.get_by_text("You have read everything.")).to_be_visible()
    check(viewer.page, "No notifications", tmp_path)
    long = make_task(
        ada, title="Draw a map of all the places that the book names", project_id=book["id"]
    )
    about = {"subject_id": long["id"], "project_id": book["id"]}
    write_to(grace, ada, "Read already")
    done(grace.post("/notifications/read-all"))
    tell(NotificationKind.OVERDUE, grace, **about)
    tell(NotificationKind.AGENT_FAILED, grace, actor_id=ada.id, **about)
    write_to(grace, ada, "The cover", "What do you think?\n\nI like the blue one.")
    expect(unread(viewer)).to_have_count(3)
    expect(read(viewer)).to_have_count(1)
    check(viewer.page, "Notifications", tmp_path)
