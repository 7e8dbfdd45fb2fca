"""The account's settings: who one is, sessions, tokens, agents, and deleting it all."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from models.mail import Letter
from tests.agents import make_agent
from tests.browser.people import Viewer
from tests.factories import PASSWORD, Person, email_of, make_token
from tests.letters import last_letter
from tests.records import Record, done, make_project
from tests.server import Server
from tests.waiting import wait_until

Look = Callable[..., Viewer]
HALF_AN_HOUR = "Australia/Adelaide"  # off from everywhere whose clock shows whole hours


@pytest.fixture
def settings(look: Look, ada: Person) -> Viewer:
    """Ada's browser with her profile open."""
    return open_settings(look, ada)


def open_settings(look: Look, person: Person, end: str = "#/settings") -> Viewer:
    opened = look(locale="en-GB")
    opened.sign_in(person, end)
    return opened


def me(person: Person) -> Record:
    found: Record = done(person.get("/users/me"))
    return found


def confirm(page: Page, password: str = PASSWORD) -> None:
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Your password").fill(password)
    dialog.get_by_label("Your password").press("Enter")


def make_token_on(page: Page, name: str) -> str:
    """Make a token by the form; returns what is shown of it."""
    page.get_by_role("button", name="New token").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_role("button", name="Make the token").click()
    expect(page.locator(".once").get_by_role("heading")).to_be_focused()
    return page.locator(".secret").inner_text()


def test_a_name_is_changed_here_and_wherever_it_is_shown(settings: Viewer, ada: Person) -> None:
    page = settings.page
    page.get_by_label("Name").fill("Ada King")
    page.get_by_role("button", name="Save the name").click()
    expect(page.locator(".account .name")).to_have_text("Ada King")
    assert me(ada)["name"] == "Ada King"


def test_what_is_changed_elsewhere_appears(settings: Viewer, ada: Person) -> None:
    page = settings.page
    done(ada.patch("/users/me", {"name": "Countess", "timezone": "Asia/Tokyo"}))
    expect(page.get_by_label("Name")).to_have_value("Countess")
    expect(page.get_by_label("Time zone")).to_have_value("Asia/Tokyo")
    expect(page.locator(".account .name")).to_have_text("Countess")


def test_a_name_that_was_changed_meanwhile_is_not_lost_unseen(
    settings: Viewer, ada: Person
) -> None:
    page = settings.page
    page.get_by_label("Name").fill("Mine")
    settings.context.set_offline(True)
    settings.wait_for_connection("offline")
    done(ada.patch("/users/me", {"name": "Theirs"}))
    page.route("**/ws/tickets", lambda route: route.abort())  # nothing live comes any more
    settings.context.set_offline(False)
    page.get_by_role("button", name="Save the name").click()
    expect(page.get_by_role("alert")).to_contain_text("changed")
    expect(page.get_by_label("Name")).to_have_value("Mine")
    page.get_by_role("button", name="Save the name").click()
    wait_until(lambda: me(ada)["name"] == "Mine")


def test_the_time_zone_changes_what_clocks_show(settings: Viewer, ada: Person) -> None:
    page = settings.page
    clock = page.locator(".field", has=page.get_by_label("Time zone")).locator("span")
    before = clock.inner_text()
    page.get_by_label("Time zone").select_option(HALF_AN_HOUR)
    expect(clock).not_to_have_text(before)
    wait_until(lambda: me(ada)["timezone"] == HALF_AN_HOUR)
    page.get_by_role("link", name="Sessions").click()
    (begun,) = (each["created_at"] for each in done(ada.get("/auth/sessions"))[:1])
    shown = page.evaluate(
        """(iso) => new Intl.DateTimeFormat("en-GB", {dateStyle: "medium", timeStyle: "short",
           timeZone: "Australia/Adelaide"}).format(new Date(iso))""",
        begun,
    )
    expect(page.locator(".rows").get_by_text(f"signed in {shown}").first).to_be_visible()


def test_an_address_is_changed_once_both_have_confirmed(settings: Viewer, ada: Person) -> None:
    page, new = settings.page, email_of("new")
    page.get_by_label("New address").fill(new)
    page.get_by_role("button", name="Change the address").click()
    confirm(page, "guessed")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("password is wrong")
    confirm(page)
    expect(page.locator(".notice")).to_contain_text(new)
    for address, letter in ((ada.email, Letter.CHANGE_OLD), (new, Letter.CHANGE_NEW)):
        with ThreadPoolExecutor(1) as thread:
            token = thread.submit(last_letter, address, letter).result().token
        done(ada.post("/auth/verify-email", {"token": token}))
    expect(page.locator("section", has_text="E-mail address").locator("strong")).to_have_text(new)


def test_the_letter_that_confirms_an_address_is_sent_again(settings: Viewer, ada: Person) -> None:
    page = settings.page
    again = page.get_by_role("button", name="Send the letter again")
    again.click()
    expect(page.locator(".notice")).to_contain_text("on its way")
    with ThreadPoolExecutor(1) as thread:
        token = thread.submit(last_letter, ada.email, Letter.VERIFY).result().token
    done(ada.post("/auth/verify-email", {"token": token}))
    expect(page.get_by_text("is confirmed.")).to_be_visible()
    expect(again).to_be_hidden()


def test_one_chooses_what_one_is_told_of(settings: Viewer, ada: Person) -> None:
    tick = settings.page.get_by_label("A task is given to you: By letter")
    expect(tick).to_be_checked()
    tick.uncheck()

    def channels() -> Record:
        kinds: Record = done(ada.get("/users/me/notification-preferences"))["kinds"]
        return dict(kinds["assigned"])

    wait_until(lambda: channels() == {"in_app": True, "email": False, "digest": True})
    settings.page.reload()
    expect(tick).to_be_enabled()
    expect(tick).not_to_be_checked()


def test_an_account_is_deleted_after_saying_what_happens(
    settings: Viewer, ada: Person, app: Flask
) -> None:
    page = settings.page
    page.get_by_role("button", name="Delete the account").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("nothing brings them back")
    dialog.get_by_role("button", name="Delete it for good").click()
    confirm(page)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.locator(".notice")).to_contain_text("Your account is deleted.")
    answer = ada.post("/auth/login", {"email": ada.email, "password": PASSWORD})
    assert answer.status_code == 401


def test_an_account_is_kept_by_who_thinks_better_of_it(settings: Viewer, ada: Person) -> None:
    page = settings.page
    button = page.get_by_role("button", name="Delete the account")
    button.click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(button).to_be_focused()
    assert me(ada)["id"] == ada.id


def test_a_session_that_is_ended_signs_its_page_out(look: Look, ada: Person) -> None:
    other = look(user_agent="Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/140.0")
    other.sign_in(ada)
    page = open_settings(look, ada, "#/settings/sessions").page
    expect(page.locator(".rows > li").first).to_contain_text("this one")
    page.get_by_role("button", name="Sign out Firefox on Windows").click()
    expect(other.page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_role("button", name="Sign out Firefox on Windows")).to_be_hidden()
    expect(page.get_by_role("heading", name="Sessions")).to_be_focused()


def test_all_other_sessions_are_ended_at_once(look: Look, ada: Person) -> None:
    other = look()
    other.sign_in(ada)
    opened = open_settings(look, ada, "#/settings/sessions")
    opened.page.get_by_role("button", name="Sign out everywhere else").click()
    expect(other.page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(opened.page.locator(".rows > li")).to_have_count(1)
    expect(opened.page.get_by_role("button", name="everywhere else")).to_be_hidden()
    opened.wait_for_connection()
    assert ada.get("/users/me").status_code == 401


def test_a_token_works_and_is_shown_once(look: Look, ada: Person, server: Server) -> None:
    project = make_project(ada, name="The book")
    page = open_settings(look, ada, "#/settings/tokens").page
    expect(page.get_by_text("There is no token yet.")).to_be_visible()
    page.get_by_role("button", name="New token").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Nightly report")
    dialog.get_by_label("Tasks, with their lines and comments").select_option("Read")
    dialog.get_by_label("Only in").select_option("The book")
    dialog.get_by_label("Works for").select_option("A week")
    dialog.get_by_role("button", name="Make the token").click()
    expect(page.get_by_role("heading", name="The token Nightly report")).to_be_focused()
    token = page.locator(".secret").inner_text()
    with server.client(token) as program:
        assert program.get(f"/tasks?project_id={project['id']}").status_code == 200
        new = {"title": "No", "project_id": project["id"]}
        assert program.post("/tasks", json=new).status_code == 403
    (made,) = done(ada.get("/users/me/tokens"))
    assert (made["project_id"], made["scopes"]) == (project["id"], ["tasks:read", "projects:read"])
    page.get_by_role("button", name="I have kept it").click()
    page.reload()
    row = page.locator(".rows > li")
    expect(row).to_contain_text("Reads tasks, projects")
    expect(row).to_contain_text("Only in The book")
    assert token not in page.content()


def test_a_token_that_may_do_nothing_is_not_made(look: Look, ada: Person) -> None:
    page = open_settings(look, ada, "#/settings/tokens").page
    page.get_by_role("button", name="New token").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Nothing")
    for label in ("Tasks, with their lines and comments", "Projects and their members"):
        dialog.get_by_label(label).select_option("No")
    dialog.get_by_role("button", name="Make the token").click()
    expect(dialog.get_by_role("alert")).to_contain_text("at least one thing")
    assert done(ada.get("/users/me/tokens")) == []


def test_a_token_is_copied(look: Look, ada: Person) -> None:
    opened = open_settings(look, ada, "#/settings/tokens")
    opened.context.grant_permissions(["clipboard-read", "clipboard-write"])
    token = make_token_on(opened.page, "Copied")
    opened.page.get_by_role("button", name="Copy").click()
    expect(opened.page.get_by_text("Copied.", exact=True)).to_be_visible()
    assert opened.page.evaluate("() => navigator.clipboard.readText()") == token


def test_tokens_are_revoked_one_by_one_and_all_at_once(
    look: Look, ada: Person, server: Server
) -> None:
    first, second = (make_token(ada, name=name)["token"] for name in ("First", "Second"))
    page = open_settings(look, ada, "#/settings/tokens").page
    page.get_by_role("button", name="Revoke First").click()
    expect(page.get_by_role("button", name="Revoke First")).to_be_hidden()
    expect(page.get_by_role("button", name="Revoke Second")).to_be_focused()
    with server.client(first) as program:
        assert program.get("/tasks").status_code == 401
    with server.client(second) as program:
        assert program.get("/tasks").status_code == 200
        page.get_by_role("button", name="Revoke all tokens").click()
        page.get_by_role("dialog").get_by_role("button", name="Revoke them all").click()
        expect(page.get_by_text("There is no token yet.")).to_be_visible()
        assert program.get("/tasks").status_code == 401


def test_an_agent_is_made_and_gets_a_token_that_works(
    look: Look, ada: Person, server: Server
) -> None:
    page = open_settings(look, ada, "#/settings/agents").page
    expect(page.get_by_text("You have no agent yet.")).to_be_visible()
    page.get_by_role("button", name="New agent").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Builder")
    dialog.get_by_role("button", name="Make the agent").click()
    page.get_by_role("button", name="New token for Builder").click()
    dialog.get_by_label("Name").fill("Laptop")
    dialog.get_by_role("button", name="Make the token").click()
    expect(page.get_by_role("heading", name="A token for Builder")).to_be_focused()
    with server.client(page.locator(".secret").inner_text()) as agent:
        assert agent.post("/tasks", json={"title": "Build"}).status_code == 201


def test_an_agent_is_switched_off_and_on(look: Look, ada: Person) -> None:
    agent = make_agent(ada)
    page = open_settings(look, ada, "#/settings/agents").page
    page.get_by_role("button", name="Switch off Fixer").click()
    expect(page.get_by_role("button", name="Switch on Fixer")).to_be_focused()
    expect(page.locator(".rows > li")).to_contain_text("Switched off")
    assert agent.get("/users/me").status_code == 401
    done(ada.patch(f"/agents/{agent.id}", {"is_active": True, "name": "Mender"}))
    expect(page.get_by_role("button", name="Switch off Mender")).to_be_visible()
