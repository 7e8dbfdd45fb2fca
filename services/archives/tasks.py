"""Tasks of an archive, their checklists, the inbox and the comments."""

from collections.abc import Iterable
from graphlib import TopologicalSorter
from typing import Any

from sqlalchemy import any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY

from models.archive import ArchivedComment, ArchivedItem, ArchivedTask
from models.base import UuidText
from models.comment import Comment, CommentRow
from models.event import EventType
from models.item import Item, ItemRow
from models.task import REVIEW, Task, TaskRow, TaskStatus
from services.access_service import access_service
from services.archives.run import ArchiveRun, ArchiveTable, batches
from services.comment_service import INDEX
from services.db_client import DatabaseClient, db
from services.event_service import EventService, event_service, scope_room
from services.tasks.delegates import TaskDelegates
from services.tasks.graph import TaskGraph
from services.tasks.reminded import HUSH
from utils.trees import TOO_DEEP, Tree

IDS = bindparam("ids", type_=ARRAY(UuidText))

FIND_TASKS = select(TaskRow.id, TaskRow.scope_id, TaskRow.deleted_at).where(TaskRow.id == any_(IDS))
FIND_ITEMS = select(ItemRow.id).where(ItemRow.id == any_(IDS))
FIND_COMMENTS = select(CommentRow.id).where(CommentRow.id == any_(IDS))

# By who was given tasks of which project: who is given them here.
Delegates = dict[tuple[str | None, str | None], str | None]

NO_PLACE = "its project is not yours any more, or in the trash; restore it first"
NO_TASK = "its task is in the trash or was moved; restore it first"


class ArchiveTasks:
    """Makes the work anew: everything that is neither people nor time."""

    def __init__(
        self, database: DatabaseClient, events: EventService, delegates: TaskDelegates
    ) -> None:
        self._tasks = ArchiveTable(database, events, TaskRow, Task, EventType.TASK_CREATED)
        self._items = ArchiveTable(database, events, ItemRow, Item, EventType.ITEM_CREATED)
        self._comments = ArchiveTable(
            database, events, CommentRow, Comment, EventType.COMMENT_CREATED
        )
        self._graph = TaskGraph(database)
        self._delegates = delegates
        self._find_tasks = database.prepare(FIND_TASKS)
        self._find_items = database.prepare(FIND_ITEMS)
        self._find_comments = database.prepare(FIND_COMMENTS)
        self._index = database.prepare(INDEX)
        self._hush = database.prepare(HUSH)

    def write(self, run: ArchiveRun) -> None:
        """Make the tasks, items and comments that are not here yet."""
        self._write_tasks(run)
        self._write_items(run)
        self._write_comments(run)

    def _write_tasks(self, run: ArchiveRun) -> None:
        self._note_known(run)
        new = {}
        for line, task in run.new("tasks", self._find_tasks):
            if run.takes(task.project_id):
                new[task.id] = task
                run.tasks[task.id] = run.project(task.project_id)
            else:
                run.leave_out("tasks", line, NO_PLACE)
        tree = self._graph.tree_with(
            {run.here(task.id): run.task(task.parent_id) for task in new.values()}
        )
        for line, task in enumerate(run.archive.tasks, 1):
            if task.id in new and run.here(task.id) in tree.raised:
                run.warn("tasks", line, TOO_DEEP)
        delegates = self._delegates_of(run, new.values())
        rows = [_task_values(run, tree, delegates, task) for task in _parents_first(new)]
        self._tasks.insert(run, "tasks", rows, _rooms(run, new))
        for ids in batches([row["id"] for row in rows]):
            self._hush.execute(ids=ids)

    def _delegates_of(self, run: ArchiveRun, tasks: Iterable[ArchivedTask]) -> Delegates:
        """Return who does the tasks of whom in which project: agents that work there."""
        named = {(task.delegate_id, task.project_id) for task in tasks if task.delegate_id}
        return {
            (delegate_id, project_id): self._delegates.still(
                run.person(delegate_id), run.project(project_id)
            )
            for delegate_id, project_id in named
        }

    def _note_known(self, run: ArchiveRun) -> None:
        """Note the tasks of earlier imports that are still where they were put."""
        places = {
            run.here(task.id): task for task in run.archive.tasks if run.takes(task.project_id)
        }
        for ids in batches(list(places)):
            for row in self._find_tasks.all(ids=ids):
                task = places[row["id"]]
                project_id = run.project(task.project_id)
                is_there = row["scope_id"] == (project_id or run.principal.id)
                if is_there and row["deleted_at"] is None:
                    run.tasks[task.id] = project_id

    def _write_items(self, run: ArchiveRun) -> None:
        rows, rooms = [], {}
        for line, item in run.new("items", self._find_items):
            if item.task_id is not None and item.task_id not in run.tasks:
                run.leave_out("items", line, NO_TASK)
                continue
            row = _item_values(run, item)
            rows.append(row)
            project_id = run.tasks[item.task_id] if item.task_id else None
            rooms[row["id"]] = scope_room(project_id, run.principal.id)
        self._items.insert(run, "items", rows, rooms)

    def _write_comments(self, run: ArchiveRun) -> None:
        rows, rooms = [], {}
        for line, comment in run.new("comments", self._find_comments):
            if comment.task_id not in run.tasks:
                run.leave_out("comments", line, NO_TASK)
                continue
            row = _comment_values(run, comment)
            rows.append(row)
            rooms[row["id"]] = scope_room(run.tasks[comment.task_id], run.principal.id)
        self._comments.insert(run, "comments", rows, rooms)
        for ids in batches(sorted({row["task_id"] for row in rows})):
            self._index.execute(task_ids=ids)


def _rooms(run: ArchiveRun, tasks: dict[str, ArchivedTask]) -> dict[str, str]:
    me = run.principal.id
    return {run.here(task_id): scope_room(run.tasks[task_id], me) for task_id in tasks}


def _parents_first(tasks: dict[str, ArchivedTask]) -> list[ArchivedTask]:
    graph = {task.id: [task.parent_id] if task.parent_id else [] for task in tasks.values()}
    return [
        tasks[task_id] for task_id in TopologicalSorter(graph).static_order() if task_id in tasks
    ]


def _task_values(
    run: ArchiveRun, tree: Tree[str], delegates: Delegates, task: ArchivedTask
) -> dict[str, Any]:
    # Nobody holds it here: leases do not come along.
    held = task.status is TaskStatus.IN_PROGRESS and task.delegate_id and REVIEW not in task.labels
    begun = {"status": TaskStatus.PENDING, "started_at": None} if held else {}
    return task.model_dump(exclude={"metadata"}) | {
        "id": run.here(task.id),
        "project_id": run.project(task.project_id),
        "created_by": run.person(task.created_by),
        "assignee_id": run.person(task.assignee_id) if task.assignee_id else None,
        "delegate_id": delegates.get((task.delegate_id, task.project_id)),
        "parent_id": tree.parents[run.here(task.id)],
        "blocked_by": [run.here(blocker) for blocker in task.blocked_by if blocker in run.tasks],
        "task_metadata": task.metadata,
        "series": task.series and task.series.model_dump(mode="json"),
        "next_id": task.next_id and run.here(task.next_id),
        **begun,
    }


def _item_values(run: ArchiveRun, item: ArchivedItem) -> dict[str, Any]:
    return item.model_dump() | {
        "id": run.here(item.id),
        "created_by": run.person(item.created_by),
        "task_id": run.task(item.task_id),
        "promoted_task_id": run.task(item.promoted_task_id),
    }


def _comment_values(run: ArchiveRun, comment: ArchivedComment) -> dict[str, Any]:
    mentioned = dict.fromkeys(run.person(user_id) for user_id in comment.mentions)
    return comment.model_dump() | {
        "id": run.here(comment.id),
        "created_by": run.person(comment.created_by),
        "task_id": run.task(comment.task_id),
        "mentions": list(mentioned),
    }


archive_tasks = ArchiveTasks(db, event_service, TaskDelegates(db, access_service))
