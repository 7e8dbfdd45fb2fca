"""A real browser; without one, its tests are skipped."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.people import Viewer, viewer
from tests.browser.seats import PATIENCE_MS, Seats
from tests.factories import Person, add_member, sign_up
from tests.records import Record, make_project
from tests.server import Server

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="package")  # Playwright keeps an event loop running in this thread
def browser() -> Iterator[Browser]:
    """Chromium, as the system has it."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        # Its sandbox does not run as root, and it shows nothing but our own pages.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, chromium_sandbox=False)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def seats(browser: Browser) -> Seats:
    """Pages that tests have one after another."""
    return Seats(browser)


@pytest.fixture
def page(seats: Seats) -> Iterator[Page]:
    """An empty page of somebody who was never here."""
    with seats.new() as page:
        yield page


@pytest.fixture
def look(
    request: pytest.FixtureRequest, seats: Seats, server: Server
) -> Iterator[Callable[..., Viewer]]:
    """Open the built-in page in a browser of somebody's own; takes options of the context."""
    failed = request.session.testsfailed
    opened: list[Viewer] = []
    with ExitStack() as all_of_them:

        def open_one(**options: Any) -> Viewer:
            opened.append(all_of_them.enter_context(viewer(seats, server, **options)))
            return opened[-1]

        yield open_one
        if request.session.testsfailed > failed:
            for each in opened:
                each.context.close()  # who knows in what state that is


@pytest.fixture
def ada(app: Flask) -> Person:
    return sign_up(app, "Ada")


@pytest.fixture
def grace(app: Flask) -> Person:
    return sign_up(app, "Grace")


@pytest.fixture
def book(ada: Person, grace: Person) -> Record:
    """A project of Ada's in which Grace works, too."""
    project = make_project(ada, name="The book")
    add_member(ada, project, grace, "editor")
    return project
