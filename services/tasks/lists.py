"""The lists of tasks: filters, orders, and how a page is read."""

from typing import Any

from sqlalchemy import (
    REAL,
    ColumnElement,
    DateTime,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import TSQUERY, array

from models.base import UuidText, columns_of
from models.membership import MembershipRow
from models.principal import Principal
from models.task import BLOCKED, Task, TaskQuery, TaskRow
from services.access_service import ME, AccessService, is_member
from services.db_client import DatabaseClient
from services.listing import LIMIT, OFFSET, Listing, Order, page_of_each, page_of_one
from services.prepared import Row
from utils.pages import Page
from utils.rows import Rows

COLUMNS = columns_of(TaskRow, Task)

RANKED_MATCHES = 500  # of a common word the newest are ranked: the cost must not grow
FIRST_RANK, FIRST_ID = float("inf"), "ffffffff-ffff-ffff-ffff-ffffffffffff"

NO_DUE_DATE = literal_column("'infinity'::timestamptz", DateTime(timezone=True))
DUE = func.coalesce(TaskRow.due_at, NO_DUE_DATE)
WORDS = func.websearch_to_tsquery("simple", bindparam("search"))
SEARCH = TaskRow.__table__.c.search
RANK = func.ts_rank(SEARCH, WORDS, type_=REAL)


class _Ranked(Order):
    """The order by rank; its page finds the start itself, among the matches that are ranked."""

    def behind_cursor(self) -> ColumnElement[bool]:
        """Leave no match out."""
        return true()

    def first_rows(self, found: Select[Any]) -> Select[Any]:
        """Select the best of the newest matches, behind the cursor when there is one."""
        keys = (key.label(f"order_{label}") for label, key in self.keys.items())
        newest = (
            found.add_columns(*keys)
            .order_by(*NEWEST_FIRST.clauses())
            .limit(RANKED_MATCHES)
            .subquery("newest")
        )
        start = tuple_(
            cast(bindparam("after_rank", FIRST_RANK), REAL),
            bindparam("after_id", FIRST_ID, type_=UuidText),
        )
        return (
            select(newest)
            .where(tuple_(newest.c.order_rank, newest.c.order_id) < start)
            .order_by(newest.c.order_rank.desc(), newest.c.order_id.desc())
            .limit(LIMIT + OFFSET)
        )


RELEVANCE = _Ranked({"rank": RANK, "id": TaskRow.id}, descending=True)
# By a column that only the indexes of scopes begin with: the primary key would be read backwards
# through everybody's tasks where the planner takes all scopes for large ones.
AGE = {"created_at": TaskRow.created_at, "id": TaskRow.id}
NEWEST_FIRST = Order(AGE, descending=True)

ORDERS = {
    "-created_at": NEWEST_FIRST,
    "created_at": Order(AGE, descending=False),
    "due_at": Order({"due_at": DUE, "id": TaskRow.id}, descending=False),
    "-priority": Order({"priority": TaskRow.priority, "id": TaskRow.id}, descending=True),
    "-updated_at": Order({"updated_at": TaskRow.updated_at, "id": TaskRow.id}, descending=True),
    "position": Order({"position": TaskRow.position, "id": TaskRow.id}, descending=False),
    "relevance": RELEVANCE,
}

ALL_SCOPES = union_all(
    select(ME.label("id")),
    select(MembershipRow.project_id).where(MembershipRow.user_id == ME, MembershipRow.active),
).cte("scopes")

PROJECT_ID = bindparam("project_id", type_=UuidText)

FILTERS: dict[str, ColumnElement[bool]] = {
    "status": TaskRow.status == bindparam("status"),
    "assignee": TaskRow.assignee_id == bindparam("assignee"),
    "delegate": TaskRow.delegate_id == bindparam("delegate"),
    "label": TaskRow.labels.contains(array([bindparam("label")])),
    "priority": TaskRow.priority == bindparam("priority"),
    "parent_id": TaskRow.parent_id == bindparam("parent_id"),
    "blocked_by": and_(
        TaskRow.blocked_by.contains(array([bindparam("blocked_by", type_=UuidText)])),
        BLOCKED,
    ),
    # Said of DUE, so that the index of this order finds the range.
    "due_before": bindparam("due_before", type_=TaskRow.due_at.type) > DUE,
    "due_after": and_(bindparam("due_after", type_=TaskRow.due_at.type) <= DUE, DUE < NO_DUE_DATE),
    "search": SEARCH.bool_op("@@")(WORDS),
}

# In one project the index is asked for the words and the project at once: how many others use the
# words does not matter. A search for nothing but punctuation finds nothing.
IN_PROJECT = cast(func.quote_literal(cast(PROJECT_ID, Text)), TSQUERY)
FILTERS_IN_PROJECT = FILTERS | {
    "search": and_(
        SEARCH.bool_op("@@")(WORDS.op("&&", return_type=TSQUERY())(IN_PROJECT)),
        func.numnode(WORDS) > 0,
    )
}


THERE = select(*COLUMNS).where(TaskRow.deleted_at.is_(None))


def _page_of_project(conditions: list[ColumnElement[bool]], order: Order) -> Select[Any]:
    """Read a page from an index of the project, which the planner knows the size of."""
    in_project = (TaskRow.scope_id == PROJECT_ID, is_member(PROJECT_ID))
    return page_of_one(THERE.where(*in_project, *conditions), order)


def _page_of_all(conditions: list[ColumnElement[bool]], order: Order) -> Select[Any]:
    """Read at most a page from the index of each scope."""
    of_scope = TaskRow.scope_id == ALL_SCOPES.c.id
    return page_of_each(ALL_SCOPES, THERE.where(of_scope, *conditions), order)


class TaskLists:
    """The tasks that somebody may see, a page at a time."""

    def __init__(self, database: DatabaseClient, access: AccessService) -> None:
        self._access = access
        self._everywhere = Listing("tasks", database, _page_of_all, FILTERS, ORDERS)
        self._in_project = Listing(
            "tasks of a project", database, _page_of_project, FILTERS_IN_PROJECT, ORDERS
        )

    def page(self, principal: Principal, query: TaskQuery) -> Page[Task]:
        """Return the tasks that the caller may see, of all scopes or of one project."""
        values = query.set_filters() | {"me": principal.id}
        for name in ("assignee", "delegate"):
            if values.get(name) == "me":
                values[name] = principal.id
        sort = query.sort or ("relevance" if query.search else "-created_at")
        if query.project_id is None:
            return _answers(self._everywhere.page(query, values, sort))
        page = self._in_project.page(query, values, sort)
        if not page.items:
            self._access.role_in(principal, query.project_id)
        return _answers(page)


def _answers(page: Page[Row]) -> Page[Task]:
    return Page(Rows(Task, page.items), page.next_cursor)
