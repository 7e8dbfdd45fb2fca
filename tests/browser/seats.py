"""Browsers that people take one after another, like seats in a library.

The page is about a hundred modules. A browser that was never there fetches and compiles them all,
which costs more than most tests do with the page; one that was there asks for nothing but data.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page

PATIENCE_MS = 60_000  # a page takes many seconds where the machine is busy
NOWHERE = "about:blank"
KEPT = "local_storage,indexeddb,service_workers,cache_storage"
TICKS = "() => [Date, setTimeout].every((each) => /native code/.test(each))"


@dataclass
class Seats:
    """Pages that nobody uses now, by the options of their browsers."""

    browser: Browser
    free: dict[str, list[Page]] = field(default_factory=lambda: defaultdict(list))

    @contextmanager
    def new(self, **options: Any) -> Iterator[Page]:
        """Lend a page of a browser that was never used before, and never will again."""
        page = self._add(**options)
        try:
            yield page
        finally:
            page.context.close()

    @contextmanager
    def used(self, origin: str, **options: Any) -> Iterator[Page]:
        """Lend a page for a site, which knows of nobody who had it before.

        Who leaves there what cannot be taken away closes it: nobody else gets it then, nor one
        whose clock somebody has set.
        """
        free = self.free[repr(options)]
        page = free.pop() if free else self._add(**options)
        try:
            yield page
            if not page.is_closed():
                clear(page, origin)
            if page.is_closed() or not page.evaluate(TICKS):
                page.context.close()
            else:
                free.append(page)
        except BaseException:
            page.context.close()
            raise

    def _add(self, **options: Any) -> Page:
        context = self.browser.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        return context.new_page()


def clear(page: Page, origin: str) -> None:
    """Take away what somebody has left, but for what was fetched for good."""
    page.unroute_all(behavior="ignoreErrors")
    page.goto(NOWHERE)
    page.mouse.up()
    page.mouse.move(0, 0)
    context = page.context
    context.set_offline(False)
    context.clear_permissions()
    context.clear_cookies()
    session = context.new_cdp_session(page)
    session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": KEPT})
    session.detach()
