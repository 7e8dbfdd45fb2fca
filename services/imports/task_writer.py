"""Writing the tasks of an import into one project or among one's own: no task twice."""

from collections.abc import Iterator
from operator import attrgetter
from typing import Any

from sqlalchemy import any_, bindparam, insert, select
from sqlalchemy.dialects.postgresql import ARRAY

from models.base import Resource, columns_of
from models.event import EventType
from models.item import Item, ItemRow, ItemStatus
from models.principal import Principal
from models.project import Project
from models.task import Task, TaskRow
from services.db_client import DatabaseClient, db
from services.event_service import EventService, event_service, scope_room
from services.imports.contract import Progress, Source, Written, in_batches
from services.tasks.graph import TaskGraph
from services.tasks.reminded import HUSH
from utils.helpers import new_id
from utils.parsers import LineError, ParsedTask
from utils.parsers.ticktick import PARENT
from utils.positions import last_position
from utils.trees import TOO_DEEP, Tree

KEY = TaskRow.task_metadata[bindparam("format", type_=TaskRow.title.type)]["key"].astext

FIND_KEYS = select(TaskRow.id, KEY.label("key")).where(
    TaskRow.scope_id == bindparam("scope_id"),
    any_(bindparam("keys", type_=ARRAY(TaskRow.title.type))) == KEY,
    TaskRow.deleted_at.is_(None),
)


class TaskImportWriter:
    """Writes tasks and their checklists inside the caller's transaction.

    What a file says of a task beyond our own fields is in its metadata under the name of the
    format, together with the key by which later imports know it.
    """

    def __init__(self, database: DatabaseClient, events: EventService) -> None:
        self._db = database
        self._events = events
        self._graph = TaskGraph(database)
        self._find_keys = database.prepare(FIND_KEYS)
        self._hush = database.prepare(HUSH)

    def write(
        self,
        principal: Principal,
        project: Project | None,
        source: Source,
        entries: list[ParsedTask],
        progress: Progress,
    ) -> Written:
        """Write the tasks that are not there yet, each list in its order."""
        project_id = project.id if project else None
        scope_id = project_id or principal.id
        self._graph.lock(scope_id)  # new tasks may be parts of those that are there
        found = self._find_keys.all(
            format=source.format,
            scope_id=scope_id,
            keys=[task.key for task in entries],
        )
        known = {row["key"]: row["id"] for row in found}
        progress(len(known))
        new = [task for task in entries if task.key not in known]
        ids = {task.line: known.get(task.key) or new_id() for task in entries}
        place = {"project_id": project_id, "created_by": principal.id}
        tree = self._graph.tree_with(
            {ids[task.line]: None if task.parent is None else ids[task.parent] for task in new}
        )
        rows = list(_task_rows(source, new, ids, tree, place))
        items = list(_item_rows(new, ids, principal))
        for batch in in_batches(rows):
            self._insert(principal, TaskRow, Task, EventType.TASK_CREATED, project_id, batch)
            self._hush.execute(ids=[row["id"] for row in batch])
            progress(len(batch))
        for batch in in_batches(items):
            self._insert(principal, ItemRow, Item, EventType.ITEM_CREATED, project_id, batch)
        return Written(
            created=len(rows),
            matched=len(known),
            tasks_created=len(rows),
            items_created=len(items),
            errors=[
                LineError(task.line, PARENT, TOO_DEEP, "warning")
                for task in new
                if ids[task.line] in tree.raised
            ],
        )

    def _insert(
        self,
        principal: Principal,
        table: type[TaskRow] | type[ItemRow],
        answer: type[Resource],
        event: EventType,
        project_id: str | None,
        rows: list[dict[str, Any]],
    ) -> None:
        statement = insert(table).returning(
            *columns_of(table, answer), sort_by_parameter_order=True
        )
        room = scope_room(project_id, principal.id)
        for row in self._db.session.execute(statement, rows).mappings():
            self._events.record(principal, room, event, answer.model_validate(dict(row)))


def _task_rows(
    source: Source,
    tasks: list[ParsedTask],
    ids: dict[int, str],
    tree: Tree[str],
    place: dict[str, Any],
) -> Iterator[dict[str, Any]]:
    """Yield the rows of tasks, parents before what is a part of them, each with its position."""
    ordered = sorted(tasks, key=attrgetter("order", "line"))
    positions = {task.line: last_position() for task in ordered}
    for task in sorted(ordered, key=attrgetter("level")):
        yield place | {
            "id": ids[task.line],
            "parent_id": tree.parents[ids[task.line]],
            "position": positions[task.line],
            "title": task.title,
            "description": task.description,
            "status": task.status,
            "priority": task.priority,
            "due_at": task.due_at,
            "labels": list(task.labels),
            "completed_at": task.completed_at,
            "task_metadata": {source.format: task.details | {"key": task.key}},
        }


def _item_rows(
    tasks: list[ParsedTask], ids: dict[int, str], principal: Principal
) -> Iterator[dict[str, Any]]:
    for task in tasks:
        for item in task.items:
            yield {
                "id": new_id(),
                "created_by": principal.id,
                "task_id": ids[task.line],
                "name": item.name,
                "description": item.description,
                "status": ItemStatus.DONE if item.done else ItemStatus.OPEN,
                "position": last_position(),
            }


task_import_writer = TaskImportWriter(db, event_service)
