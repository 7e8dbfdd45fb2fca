"""People in front of the built-in page, and what they do there."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import (
    BrowserContext,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    Route,
    expect,
)

from config import settings
from tests.browser.seats import NOWHERE, Seats
from tests.factories import PASSWORD, Person
from tests.server import Server
from tests.waiting import wait_until

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
        """Open the page with a session of its own, and wait until everything is live."""
        credentials = {"email": person.email, "password": PASSWORD, "cookies": True}
        answer = self.context.request.post(
            f"{self.url}{settings.api_prefix}/auth/login", data=credentials
        )
        assert answer.ok, answer.text()
        self.page.goto(NOWHERE)  # another end of the same address would load nothing
        self.go(end)
        self.wait_for_connection()

    def wait_for_connection(self, state: str = "connected") -> None:
        expect(self.page.locator("body")).to_have_attribute("data-connection", state)

    def hold(self, address: str, **options: Any) -> list[Route]:
        """Let nothing come from this address yet; returns who waits for it."""
        held: list[Route] = []
        self.page.route(address, lambda route: held.append(route), **options)
        return held

    def wait_for_request(self, held: list[Route]) -> None:
        """Return when somebody waits: we hear of requests only while we talk with the browser."""
        wait_until(lambda: bool(self.page.evaluate("1") and held))

    def send(self, held: list[Route]) -> None:
        """Let it come to who waits for it, once somebody does."""
        self.wait_for_request(held)
        held[0].continue_()

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
def in_front_of(page: Page, server: Server) -> Iterator[Viewer]:
    """Watch what the browser says meanwhile: it must find nothing wrong."""
    complaints: list[str] = []

    def note_error(error: Error) -> None:
        complaints.append(str(error))

    def note(said: ConsoleMessage) -> None:
        if said.type == "error" and OF_ANSWERS not in said.text:
            complaints.append(said.text)

    page.on("pageerror", note_error)
    page.on("console", note)
    yield Viewer(page, server.url, complaints)
    page.remove_listener("pageerror", note_error)
    page.remove_listener("console", note)
    assert complaints == [], complaints


@contextmanager
def viewer(seats: Seats, server: Server, **options: Any) -> Iterator[Viewer]:
    """Open an empty page of somebody who was never here; takes options of the context."""
    with seats.used(server.url, **options) as page, in_front_of(page, server) as opened:
        yield opened


def project_address(project: dict[str, Any], task: dict[str, Any] | None = None) -> str:
    """Return what names a project's board, or a task on it, in the page's address."""
    board = f"#/projects/{project['id']}"
    return f"{board}/tasks/{task['id']}" if task else board
