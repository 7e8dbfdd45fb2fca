"""Who belongs to a project: adding, roles, removing and leaving."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, expect

from tests.agents import make_agent
from tests.browser.looks import check, in_every_look, options_of
from tests.browser.people import Viewer, project_address
from tests.clockify import bring_in, export
from tests.clockify import line as entry_of
from tests.factories import Person, add_member, email_of, sign_up
from tests.records import Record, done

Look = Callable[..., Viewer]


@pytest.fixture
def viewer(look: Look, ada: Person, book: Record) -> Viewer:
    """Ada's browser with the members of the book."""
    return members_of(look(), ada, book)


def members_of(viewer: Viewer, person: Person, book: Record) -> Viewer:
    viewer.sign_in(person, f"{project_address(book)}/members")
    expect(viewer.page.get_by_role("heading", name=re.compile("The book.*Members"))).to_be_visible()
    return viewer


def row(viewer: Viewer, name: str) -> Locator:
    name_of = viewer.page.locator("strong").get_by_text(name, exact=True)
    return viewer.page.locator(".rows > li").filter(has=name_of)


def role_of(ada: Person, book: Record, person: Person) -> str:
    role: str = done(ada.get(f"/projects/{book['id']}/members/{person.id}"))["role"]
    return role


def say_role(page: Page, name: str, role: str) -> None:
    page.get_by_role("button", name=f"Change role of {name}").click()
    dialog = page.get_by_role("dialog", name=f"Role of {name}")
    dialog.get_by_label(role).check()
    dialog.get_by_role("button", name="Save").click()


def test_who_is_in_a_project_is_listed_with_their_roles(
    viewer: Viewer, ada: Person, grace: Person, book: Record
) -> None:
    make_agent(grace, name="Of nobody here")
    done(ada.patch(f"/projects/{book['id']}/members/{grace.id}", {"role": "owner"}))
    make_agent(grace, book, name="Typesetter")
    expect(row(viewer, "Ada")).to_contain_text("(you)")
    expect(row(viewer, "Ada")).to_contain_text("Owner")
    expect(row(viewer, "Grace")).to_contain_text(grace.email)
    expect(row(viewer, "Typesetter")).to_contain_text("Agent of Grace")
    expect(row(viewer, "Typesetter")).to_contain_text("Editor")
    expect(viewer.page.locator(".rows > li")).to_have_count(3)


def test_who_was_named_by_an_import_is_told_from_who_signed_up(
    viewer: Viewer, ada: Person, book: Record
) -> None:
    bring_in(ada, export(entry_of(email_of("Carol"), User="Carol C.")), project_id=book["id"])
    expect(row(viewer, "Carol C.")).to_contain_text("Named by an import, has not signed up yet")
    expect(row(viewer, "Grace")).not_to_contain_text("import")


def test_somebody_is_added_by_their_address(
    viewer: Viewer, app: Flask, ada: Person, book: Record
) -> None:
    mary = sign_up(app, "Mary")
    page = viewer.page
    page.get_by_label("E-mail address").fill(email_of("nobody"))
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("alert")).to_contain_text("ask them to sign up first")
    page.get_by_label("E-mail address").fill(mary.email)
    form = page.get_by_role("form", name="Add somebody")
    form.get_by_label("Role").select_option("Viewer")
    form.get_by_role("button", name="Add").click()
    expect(row(viewer, "Mary")).to_contain_text("Viewer")
    expect(page.get_by_label("E-mail address")).to_have_value("")
    expect(page.get_by_label("E-mail address")).to_be_focused()
    assert role_of(ada, book, mary) == "viewer"


def test_somebody_adds_an_agent_of_theirs(viewer: Viewer, ada: Person, book: Record) -> None:
    page = viewer.page
    expect(page.get_by_role("heading", name="Add an agent of yours")).to_be_hidden()
    agent = make_agent(ada, name="Typesetter")
    form = page.get_by_role("form", name="Add an agent of yours")
    form.get_by_label("Agent").select_option("Typesetter")
    expect(form.get_by_label("Role").get_by_role("option")).to_have_text(["Viewer", "Editor"])
    form.get_by_role("button", name="Add").click()
    expect(row(viewer, "Typesetter")).to_contain_text("Agent of yours")
    expect(form).to_be_hidden()
    assert role_of(ada, book, agent) == "editor"


def test_a_role_is_changed_and_is_so_for_the_other(
    viewer: Viewer, look: Look, ada: Person, grace: Person, book: Record
) -> None:
    other = look()
    other.sign_in(grace, project_address(book))
    expect(other.page.get_by_label("New task")).to_be_visible()
    say_role(viewer.page, "Grace", "Viewer")
    expect(other.page.get_by_label("New task")).to_be_hidden()
    expect(row(viewer, "Grace")).to_contain_text("Viewer")
    expect(viewer.page.get_by_role("button", name="Change role of Grace")).to_be_focused()
    assert role_of(ada, book, grace) == "viewer"


def test_who_was_too_late_with_a_role_is_told_and_may_insist(
    viewer: Viewer, ada: Person, grace: Person, book: Record
) -> None:
    page = viewer.page
    page.get_by_role("button", name="Change role of Grace").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Owner").check()
    done(ada.patch(f"/projects/{book['id']}/members/{grace.id}", {"role": "viewer"}))
    expect(row(viewer, "Grace")).to_contain_text("Viewer")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Grace, Viewer")
    assert role_of(ada, book, grace) == "viewer"
    dialog.get_by_role("button", name="Save").click()
    expect(row(viewer, "Grace")).to_contain_text("Owner")
    assert role_of(ada, book, grace) == "owner"


def test_who_is_removed_is_told(viewer: Viewer, look: Look, grace: Person, book: Record) -> None:
    other = look()
    other.sign_in(grace, project_address(book))
    expect(other.page.get_by_role("heading", name="The book")).to_be_visible()
    viewer.page.get_by_role("button", name="Remove Grace").click()
    dialog = viewer.page.get_by_role("dialog", name="Remove Grace?")
    dialog.get_by_role("button", name="Remove").click()
    expect(other.page.get_by_role("heading", name="Not here")).to_be_visible()
    expect(row(viewer, "Grace")).to_have_count(0)
    expect(viewer.page.get_by_role("heading", name="Members 1", exact=True)).to_be_focused()
    other.page.get_by_role("link", name="Your projects").click()
    expect(other.page.get_by_role("link", name="Personal tasks")).to_be_visible()
    expect(other.page.get_by_role("link", name="The book")).to_be_hidden()


def test_the_last_owner_cannot_leave_and_others_can(
    viewer: Viewer, look: Look, grace: Person, book: Record
) -> None:
    page = viewer.page
    page.get_by_role("button", name="Leave the project").click()
    dialog = page.get_by_role("dialog", name="Leave The book?")
    dialog.get_by_role("button", name="Leave").click()
    expect(dialog.get_by_role("alert")).to_contain_text("make somebody else an owner first")
    other = members_of(look(), grace, book)
    other.page.get_by_role("button", name="Leave the project").click()
    other.page.get_by_role("dialog").get_by_role("button", name="Leave").click()
    expect(other.page.get_by_role("heading", name="Projects")).to_be_visible()
    expect(row(viewer, "Grace")).to_have_count(0)


def test_who_does_not_own_a_project_reads_its_members(
    look: Look, grace: Person, book: Record
) -> None:
    viewer = members_of(look(), grace, book)
    expect(row(viewer, "Ada")).to_contain_text("Owner")
    expect(viewer.page.get_by_text("Owners add and remove people")).to_be_visible()
    for name in ("Change role of Ada", "Remove Ada", "Add"):
        expect(viewer.page.get_by_role("button", name=name, exact=True)).to_be_hidden()


def test_who_becomes_an_owner_may_change_them_at_once(
    look: Look, ada: Person, grace: Person, book: Record
) -> None:
    viewer = members_of(look(), grace, book)
    expect(row(viewer, "Ada")).to_be_visible()
    done(ada.patch(f"/projects/{book['id']}/members/{grace.id}", {"role": "owner"}))
    expect(viewer.page.get_by_role("button", name="Remove Ada")).to_be_visible()
    expect(viewer.page.get_by_label("E-mail address")).to_be_visible()


def test_the_project_of_others_is_not_here(look: Look, app: Flask, book: Record) -> None:
    viewer = look()
    viewer.sign_in(sign_up(app, "Mary"), f"{project_address(book)}/members")
    expect(viewer.page.get_by_role("heading", name="Not here")).to_be_visible()


@in_every_look
def test_the_members_of_a_project_can_be_seen_by_everybody(
    look: Look,
    app: Flask,
    ada: Person,
    grace: Person,
    book: Record,
    scheme: str,
    width: int,
    tmp_path: Path,
) -> None:
    add_member(ada, book, sign_up(app, "Wilhelmina-Featherstonehaugh"), "viewer")
    make_agent(ada, book, name="Typesetter")
    make_agent(ada, name="Proofreader")
    viewer = members_of(look(**options_of(scheme, width)), ada, book)
    page = viewer.page
    expect(row(viewer, "Typesetter")).to_contain_text("Agent of yours")
    check(page, "Members", tmp_path)
    page.get_by_role("button", name="Change role of Grace").click()
    check(page, "Role", tmp_path)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Leave the project").click()
    page.get_by_role("dialog").get_by_role("button", name="Leave").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
    check(page, "Leaving", tmp_path)
