"""The page that links in letters lead to, from the letter to what it asks for."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Page, expect

from models.mail import Letter
from tests.factories import Person
from tests.letters import last_letter
from tests.records import done
from tests.server import Server

NEW = "battery staple horse"


@pytest.fixture
def complaints(page: Page) -> Iterator[list[str]]:
    """What the browser finds wrong with the page, which is nothing."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("requestfailed", lambda request: found.append(request.url))
    yield found
    assert found == []


def token_for(person: Person, letter: Letter) -> str:
    """Return what is in their newest letter; beside this thread, in which an event loop runs."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(last_letter, person.email, letter).result().token


def test_an_address_is_confirmed_by_a_click(
    page: Page, server: Server, ada: Person, complaints: list[str]
) -> None:
    token = token_for(ada, Letter.VERIFY)
    page.goto(f"{server.url}/#verify={token}")
    assert token not in page.url
    button = page.get_by_role("button", name="Confirm this address")
    button.click()
    expect(page.get_by_role("status")).to_have_text("The address is confirmed.")
    expect(button).to_be_hidden()
    assert done(ada.get("/users/me"))["verified"] is True


def test_a_forgotten_password_is_set_anew(
    page: Page, server: Server, ada: Person, complaints: list[str]
) -> None:
    assert ada.post("/auth/password-resets", {"email": ada.email}).status_code == 202
    page.goto(f"{server.url}/#reset={token_for(ada, Letter.RESET)}")
    password = page.get_by_label("New password")
    password.fill("1234567890")
    page.get_by_role("button", name="Set it").click()
    expect(page.get_by_text("common", exact=False)).to_be_visible()
    password.fill(NEW)
    password.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("The new password is set.")
    assert done(ada.post("/auth/login", {"email": ada.email, "password": NEW}))


def test_a_spent_token_says_what_to_do(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/#verify=guessed")
    page.get_by_role("button", name="Confirm this address").click()
    expect(page.get_by_role("alert")).to_contain_text("ask for another message")


@pytest.mark.parametrize("end", ["", "#constructor=1", "#verify=", "#sign-in"])
def test_without_a_letter_one_signs_in_or_goes_to_the_documents(
    page: Page, server: Server, end: str
) -> None:
    page.goto(f"{server.url}/{end}")
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    page.get_by_role("link", name="docs").click()
    expect(page).to_have_url(f"{server.url}/docs")
