"""The trash: what was deleted, one operation at a time, and how it comes back."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    or_,
    select,
    true,
    union_all,
)

from models.membership import MembershipRow
from models.operation import Operation, OperationRow, Restored, TrashQuery
from models.principal import Principal
from models.project import ProjectRow
from services.access_service import ME, access_service, is_member, not_found
from services.comment_service import comment_service
from services.db_client import DatabaseClient, db
from services.event_service import event_service
from services.item_service import item_service
from services.listing import LIMIT, OFFSET, Listing, Order
from services.project_service import project_service
from services.task_access import task_access
from services.task_service import task_service
from services.time_entry_service import time_entry_service
from services.trash.belongings import CommentRestorer, ItemRestorer
from services.trash.outcome import Restorer
from services.trash.projects import ProjectRestorer
from services.trash.purge import Purge
from services.trash.tasks import TaskRestorer
from services.trash.time_entries import TimeEntryRestorer
from utils.errors import ForbiddenError
from utils.pages import Page

DAYS_KEPT = 30

PROJECT_ID = select(ProjectRow.id).where(ProjectRow.id == OperationRow.scope_id).scalar_subquery()
COLUMNS = [
    OperationRow.id,
    PROJECT_ID.label("project_id"),
    OperationRow.deleted_by,
    OperationRow.deleted_at,
    OperationRow.title,
    OperationRow.counts,
]
MY_PROJECTS = (
    select(MembershipRow.project_id.label("id"))
    .where(MembershipRow.user_id == ME, MembershipRow.active)
    .cte("my_projects")
)
FILTERS = {"project_id": OperationRow.scope_id == bindparam("project_id")}
ORDERS = {"-deleted_at": Order({"id": OperationRow.id}, descending=True)}

LOAD = (
    select(OperationRow)
    .where(
        OperationRow.id == bindparam("id"),
        or_(OperationRow.deleted_by == ME, is_member(OperationRow.scope_id)),
    )
    .with_for_update()
)


def _select_page(conditions: list[ColumnElement[bool]], order: Order) -> Select[Any]:
    """Read a page of one's own operations and one of each project, and merge them."""
    found = select(*COLUMNS).where(*conditions).order_by(*order.clauses()).limit(LIMIT + OFFSET)
    of_projects = (
        found.where(OperationRow.scope_id == MY_PROJECTS.c.id, OperationRow.deleted_by != ME)
        .correlate(MY_PROJECTS)
        .lateral("of_projects")
    )
    both = union_all(
        select(found.where(OperationRow.deleted_by == ME).subquery("own")),
        select(of_projects).select_from(MY_PROJECTS.join(of_projects, true())),
    ).subquery("both")
    keys = Order({"id": both.c.id}, order.descending)
    return (
        select(*both.c, *keys.cursor_columns())
        .order_by(*keys.clauses())
        .limit(LIMIT)
        .offset(OFFSET)
    )


class TrashService:
    """Lists operations and undoes them."""

    def __init__(self, database: DatabaseClient, restorers: Sequence[Restorer]) -> None:
        self._db = database
        self._restorers = restorers
        self._purge = Purge(database)
        self._listing = Listing("trash", database, _select_page, FILTERS, ORDERS)

    def page(self, principal: Principal, query: TrashQuery) -> Page[Operation]:
        """Return what the caller deleted and what others did in the caller's projects."""
        values = query.set_filters() | {"me": principal.id}
        page = self._listing.page(query, values, "-deleted_at")
        if query.project_id is not None and not page.items:
            access_service.role_in(principal, query.project_id)
        return page.map(Operation.model_validate)

    def restore(self, principal: Principal, operation_id: str) -> Restored:
        """Undo an operation as far as that goes; what stays in the trash can be tried again."""
        operation = self._db.session.scalars(LOAD, {"id": operation_id, "me": principal.id})
        row = operation.one_or_none()
        if row is None:
            raise not_found()
        answer = Restored(restored={}, problems=[])
        for restorer in self._restorers:
            if restorer.kind in row.counts:
                outcome = restorer.restore(principal, operation_id)
                answer.restored[restorer.kind] = outcome.restored
                answer.problems += outcome.problems
                row.counts = _left(row.counts, restorer.kind, outcome.restored)
        if not any(answer.restored.values()):
            _refuse_what_is_forbidden(answer)
        if not row.counts:
            self._db.session.delete(row)
        self._db.session.flush()
        return answer

    def purge(self) -> dict[str, int]:
        """Delete for good what has been in the trash for 30 days; returns how much of what."""
        self._db.allow_long_transaction()
        return self._purge.run(DAYS_KEPT)


def _refuse_what_is_forbidden(answer: Restored) -> None:
    """Where nothing came back and nothing but the caller's rights stood in the way, say so."""
    if {problem.code for problem in answer.problems} == {"forbidden"}:
        raise ForbiddenError(answer.problems[0].message)


def _left(counts: dict[str, int], kind: str, restored: int) -> dict[str, int]:
    """Return what an operation still has in the trash."""
    left = counts | {kind: counts[kind] - restored}
    return {name: count for name, count in left.items() if count}


trash_service = TrashService(
    db,
    [
        ProjectRestorer(db, project_service),
        TaskRestorer(
            db, event_service, access_service, task_service, item_service, comment_service
        ),
        CommentRestorer(db, event_service, task_access, comment_service),
        ItemRestorer(db, event_service, task_access),
        TimeEntryRestorer(db, time_entry_service),
    ],
)
