"""Lists: filters, sort orders and keyset pages, one statement for each combination in use."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    Text,
    bindparam,
    cast,
    tuple_,
)
from sqlalchemy.orm import InstrumentedAttribute

from models.base import ListQuery
from services.db_client import DatabaseClient
from services.prepared import Prepared, Row
from utils.pages import Page, decode_cursor, encode_cursor

STATEMENTS_KEPT = 512


@dataclass(frozen=True, slots=True)
class Order:
    """A total order: sort columns by the label they are selected as; the last one is unique."""

    keys: Mapping[str, ColumnElement[Any] | InstrumentedAttribute[Any]]
    descending: bool

    def clauses(self) -> list[ColumnElement[Any]]:
        """Return what goes into ORDER BY."""
        return [key.desc() if self.descending else key.asc() for key in self.keys.values()]

    def cursor_columns(self) -> list[ColumnElement[Any]]:
        """Return the sort key as text, in the columns `key_<label>` that cursors are made from."""
        return [cast(key, Text).label(f"key_{label}") for label, key in self.keys.items()]

    def behind_cursor(self) -> ColumnElement[bool]:
        """Condition: the row comes after the one that `:after_<label>` name."""
        row = tuple_(*self.keys.values())
        last = tuple_(
            *(bindparam(f"after_{label}", type_=key.type) for label, key in self.keys.items())
        )
        return row < last if self.descending else row > last


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides the text of a list's statement: which filters are set, the order, the start."""

    filters: frozenset[str]
    sort: str
    continued: bool


Build = Callable[[list[ColumnElement[bool]], Order], Select[Any]]


class Listing:
    """One list of the API; its `name` keeps its cursors out of others.

    `filters` maps names of query fields to conditions on the bindparam of the same name; `build`
    makes the select from the conditions and the order, with `:limit` and `:offset` in it, and
    `order.cursor_columns()` beside what it is for.
    """

    def __init__(
        self,
        name: str,
        database: DatabaseClient,
        build: Build,
        filters: Mapping[str, ColumnElement[bool]],
        orders: Mapping[str, Order],
    ) -> None:
        self._name = name
        self._database = database
        self._build = build
        self._filters = filters
        self._orders = orders
        self.statement = lru_cache(maxsize=STATEMENTS_KEPT)(self._prepare)

    def page(self, query: ListQuery, values: Row, sort: str) -> Page[Row]:
        """Return one page of rows; `values` are the set filters and fixed parameters.

        One row more than asked for is read, to know whether there is a next page.
        """
        set_filters = frozenset(values) & frozenset(self._filters)
        shape = Shape(set_filters, sort, query.cursor is not None)
        order = self._orders[sort]
        if query.cursor is not None:
            keys = decode_cursor(query.cursor, f"{self._name}:{sort}")
            values = values | {
                f"after_{label}": key for label, key in zip(order.keys, keys, strict=True)
            }
        rows = self.statement(shape).all(**values, limit=query.limit + 1, offset=query.offset)
        if len(rows) <= query.limit:
            return Page(rows)
        rows = rows[: query.limit]
        return Page(
            rows,
            encode_cursor(
                f"{self._name}:{sort}", [rows[-1][f"key_{label}"] for label in order.keys]
            ),
        )

    def _prepare(self, shape: Shape) -> Prepared:
        order = self._orders[shape.sort]
        conditions = [self._filters[name] for name in sorted(shape.filters)]
        if shape.continued:
            conditions.append(order.behind_cursor())
        statement = self._build(conditions, order)
        if shape.filters:
            return self._database.prepare_for_values(statement)
        return self._database.prepare(statement)


LIMIT: BindParameter[int] = bindparam("limit")
OFFSET: BindParameter[int] = bindparam("offset")


def newest_first(
    name: str,
    database: DatabaseClient,
    rows: Select[Any],
    key: ColumnElement[Any] | InstrumentedAttribute[Any],
    filters: Mapping[str, ColumnElement[bool]] = MappingProxyType({}),
) -> Listing:
    """Return a list of `rows` in its one order, "newest": ids rise with time."""

    def build(conditions: list[ColumnElement[bool]], order: Order) -> Select[Any]:
        page = rows.add_columns(*order.cursor_columns()).where(*conditions)
        return page.order_by(*order.clauses()).limit(LIMIT).offset(OFFSET)

    orders = {"newest": Order({"id": key}, descending=True)}
    return Listing(name, database, build, filters, orders)
