"""Passkeys on the page: added, used alone and as a second factor, and removed."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Page, expect

from tests.browser.authenticators import FORGET_JSON, VirtualAuthenticator, by_name
from tests.browser.people import Viewer, in_front_of, viewer
from tests.browser.seats import Seats
from tests.factories import PASSWORD, Person, log_in
from tests.records import done
from tests.server import Server

Look = Callable[..., Viewer]
PLACE = "#/settings/signing-in"


@pytest.fixture
def look(seats: Seats, server: Server) -> Iterator[Look]:
    """Open the page by its name, each in a new browser: authenticators and scripts stay in one."""
    with ExitStack() as all_of_them:

        def open_one() -> Viewer:
            page = all_of_them.enter_context(seats.new())
            return all_of_them.enter_context(in_front_of(page, by_name(server)))

        yield open_one


def add_passkey(page: Page, name: str = "Telephone") -> None:
    page.get_by_label("Name for one more").fill(name)
    page.get_by_role("button", name="Add a passkey").click()
    give_password(page)
    expect(page.get_by_role("button", name=f"Remove {name}")).to_be_visible()


def give_password(page: Page) -> None:
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Your password").fill(PASSWORD)
    dialog.locator("button.primary").click()


def with_a_passkey(look: Look, person: Person) -> tuple[Viewer, VirtualAuthenticator]:
    """Open the page as somebody who has just added a passkey, on the device that holds it."""
    opened = look()
    authenticator = VirtualAuthenticator.of(opened.page)
    opened.sign_in(person, PLACE)
    add_passkey(opened.page)
    return opened, authenticator


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def begin_with_password(page: Page, person: Person) -> None:
    page.get_by_label("E-mail address").fill(person.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.mark.parametrize("script", ["", FORGET_JSON], ids=["browser of today", "older browser"])
def test_a_passkey_alone_signs_in(look: Look, ada: Person, script: str) -> None:
    opened = look()
    page = opened.page
    page.add_init_script(script or "0")
    authenticator = VirtualAuthenticator.of(page)
    opened.sign_in(ada, PLACE)
    add_passkey(page)
    assert len(authenticator.passkeys()) == 1
    sign_out(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    opened.wait_for_connection()
    assert page.evaluate("async () => (await fetch('api/v1/users/me')).json()")["id"] == ada.id


def test_a_passkey_is_the_second_factor(look: Look, ada: Person) -> None:
    opened, _ = with_a_passkey(look, ada)
    page = opened.page
    sign_out(page)
    begin_with_password(page, ada)
    expect(page.get_by_role("button", name="Use your passkey")).to_be_focused()
    page.keyboard.press("Enter")
    opened.wait_for_connection()


def test_who_comes_from_a_provider_uses_a_passkey_that_knows_them(look: Look, ada: Person) -> None:
    opened, _ = with_a_passkey(look, ada)
    page = opened.page
    sign_out(page)
    answer = ada.post("/auth/login", {"email": ada.email, "password": PASSWORD})
    challenge = answer.get_json()["challenge"]
    page.goto("about:blank")
    opened.go(f"#second_factor={challenge}&methods=passkey%2Crecovery_code")
    page.get_by_role("button", name="Use your passkey").click()
    opened.wait_for_connection()


def test_the_first_passkey_brings_recovery_codes_and_ends_other_sessions(
    look: Look, ada: Person
) -> None:
    opened, other = look(), look()
    VirtualAuthenticator.of(opened.page)
    other.sign_in(ada)
    opened.sign_in(ada, PLACE)
    add_passkey(opened.page)
    expect(opened.page.get_by_role("heading", name="Your recovery codes")).to_be_focused()
    assert len(opened.page.locator(".secret").inner_text().split()) == 10
    expect(other.page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_passkey_confirms_instead_of_the_password(look: Look, ada: Person) -> None:
    opened, _ = with_a_passkey(look, ada)
    page = opened.page
    page.get_by_role("button", name="Remove Telephone").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("does not sign you in any more")
    dialog.get_by_role("button", name="Remove the passkey").click()
    dialog.get_by_role("button", name="Use a passkey instead").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Remove Telephone")).to_be_hidden()
    expect(page.get_by_role("heading", name="Passkeys")).to_be_focused()
    log_in(ada)
    assert done(ada.get("/users/me/passkeys")) == []


def test_a_device_holds_one_passkey_only(look: Look, ada: Person) -> None:
    opened, _ = with_a_passkey(look, ada)
    page = opened.page
    page.get_by_label("Name for one more").fill("Again")
    page.get_by_role("button", name="Add a passkey").click()
    give_password(page)
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("holds a passkey")


def test_who_chooses_no_passkey_is_told_what_to_do(look: Look, ada: Person) -> None:
    opened, authenticator = with_a_passkey(look, ada)
    page = opened.page
    sign_out(page)
    authenticator.refuse()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.locator(".notice")).to_contain_text("No passkey was chosen")
    begin_with_password(page, ada)
    expect(page.get_by_role("button", name="Use instead: recovery code")).to_be_visible()


def test_an_address_that_is_no_name_says_where_passkeys_work(seats: Seats, server: Server) -> None:
    with viewer(seats, server) as opened:
        opened.go()
        opened.page.get_by_role("button", name="Sign in with a passkey").click()
        expect(opened.page.locator(".notice")).to_contain_text(f"as {by_name(server).url}.")


def test_a_browser_without_passkeys_offers_none(look: Look, ada: Person) -> None:
    opened = look()
    opened.page.add_init_script("delete window.PublicKeyCredential")
    opened.sign_in(ada, PLACE)
    expect(opened.page.get_by_text("This browser knows no passkeys")).to_be_visible()
    expect(opened.page.get_by_role("button", name="Add a passkey")).to_be_hidden()
    sign_out(opened.page)
    expect(opened.page.get_by_role("button", name="passkey")).to_be_hidden()
