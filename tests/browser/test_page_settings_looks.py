"""What the settings look like in every state, and whether all can use them."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.agents import make_agent
from tests.browser.authenticators import VirtualAuthenticator, by_name
from tests.browser.looks import check, in_every_look, options_of
from tests.browser.people import Viewer, in_front_of
from tests.browser.seats import Seats
from tests.factories import PASSWORD, Person, make_token
from tests.records import Record
from tests.second_factors import App
from tests.server import Server

Look = Callable[..., Viewer]


@in_every_look
def test_all_settings_can_be_used_by_everybody(
    seats: Seats,
    server: Server,
    ada: Person,
    book: Record,
    scheme: str,
    width: int,
    tmp_path: Path,
) -> None:
    make_token(ada, name="Nightly report", project_id=book["id"])
    make_agent(ada, name="Release builder")
    with (
        seats.new(**options_of(scheme, width)) as page,
        in_front_of(page, by_name(server)) as opened,
    ):
        page.set_viewport_size({"width": width, "height": 1400})
        VirtualAuthenticator.of(page)
        opened.go()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        check(page, "Sign in", tmp_path)
        opened.sign_in(ada, "#/settings")
        expect(page.get_by_label("A task is given to you: Here")).to_be_checked()
        check(page, "Profile", tmp_path)
        page.get_by_role("button", name="Delete the account").click()
        check(page, "Deleting", tmp_path)
        page.keyboard.press("Escape")
        page.get_by_role("link", name="Signing in").click()
        expect(page.get_by_role("button", name="Set up an app")).to_be_visible()
        check(page, "Signing in", tmp_path)
        page.get_by_role("button", name="Set up an app").click()
        expect(page.get_by_label("Your password")).to_be_focused()
        check(page, "Confirming", tmp_path)
        page.get_by_label("Your password").fill(PASSWORD)
        page.keyboard.press("Enter")
        key = page.locator(".steps code")
        expect(key).to_be_visible()
        check(page, "Setting up", tmp_path)
        code = App(key.inner_text().replace(" ", "")).code()
        page.get_by_label("Code that the app shows now").fill(code)
        page.keyboard.press("Enter")
        expect(page.locator(".secret")).to_be_visible()
        check(page, "Recovery codes", tmp_path)
        page.get_by_role("button", name="I have kept it").click()
        page.get_by_role("button", name="Add a passkey").click()
        page.get_by_label("Your password").fill(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_text("not used yet")).to_be_visible()
        check(page, "All factors", tmp_path)
        page.get_by_role("button", name="Make new ones").click()
        page.get_by_role("dialog").get_by_role("button", name="Make new ones").click()
        expect(page.get_by_role("button", name="Use a passkey instead")).to_be_visible()
        check(page, "Confirming either way", tmp_path)
        page.keyboard.press("Escape")
        page.get_by_role("link", name="Sessions").click()
        expect(page.get_by_text("this one")).to_be_visible()
        check(page, "Sessions", tmp_path)
        page.get_by_role("link", name="Tokens").click()
        expect(page.get_by_text("Only in The book")).to_be_visible()
        page.get_by_role("button", name="New token").click()
        expect(page.get_by_role("dialog").get_by_label("Name")).to_be_focused()
        check(page, "New token", tmp_path)
        page.get_by_label("Name").fill("Backups")
        page.get_by_role("button", name="Make the token").click()
        expect(page.locator(".secret")).to_be_visible()
        check(page, "Tokens", tmp_path)
        page.get_by_role("link", name="Agents").click()
        expect(page.get_by_text("Release builder")).to_be_visible()
        check(page, "Agents", tmp_path)
        page.get_by_role("button", name="Sign out", exact=True).click()
        page.get_by_label("E-mail address").fill(ada.email)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_role("button", name="Use your passkey")).to_be_visible()
        check(page, "Second factor", tmp_path)
