"""What a project is: its name and rules, the archive, the trash; and the list of projects."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.looks import check, in_every_look, options_of
from tests.browser.people import Viewer, project_address
from tests.factories import Person
from tests.records import Record, done, make_project, refusal
from tests.waiting import wait_until

Look = Callable[..., Viewer]


@pytest.fixture
def viewer(look: Look, ada: Person, book: Record) -> Viewer:
    """Ada's browser with what the book is."""
    return about(look(), ada, book)


def about(viewer: Viewer, person: Person, book: Record) -> Viewer:
    viewer.sign_in(person, f"{project_address(book)}/settings")
    expect(viewer.page.get_by_label("Name")).to_have_value("The book")
    return viewer


def now(person: Person, project: Record) -> Record:
    found: Record = done(person.get(f"/projects/{project['id']}"))
    return found


def save(viewer: Viewer) -> None:
    viewer.page.get_by_role("button", name="Save", exact=True).click()


def line(viewer: Viewer, name: str) -> Locator:
    link = viewer.page.get_by_role("link", name=name, exact=True)
    return viewer.page.locator(".projects > li").filter(has=link)


def test_all_that_a_project_is_can_be_changed(viewer: Viewer, ada: Person, book: Record) -> None:
    page = viewer.page
    page.get_by_label("Name").fill("The long book")
    page.get_by_label("Description").fill("Of all places")
    page.get_by_label("Time", exact=True).select_option("Billable")
    page.get_by_label("Rate per hour").fill("80.5")
    page.get_by_label("Currency").fill("eur")
    page.get_by_label("blocked by an open one").select_option("Possible, with a warning")
    page.get_by_label("has an open subtask").select_option("Not possible")
    page.get_by_label("When agents have done").select_option("propose")
    save(viewer)
    expect(page.get_by_role("heading", level=1)).to_contain_text("The long book")
    expect(page.get_by_label("Currency")).to_have_value("EUR")
    expect(page.get_by_label("Rate per hour")).to_have_value("80.50")
    saved = now(ada, book)
    assert (saved["name"], saved["description"]) == ("The long book", "Of all places")
    assert saved["settings"] == {
        "billable": True,
        "hourly_rate_minor": 8050,
        "currency": "EUR",
        "completing_blocked": "warn",
        "completing_parent": "refuse",
        "agents_completing": "propose",
    }


def test_a_rate_stays_what_it_says_in_a_currency_without_cents(
    viewer: Viewer, ada: Person, book: Record
) -> None:
    done(
        ada.patch(
            f"/projects/{book['id']}",
            {"settings": {"currency": "EUR", "hourly_rate_minor": 9000}},
        )
    )
    expect(viewer.page.get_by_label("Rate per hour")).to_have_value("90.00")
    viewer.page.get_by_label("Currency").fill("JPY")
    save(viewer)
    expect(viewer.page.get_by_label("Rate per hour")).to_have_value("90")
    assert now(ada, book)["settings"]["hourly_rate_minor"] == 90


def test_what_is_wrong_is_said_beside_the_field(viewer: Viewer) -> None:
    currency = viewer.page.get_by_label("Currency")
    currency.fill("E1")
    save(viewer)
    expect(currency).to_have_attribute("aria-invalid", "true")
    expect(currency).to_be_focused()


@pytest.mark.parametrize(("choice", "name"), [("Yours", "Ada's"), ("Theirs", "Somebody's")])
def test_when_both_changed_the_same_one_chooses(
    viewer: Viewer, ada: Person, book: Record, choice: str, name: str
) -> None:
    page = viewer.page
    page.get_by_label("Name").fill("Ada's")
    done(ada.patch(f"/projects/{book['id']}", {"name": "Somebody's", "description": "New"}))
    expect(page.get_by_label("Name")).to_have_value("Ada's")
    save(viewer)
    question = page.get_by_role("form", name="Somebody else has changed this")
    expect(question.get_by_role("heading")).to_be_focused()
    question.get_by_label(choice).check()
    question.get_by_role("button", name="Save what is chosen").click()
    expect(question).to_be_hidden()
    wait_until(lambda: bool(now(ada, book)["name"] == name))
    expect(page.get_by_label("Description")).to_have_value("New")
    assert now(ada, book)["description"] == "New"


def test_what_others_change_comes_in(viewer: Viewer, ada: Person, book: Record) -> None:
    viewer.page.get_by_label("Description").fill("Mine")
    done(ada.patch(f"/projects/{book['id']}", {"name": "Another book"}))
    expect(viewer.page.get_by_label("Name")).to_have_value("Another book")
    expect(viewer.page.get_by_label("Description")).to_have_value("Mine")


def test_who_does_not_own_a_project_reads_what_it_is(
    look: Look, grace: Person, book: Record
) -> None:
    viewer = about(look(), grace, book)
    expect(viewer.page.get_by_text("Owners change this.")).to_be_visible()
    expect(viewer.page.get_by_label("Name")).to_be_disabled()
    expect(viewer.page.get_by_role("button", name="Delete the project")).to_be_hidden()


def test_an_archived_project_takes_no_tasks_until_it_is_out_of_the_archive(
    viewer: Viewer, ada: Person, book: Record
) -> None:
    page = viewer.page
    page.get_by_role("button", name="Archive the project").click()
    out = page.get_by_role("button", name="Take it out of the archive")
    expect(out).to_be_focused()
    task = {"title": "Write", "project_id": book["id"]}
    assert refusal(ada.post("/tasks", task)) == (409, "project_archived")
    viewer.go()
    expect(line(viewer, "The book")).to_be_hidden()
    page.get_by_text("Archived 1").click()
    line(viewer, "The book").get_by_role("link").click()
    page.get_by_role("link", name="About").click()
    out.click()
    expect(page.get_by_role("button", name="Archive the project")).to_be_visible()
    done(ada.post("/tasks", task))


def test_a_project_is_deleted_and_comes_back(
    viewer: Viewer, look: Look, ada: Person, grace: Person, book: Record
) -> None:
    other = look()
    other.sign_in(grace, project_address(book))
    expect(other.page.get_by_role("heading", name="The book")).to_be_visible()
    page = viewer.page
    page.get_by_role("button", name="Delete the project").click()
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()
    expect(line(viewer, "The book")).to_be_hidden()
    expect(other.page.get_by_role("heading", name="Not here")).to_be_visible()
    assert ada.get(f"/projects/{book['id']}").status_code == 404
    page.get_by_role("button", name="Undo").click()
    expect(line(viewer, "The book")).to_be_visible()
    assert now(grace, book)["role"] == "editor"


def test_projects_are_listed_with_what_one_may_do_in_them(
    look: Look, ada: Person, grace: Person, book: Record
) -> None:
    make_project(grace, name="Garden", description="Beds and paths")
    viewer = look()
    viewer.sign_in(grace)
    expect(line(viewer, "The book")).to_contain_text("Editor")
    expect(line(viewer, "Garden")).to_contain_text("Owner")
    expect(line(viewer, "Garden")).to_contain_text("Beds and paths")
    expect(viewer.page.get_by_text("Archived")).to_be_hidden()
    done(ada.patch(f"/projects/{book['id']}/members/{grace.id}", {"role": "viewer"}))
    expect(line(viewer, "The book")).to_contain_text("Viewer")


@in_every_look
def test_a_project_can_be_seen_by_everybody(
    look: Look, ada: Person, book: Record, scheme: str, width: int, tmp_path: Path
) -> None:
    make_project(ada, name="Garden", description="Beds and paths, and what grows in them")
    old = make_project(ada, name="The house")
    done(ada.patch(f"/projects/{old['id']}", {"archived": True}))
    viewer = look(**options_of(scheme, width))
    page = viewer.page
    viewer.sign_in(ada)
    page.get_by_text("Archived 1").click()
    expect(line(viewer, "The house")).to_be_visible()
    check(page, "Projects", tmp_path)
    viewer.go(f"{project_address(book)}/settings")
    expect(page.get_by_role("button", name="Archive the project")).to_be_visible()
    page.get_by_label("Name").fill("Ada's")
    check(page, "About", tmp_path)
    page.screenshot(path=tmp_path / "About whole.png", full_page=True)
    done(ada.patch(f"/projects/{book['id']}", {"name": "Somebody's"}))
    save(viewer)
    expect(page.get_by_role("form", name="Somebody else has changed this")).to_be_visible()
    check(page, "Conflict", tmp_path)
