"""What signs in beside a password, on the page: its change, the app, recovery codes, providers."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.people import Viewer
from tests.factories import PASSWORD, Person, log_in
from tests.records import done
from tests.second_factors import App, turn_on_app

Look = Callable[..., Viewer]
NEW = "battery staple horse"
PLACE = "#/settings/signing-in"


@pytest.fixture
def viewer(look: Look, ada: Person) -> Viewer:
    """Ada's browser, with how she signs in."""
    opened = look()
    opened.sign_in(ada, PLACE)
    return opened


def confirm(page: Page) -> None:
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Your password").fill(PASSWORD)
    dialog.get_by_label("Your password").press("Enter")
    expect(dialog).to_be_hidden()


def set_up(page: Page) -> App:
    """Begin to set up an app; returns it with the key that the page shows."""
    page.get_by_role("button", name="Set up an app").click()
    confirm(page)
    return App(page.locator(".steps code").inner_text().replace(" ", ""))


def test_a_new_password_signs_other_browsers_out(look: Look, viewer: Viewer, ada: Person) -> None:
    other, page = look(), viewer.page
    other.sign_in(ada)
    page.get_by_label("Password of today").fill("guessed")
    page.get_by_label("New password").fill(NEW)
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_role("alert")).to_contain_text("password is wrong")
    page.get_by_label("Password of today").fill(PASSWORD)
    page.get_by_label("New password").fill("short")
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_label("New password")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("New password").fill(NEW)
    page.get_by_role("button", name="Change the password").click()
    expect(page.locator(".notice")).to_contain_text("The new password is set")
    expect(page.get_by_label("New password")).to_have_value("")
    expect(other.page.get_by_role("heading", name="Sign in")).to_be_visible()
    done(ada.post("/auth/login", {"email": ada.email, "password": NEW}))


def test_an_app_is_set_up_by_a_code_of_it(viewer: Viewer, ada: Person) -> None:
    page = viewer.page
    app = set_up(page)
    picture = page.get_by_alt_text("QR code")
    expect(picture).to_be_visible()
    assert picture.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 0
    link = page.get_by_role("link", name="open the app")
    assert (link.get_attribute("href") or "").startswith("otpauth://totp/")
    code = page.get_by_label("Code that the app shows now")
    expect(code).to_be_focused()
    code.fill("000000" if app.code() != "000000" else "111111")
    code.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("The code is wrong")
    code.fill(app.code())
    code.press("Enter")
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_focused()
    expect(page.get_by_text("A code of the app is asked for")).to_be_visible()
    log_in_needs_more = ada.post("/auth/login", {"email": ada.email, "password": PASSWORD})
    assert log_in_needs_more.get_json()["methods"] == ["totp", "recovery_code"]


def test_recovery_codes_are_kept_and_sign_in(viewer: Viewer, ada: Person, tmp_path: Path) -> None:
    page = viewer.page
    app = set_up(page)
    page.get_by_label("Code that the app shows now").fill(app.code())
    page.get_by_role("button", name="Turn it on").click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as a file").click()
    saved.value.save_as(tmp_path / "codes.txt")
    assert saved.value.suggested_filename == "stint-recovery-codes.txt"
    codes = page.locator(".secret").inner_text().split()
    assert (tmp_path / "codes.txt").read_text().split()[-10:] == codes
    page.get_by_role("button", name="I have kept it").click()
    expect(page.locator(".secret")).to_be_hidden()
    expect(page.get_by_role("heading", name="Authenticator app")).to_be_focused()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.get_by_label("E-mail address").fill(ada.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="recovery code").click()
    page.get_by_label("Recovery code").fill(codes[0])
    page.keyboard.press("Enter")
    viewer.wait_for_connection()


def test_new_recovery_codes_make_the_old_ones_void(look: Look, ada: Person) -> None:
    viewer = look()
    viewer.sign_in(ada, PLACE)
    app = set_up(viewer.page)
    page = viewer.page
    page.get_by_label("Code that the app shows now").fill(app.code())
    page.get_by_role("button", name="Turn it on").click()
    old = page.locator(".secret").inner_text()
    page.get_by_role("button", name="Make new ones").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("are void then")
    dialog.get_by_role("button", name="Make new ones").click()
    confirm(page)
    expect(page.locator(".secret")).not_to_have_text(old)
    assert len(page.locator(".secret").inner_text().split()) == 10


def test_an_app_is_removed(viewer: Viewer, ada: Person) -> None:
    page = viewer.page
    app = set_up(page)
    page.get_by_label("Code that the app shows now").fill(app.code())
    page.get_by_role("button", name="Turn it on").click()
    page.get_by_role("button", name="Remove the app").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove the app").click()
    confirm(page)
    expect(page.get_by_role("button", name="Set up an app")).to_be_visible()
    expect(page.get_by_role("heading", name="Recovery codes", exact=True)).to_be_hidden()
    log_in(ada)


def test_an_app_that_was_turned_on_elsewhere_ends_the_session(viewer: Viewer, ada: Person) -> None:
    turn_on_app(ada)
    expect(viewer.page.get_by_role("heading", name="Sign in")).to_be_visible()


def answer_with(page: Page, pattern: str, body: object) -> None:
    page.route(pattern, lambda route: route.fulfill(body=json.dumps(body)))


def test_accounts_elsewhere_are_linked_and_unlinked(look: Look, ada: Person) -> None:
    viewer = look()
    page = viewer.page
    identity = {
        "id": "0198c0de-0000-7000-8000-000000000000",
        "provider": "github",
        "email": "ada@example.com",
        "created_at": "2026-03-02T09:00:00Z",
        "last_used_at": "2026-03-02T09:00:00Z",
    }
    identities = [identity]
    sent: list[object] = []

    def take(route: Route) -> None:
        sent.append(route.request.post_data_json)
        identities.clear()
        route.fulfill(status=204)

    def link(route: Route) -> None:
        sent.append(route.request.post_data_json)
        route.fulfill(body=json.dumps({"authorization_url": f"{viewer.url}/docs"}))

    answer_with(page, "**/auth/providers", [{"id": "github", "name": "GitHub"}])
    page.route("**/users/me/identities?*", lambda route: route.fulfill(body=json.dumps(identities)))
    page.route(f"**/users/me/identities/{identity['id']}", take)
    page.route("**/users/me/identities/github", link)
    viewer.sign_in(ada, PLACE)
    page.get_by_role("button", name="Unlink GitHub").click()
    page.get_by_role("dialog").get_by_role("button", name="Unlink").click()
    expect(page.get_by_role("button", name="Unlink GitHub")).to_be_hidden()
    expect(page.get_by_role("heading", name="Accounts elsewhere")).to_be_focused()
    page.get_by_role("button", name="Link GitHub").click()
    page.wait_for_url("**/docs")
    assert sent == [{}, {"return_to": "/#/settings/signing-in"}]


def test_who_has_no_password_is_asked_to_sign_in_again(look: Look, ada: Person) -> None:
    viewer = look()
    page = viewer.page
    problem = {"code": "sign_in_again", "detail": "Sign in again."}
    page.route(
        "**/users/me/totp", lambda route: route.fulfill(status=403, body=json.dumps(problem))
    )
    viewer.sign_in(ada, PLACE)
    page.get_by_role("button", name="Set up an app").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("sign in again, and do this within five minutes")
    dialog.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
