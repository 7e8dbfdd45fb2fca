"""Items: lines captured in the inbox, and the checklists of tasks."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, any_, bindparam, func, insert, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute

from models.base import UuidText, apply_changes, columns_of
from models.event import EventType
from models.item import (
    Item,
    ItemCreate,
    ItemPromote,
    ItemQuery,
    ItemRow,
    ItemStatus,
    ItemUpdate,
)
from models.membership import ProjectRole
from models.principal import Principal
from models.task import Task, TaskCreate
from services.access_service import ME, not_found
from services.db_client import DatabaseClient, db
from services.event_service import EventService, event_service
from services.listing import LIMIT, OFFSET, Build, Listing, Order
from services.operation_service import OperationService, operation_service
from services.ordering import LIST_ID, Ordering
from services.project_service import ProjectService, project_service
from services.task_access import Place, TaskAccess, sees_task, task_access
from services.task_service import TaskService, task_service
from utils.errors import BadRequestError, ConflictError
from utils.helpers import new_id
from utils.pages import Page
from utils.positions import last_position
from utils.preconditions import IfMatch

COLUMNS = columns_of(ItemRow, Item)
LIVE = ItemRow.deleted_at.is_(None)
IN_MY_INBOX = and_(ItemRow.task_id.is_(None), ItemRow.created_by == ME)
IN_CHECKLIST = and_(
    ItemRow.task_id == bindparam("task_id"), sees_task(bindparam("task_id", type_=UuidText))
)

GET = select(*COLUMNS).where(
    ItemRow.id == bindparam("id"), LIVE, or_(IN_MY_INBOX, sees_task(ItemRow.task_id))
)

OF_TASKS = (
    select(*COLUMNS)
    .where(ItemRow.task_id == any_(bindparam("task_ids", type_=ARRAY(UuidText))), LIVE)
    .order_by(ItemRow.task_id, ItemRow.position, ItemRow.id)
)

CREATED = ("id", "created_by", "task_id", "name", "description", "status", "position")
CREATE = (
    insert(ItemRow)
    .values({name: bindparam(name, type_=getattr(ItemRow, name).type) for name in CREATED})
    .returning(*COLUMNS)
)

INBOX = and_(ItemRow.task_id.is_(None), ItemRow.created_by == LIST_ID)
CHECKLIST = ItemRow.task_id == LIST_ID

ORDERS = {
    "position": Order({"position": ItemRow.position, "id": ItemRow.id}, descending=False),
}


def _contains(text: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    return func.strpos(func.lower(text), func.lower(bindparam("search"))) > 0


FILTERS = {
    "status": ItemRow.status == bindparam("status"),
    "search": or_(_contains(ItemRow.name), _contains(ItemRow.description)),
}


def _page_of(in_list: ColumnElement[bool]) -> Build:
    def build(conditions: list[ColumnElement[bool]], order: Order) -> Select[Any]:
        return (
            select(*COLUMNS, *order.cursor_columns())
            .where(in_list, LIVE, *conditions)
            .order_by(*order.clauses())
            .limit(LIMIT)
            .offset(OFFSET)
        )

    return build


class ItemService:
    """Capturing lines, ticking them off, and making tasks of them."""

    def __init__(
        self,
        database: DatabaseClient,
        events: EventService,
        operations: OperationService,
        access: TaskAccess,
        projects: ProjectService,
        tasks: TaskService,
    ) -> None:
        self._db = database
        self._events = events
        self._operations = operations
        self._access = access
        self._projects = projects
        self._tasks = tasks
        self._inbox_order = Ordering(database, ItemRow, INBOX)
        self._checklist_order = Ordering(database, ItemRow, CHECKLIST)
        self._get = database.prepare(GET)
        self._of_tasks = database.prepare(OF_TASKS)
        self._create = database.prepare(CREATE)
        self._inbox = Listing("inbox", database, _page_of(IN_MY_INBOX), FILTERS, ORDERS)
        self._checklist = Listing("checklist", database, _page_of(IN_CHECKLIST), FILTERS, ORDERS)

    def get(self, principal: Principal, item_id: str) -> Item:
        """Return an item of one's own inbox, or of a task that one may see."""
        row = self._get.first(id=item_id, me=principal.id)
        if row is None:
            raise not_found()
        return Item.model_validate(row)

    def of_tasks(self, task_ids: Sequence[str]) -> list[Item]:
        """Return the checklists of tasks, which the caller has to be allowed to see."""
        return [Item.model_validate(row) for row in self._of_tasks.all(task_ids=list(task_ids))]

    def page(self, principal: Principal, query: ItemQuery) -> Page[Item]:
        """Return the caller's inbox, or the checklist of a task."""
        values = query.set_filters() | {"me": principal.id}
        if query.task_id is None:
            return self._inbox.page(query, values, "position").map(Item.model_validate)
        page = self._checklist.page(query, values, "position")
        if not page.items:
            self._tasks.get(principal, query.task_id)
        return page.map(Item.model_validate)

    def create(self, principal: Principal, body: ItemCreate) -> Item:
        """Make an item, the last of its list; an archived project takes no new ones."""
        place = self._place(principal, body.task_id)
        if place.project_id is not None:
            self._projects.open_for_work(principal, place.project_id)
        row = self._create.one(
            **body.model_dump(),
            id=new_id(),
            created_by=principal.id,
            position=last_position(),
        )
        return self._changed(principal, place, Item.model_validate(row), EventType.ITEM_CREATED)

    def update(
        self, principal: Principal, item_id: str, changes: ItemUpdate, if_match: IfMatch
    ) -> Item:
        """Change an item, or move it within its list."""
        values = changes.model_dump(exclude_unset=True)
        neighbours = values.pop("before_id", None), values.pop("after_id", None)
        item = self.get(principal, item_id)
        place = self._place(principal, item.task_id)
        order, list_id = self._list_of(item)
        if any(neighbours):
            order.lock(list_id)
        row = self._lock(item_id)
        if_match.check(Item.model_validate(row))
        others = order.place(list_id, row, *neighbours) if any(neighbours) else ()
        if not apply_changes(row, values):
            return Item.model_validate(row)
        self._db.session.flush()
        for other in others:
            self._changed(principal, place, Item.model_validate(other), EventType.ITEM_UPDATED)
        return self._changed(principal, place, Item.model_validate(row), EventType.ITEM_UPDATED)

    def delete(self, principal: Principal, item_id: str, if_match: IfMatch) -> None:
        """Put an item into the trash."""
        row, place = self._load(principal, item_id)
        if_match.check(Item.model_validate(row))
        row.put_in_trash(principal.id)
        self._db.session.flush()
        self._operations.record(row, place.scope_id, row.name, {"item": 1})
        self._changed(principal, place, Item.model_validate(row), EventType.ITEM_DELETED)

    def promote(self, principal: Principal, item_id: str, body: ItemPromote) -> Task:
        """Make a task of an item, which is done with that; one of a checklist becomes a subtask."""
        task_id = self.get(principal, item_id).task_id
        if task_id is not None:
            # The scope comes before its tasks, as for all who change the graph.
            parent = self._tasks.get(principal, task_id)
            self._tasks.graph.lock(parent.project_id or parent.created_by)
        row, place = self._load(principal, item_id)
        if row.promoted_task_id is not None:
            raise ConflictError(
                "A task was made of this item already; go on with that one.",
                code="already_promoted",
                task_id=row.promoted_task_id,
            )
        task = self._tasks.create(principal, _task_of(row, place, body))
        row.promoted_task_id, row.status = task.id, ItemStatus.DONE
        self._db.session.flush()
        self._changed(principal, place, Item.model_validate(row), EventType.ITEM_UPDATED)
        return task

    def _list_of(self, item: Item) -> tuple[Ordering[ItemRow], str]:
        if item.task_id is None:
            return self._inbox_order, item.created_by
        return self._checklist_order, item.task_id

    def _place(self, principal: Principal, task_id: str | None) -> Place:
        """Return where an item is to be changed; the task is locked before its items."""
        if task_id is None:
            return Place(None, principal.id, ProjectRole.OWNER)
        return self._access.lock(principal, task_id, ProjectRole.EDITOR)

    def _load(self, principal: Principal, item_id: str) -> tuple[ItemRow, Place]:
        place = self._place(principal, self.get(principal, item_id).task_id)
        return self._lock(item_id), place

    def _lock(self, item_id: str) -> ItemRow:
        query = select(ItemRow).where(ItemRow.id == item_id, LIVE).with_for_update()
        row = self._db.session.scalars(query).one_or_none()
        if row is None:
            raise not_found()
        return row

    def _changed(self, principal: Principal, place: Place, item: Item, event: EventType) -> Item:
        self._events.record(principal, place.room, event, item)
        return item


def _task_of(row: ItemRow, place: Place, body: ItemPromote) -> TaskCreate:
    """Return the task that an item becomes: a subtask stays in the project of its parent."""
    if row.task_id is not None and body.project_id not in (None, place.project_id):
        raise BadRequestError(
            "An item of a checklist becomes a subtask in the project of its task; "
            "leave project_id out.",
            code="project_mismatch",
        )
    return TaskCreate(
        title=row.name,
        description=row.description,
        project_id=place.project_id or body.project_id,
        parent_id=row.task_id,
    )


item_service = ItemService(
    db, event_service, operation_service, task_access, project_service, task_service
)
