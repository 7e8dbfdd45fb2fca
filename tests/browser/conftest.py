"""A real browser; without one, its tests are skipped."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.people import PATIENCE_MS, Viewer, viewer
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


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page of somebody who was never here."""
    with browser.new_context() as context:
        context.set_default_timeout(PATIENCE_MS)
        yield context.new_page()


@pytest.fixture
def look(browser: Browser, server: Server) -> Iterator[Callable[..., Viewer]]:
    """Open the built-in page in a browser of somebody's own; takes options of the context."""
    with ExitStack() as all_of_them:

        def open_one(**options: Any) -> Viewer:
            return all_of_them.enter_context(viewer(browser, server, **options))

        yield open_one


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
