"""Lists: filters, sort orders and keyset pages, one statement for each combination in use."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from typing import cast as cast_type

from sqlalchemy import (
    CTE,
    BindParameter,
    ColumnElement,
    FromClause,
    Select,
    Text,
    bindparam,
    cast,
    literal_column,
    select,
    true,
    tuple_,
)
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.visitors import replacement_traverse

from models.base import ListQuery
from services.db_client import DatabaseClient
from services.prepared import Prepared, Row
from utils.pages import Page, decode_cursor, encode_cursor

STATEMENTS_KEPT = 512
USUAL_LIMITS = frozenset({1, 10, 20, 50, 100, 200})

LIMIT: BindParameter[int] = bindparam("limit")
OFFSET: BindParameter[int] = bindparam("offset")


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

    def first_rows(self, found: Select[Any]) -> Select[Any]:
        """Select as many rows as a page can take, with their sort keys as `order_<label>`."""
        keys = (key.label(f"order_{label}") for label, key in self.keys.items())
        return found.add_columns(*keys).order_by(*self.clauses()).limit(LIMIT + OFFSET)


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides the text of a list's statement: which filters are set, the order, the start.

    `rows` is how many it reads, where that is part of the text: for usual limits alone, or whoever
    tries each of them would have as many statements prepared.
    """

    filters: frozenset[str]
    sort: str
    continued: bool
    rows: int | None


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
        limit = query.limit + 1
        is_usual = query.limit in USUAL_LIMITS and not set_filters and not query.offset
        rows_told = limit if is_usual else None
        shape = Shape(set_filters, sort, query.cursor is not None, rows_told)
        order = self._orders[sort]
        if query.cursor is not None:
            keys = decode_cursor(query.cursor, f"{self._name}:{sort}")
            values = values | {
                f"after_{label}": key for label, key in zip(order.keys, keys, strict=True)
            }
        rows = self.statement(shape).all(**values, limit=limit, offset=query.offset)
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
        if shape.rows is not None:
            statement = of_rows(statement, shape.rows)
        return self._database.prepare(statement)


def of_rows(page: Select[Any], rows: int) -> Select[Any]:
    """Return the select of a page without an offset, with its number of rows in the text.

    PostgreSQL takes a limit that it does not know for a tenth of all there is. That made it think
    little of a plan to keep: it planned every page anew, which took twice as long as the page.
    """
    known: dict[Any, ColumnElement[Any]] = {
        LIMIT: literal_column(str(rows)),
        OFFSET: literal_column("0"),
    }

    def tell(element: Any, **_options: Any) -> Any:
        return known.get(element)

    return cast_type("Select[Any]", replacement_traverse(page, {}, tell))


def page_of_one(found: Select[Any], order: Order) -> Select[Any]:
    """Select a page of what is found."""
    rows = order.first_rows(found).subquery("page")
    return _page_of(rows, rows, order)


def page_of_each(scopes: CTE, found: Select[Any], order: Order) -> Select[Any]:
    """Read at most a page of what is found in each of `scopes`, and merge them.

    So the cost of a page follows from the number of scopes, not from how much is in them.
    """
    rows = order.first_rows(found.correlate(scopes)).lateral("page")
    return _page_of(scopes.join(rows, true()), rows, order)


def _page_of(source: FromClause, rows: FromClause, order: Order) -> Select[Any]:
    keys = Order({label: rows.c[f"order_{label}"] for label in order.keys}, order.descending)
    answer = [*rows.c][: -len(order.keys)]  # the keys come last
    return (
        select(*answer, *keys.cursor_columns())
        .select_from(source)
        .order_by(*keys.clauses())
        .limit(LIMIT)
        .offset(OFFSET)
    )


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
