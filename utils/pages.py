"""Pages of a list: what a caller asks for, the signed cursor, and what a service returns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

from itsdangerous import BadSignature, URLSafeSerializer

from config import settings
from utils.errors import UnprocessableError

PAGE_SIZE = 50
PAGE_SIZE_MAX = 200
OFFSET_MAX = 10_000

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items of a list and the cursor of the next page, None on the last."""

    items: Sequence[T]
    next_cursor: str | None = None

    def map(self, change: Callable[[T], U]) -> "Page[U]":
        """Return the same page with each item changed."""
        return Page([change(item) for item in self.items], self.next_cursor)


def encode_cursor(sort: str, values: Sequence[Any]) -> str:
    """Return an opaque cursor that points behind the row whose sort key is `values`."""
    return _serializer().dumps([sort, *values])


def decode_cursor(cursor: str, sort: str) -> list[Any]:
    """Return the sort key in a cursor made by `encode_cursor` for the same `sort`."""
    try:
        found: Any
        values: list[Any]
        found, *values = _serializer().loads(cursor)
    except BadSignature:
        found = None
    if found != sort:
        raise UnprocessableError(
            "This cursor is damaged or belongs to another list or sort order; "
            "start again without it.",
            code="invalid_cursor",
        )
    return values


@cache
def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(settings.signing_key, salt="stint.cursor")
