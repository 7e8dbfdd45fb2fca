"""The trash: what was deleted, one operation at a time, and how it comes back."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    true,
    union_all,
)

from models.membership import MembershipRow, ProjectRole
from models.operation import Operation, OperationRow, Restored, TrashQuery
from models.principal import Principal
from services.access_service import ME, access_service, not_found
from services.comment_service import comment_service
from services.db_client import DatabaseClient, db
from services.event_service import event_service
from services.item_service import item_service
from services.listing import LIMIT, OFFSET, Listing, Order
from services.membership_service import membership_service
from services.project_service import project_service
from services.task_access import task_access
from services.task_service import task_service
from services.time_entry_service import time_entry_service
from services.trash.belongings import CommentRestorer, ItemRestorer
from services.trash.outcome import Restorer
from services.trash.places import Places
from services.trash.projects import ProjectRestorer
from services.trash.purge import Purge
from services.trash.tasks import TaskRestorer
from services.trash.time_entries import TimeEntryRestorer
from utils.errors import ForbiddenError
from utils.pages import Page

DAYS_KEPT = 30

COLUMNS = [
    OperationRow.id,
    func.nullif(OperationRow.scope_id, ME).label("project_id"),
    OperationRow.deleted_by,
    OperationRow.deleted_at,
    OperationRow.title,
    OperationRow.counts,
]
KEPT = OperationRow.deleted_at > func.now() - func.make_interval(0, 0, 0, DAYS_KEPT)

# The trash of a project is for those who belong to it, and while it is in the trash itself for its
# owners; what reached over several scopes is for whoever did it.
IN_SIGHT = and_(
    MembershipRow.user_id == ME,
    or_(MembershipRow.active, MembershipRow.role == ProjectRole.OWNER),
)
OVER_SEVERAL = and_(OperationRow.scope_id.is_(None), OperationRow.deleted_by == ME)
MY_SCOPES = union_all(select(ME.label("id")), select(MembershipRow.project_id).where(IN_SIGHT)).cte(
    "my_scopes"
)
FILTERS = {"project_id": OperationRow.scope_id == bindparam("project_id")}
ORDERS = {"-deleted_at": Order({"id": OperationRow.id}, descending=True)}

LOAD = (
    select(OperationRow)
    .where(
        OperationRow.id == bindparam("id"),
        KEPT,
        or_(
            OperationRow.scope_id == ME,
            OVER_SEVERAL,
            exists().where(MembershipRow.project_id == OperationRow.scope_id, IN_SIGHT),
        ),
    )
    .with_for_update()
)


def _select_page(conditions: list[ColumnElement[bool]], order: Order) -> Select[Any]:
    """Read a page of each scope and one of what reached over several, and merge them."""
    found = select(*COLUMNS).where(KEPT, *conditions).order_by(*order.clauses())
    found = found.limit(LIMIT + OFFSET)
    of_scopes = (
        found.where(OperationRow.scope_id == MY_SCOPES.c.id)
        .correlate(MY_SCOPES)
        .lateral("of_scopes")
    )
    both = union_all(
        select(found.where(OVER_SEVERAL).subquery("over_several")),
        select(of_scopes).select_from(MY_SCOPES.join(of_scopes, true())),
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
        """Return what was deleted in the caller's projects and among what is private to them."""
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
        """Delete for good a portion of what has been in the trash for 30 days.

        Returns how much of what; call it in transactions of its own until nothing is left.
        """
        return self._purge.run(DAYS_KEPT)


def _refuse_what_is_forbidden(answer: Restored) -> None:
    """Where nothing came back and nothing but the caller's rights stood in the way, say so."""
    if {problem.code for problem in answer.problems} == {"forbidden"}:
        raise ForbiddenError(answer.problems[0].message)


def _left(counts: dict[str, int], kind: str, restored: int) -> dict[str, int]:
    """Return what an operation still has in the trash."""
    left = counts | {kind: counts[kind] - restored}
    return {name: count for name, count in left.items() if count}


places = Places(db, access_service, task_access)

trash_service = TrashService(
    db,
    [
        ProjectRestorer(db, project_service, membership_service),
        TaskRestorer(db, event_service, places, task_service, item_service, comment_service),
        CommentRestorer(db, event_service, places, comment_service),
        ItemRestorer(db, event_service, places),
        TimeEntryRestorer(db, time_entry_service, places),
    ],
)
