"""Documents of others that rarely change."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

KEPT_SECONDS = 3_600


class Kept(Generic[T]):
    """A document that is fetched when it is asked for and kept for an hour."""

    def __init__(self, fetch: Callable[[], T]) -> None:
        self._fetch = fetch
        self._found: tuple[float, T] | None = None

    def get(self) -> T:
        """Return the document as it was within the last hour."""
        if self._found is not None and time.monotonic() - self._found[0] < KEPT_SECONDS:
            return self._found[1]
        return self.get_anew()

    def get_anew(self) -> T:
        """Return the document as it is now."""
        document = self._fetch()
        self._found = (time.monotonic(), document)
        return document
