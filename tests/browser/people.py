"""People in front of the built-in page, and what they do there."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.factories import PASSWORD, Person
from tests.server import Server

PATIENCE_MS = 60_000  # a page takes many seconds where the machine is busy
# What the browser says of a request that was refused, or could not be sent: the page tells people.
OF_ANSWERS = "Failed to load resource"


@dataclass
class Viewer:
    """Somebody's browser with the page."""

    page: Page
    url: str
    complaints: list[str]

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    def go(self, end: str = "") -> None:
        """Open the page at an address behind its #."""
        self.page.goto(f"{self.url}/{end}")

    def sign_in(self, person: Person, end: str = "") -> None:
        """Sign in by the form, and wait until everything is live."""
        self.go(end)
        self.page.get_by_label("E-mail address").fill(person.email)
        self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        self.wait_for_connection()

    def wait_for_connection(self, state: str = "connected") -> None:
        expect(self.page.locator("body")).to_have_attribute("data-connection", state)

    def column(self, name: str) -> Locator:
        """The column of the board that is called so."""
        heading = self.page.get_by_role("heading", name=name, level=2)
        return self.page.locator("section.column").filter(has=heading)

    def card(self, title: str) -> Locator:
        return self.page.locator(".card").filter(has=self.page.get_by_role("link", name=title))

    def open_task(self, title: str) -> Locator:
        """Open a task of the board; returns its drawer."""
        self.card(title).get_by_role("link").click()
        drawer = self.page.get_by_role("dialog")
        expect(drawer).to_be_visible()
        return drawer


@contextmanager
def viewer(browser: Browser, server: Server, **options: Any) -> Iterator[Viewer]:
    """Open an empty page of somebody who was never here; the browser must find nothing wrong."""
    with browser.new_context(**options) as context:
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: complaints.extend(
                [said.text] * (said.type == "error" and OF_ANSWERS not in said.text)
            ),
        )
        yield Viewer(page, server.url, complaints)
        assert complaints == [], complaints


def project_address(project: dict[str, Any], task: dict[str, Any] | None = None) -> str:
    """Return what names a project's board, or a task on it, in the page's address."""
    board = f"#/projects/{project['id']}"
    return f"{board}/tasks/{task['id']}" if task else board
