"""Deleting for good what has been in the trash for long.

It goes by portions, each in a transaction of its own. Nobody restores what is old enough to be
purged, so nothing comes back by halves between them.
"""

from sqlalchemy import text

from services.db_client import DatabaseClient
from services.prepared import Prepared

PORTION = 500  # operations, and tasks

OLD = """
    SELECT id FROM operations WHERE deleted_at <= now() - make_interval(days => :days)
    ORDER BY deleted_at LIMIT :portion FOR UPDATE SKIP LOCKED
"""

# Of one operation, and on one task, there may be any number of these.
TIME_ENTRIES = """
    DELETE FROM time_entries WHERE id IN (
        SELECT id FROM time_entries WHERE operation_id = ANY(CAST(:ids AS uuid[])) LIMIT :portion
    ) RETURNING task_id AS id
"""
COMMENTS = """
    DELETE FROM comments WHERE id IN (
        SELECT id FROM comments WHERE operation_id = ANY(CAST(:ids AS uuid[])) LIMIT :portion
    )
"""
ITEMS = """
    DELETE FROM items WHERE id IN (
        SELECT id FROM items WHERE operation_id = ANY(CAST(:ids AS uuid[])) LIMIT :portion
    ) RETURNING promoted_task_id AS id
"""
COMMENTS_OF_TASKS = """
    DELETE FROM comments WHERE id IN (
        SELECT id FROM comments WHERE task_id = ANY(CAST(:ids AS uuid[])) LIMIT :portion
    )
"""
ITEMS_OF_TASKS = """
    DELETE FROM items WHERE id IN (
        SELECT id FROM items WHERE task_id = ANY(CAST(:ids AS uuid[])) LIMIT :portion
    ) RETURNING promoted_task_id AS id
"""

# What is in an old project was not put into the trash itself, unless it went there before.
TASKS = """
    SELECT id FROM tasks WHERE operation_id = ANY(CAST(:ids AS uuid[]))
    UNION ALL
    SELECT tasks.id FROM tasks JOIN projects ON projects.id = tasks.scope_id
    WHERE projects.operation_id = ANY(CAST(:ids AS uuid[])) AND tasks.deleted_at IS NULL
      AND projects.id IN (SELECT scope_id FROM operations WHERE id = ANY(CAST(:ids AS uuid[])))
    LIMIT :portion
"""

# What time or a line that stays names is kept as a name: deleted, and by no operation.
ONLY_NAMES = """
    SELECT id FROM tasks
    WHERE id = ANY(CAST(:ids AS uuid[])) AND deleted_at IS NOT NULL AND operation_id IS NULL
"""
NAMED = """
    SELECT task_id AS id FROM time_entries WHERE task_id = ANY(CAST(:ids AS uuid[]))
    UNION
    SELECT promoted_task_id FROM items WHERE promoted_task_id = ANY(CAST(:ids AS uuid[]))
"""
REDUCE_TO_NAMES = """
    UPDATE tasks SET description = '', labels = '{}', metadata = '{}', discussion = '',
        assignee_id = NULL, delegate_id = NULL, parent_id = NULL, blocked_by = '{}', due_at = NULL,
        recurrence = NULL, series = NULL, next_id = NULL,
        deleted_at = COALESCE(deleted_at, now()), operation_id = NULL
    WHERE id = ANY(CAST(:ids AS uuid[]))
"""
# The holds of agents stay with the time that ran for them; what was said in them goes.
SILENCE_LEASES = """
    UPDATE leases SET message = '', reason = '' WHERE task_id = ANY(CAST(:ids AS uuid[]))
"""
RELEASE_SUBTASKS = """
    UPDATE tasks SET parent_id = NULL
    WHERE parent_id = ANY(CAST(:ids AS uuid[])) AND NOT id = ANY(CAST(:ids AS uuid[]))
"""
DELETE_TASKS = "DELETE FROM tasks WHERE id = ANY(CAST(:ids AS uuid[]))"

MEMBERSHIPS = """
    DELETE FROM memberships USING projects
    WHERE projects.id = memberships.project_id
      AND projects.operation_id = ANY(CAST(:ids AS uuid[]))
      AND projects.id IN (SELECT scope_id FROM operations WHERE id = ANY(CAST(:ids AS uuid[])))
"""
WEBHOOKS = """
    DELETE FROM webhooks USING projects
    WHERE projects.id = webhooks.project_id
      AND projects.operation_id = ANY(CAST(:ids AS uuid[]))
      AND projects.id IN (SELECT scope_id FROM operations WHERE id = ANY(CAST(:ids AS uuid[])))
"""
PROJECTS = """
    UPDATE projects SET description = '', operation_id = NULL
    WHERE operation_id = ANY(CAST(:ids AS uuid[]))
      AND id IN (SELECT scope_id FROM operations WHERE id = ANY(CAST(:ids AS uuid[])))
"""
OPERATIONS = "DELETE FROM operations WHERE id = ANY(CAST(:ids AS uuid[]))"


class Purge:
    """Empties the trash of what nobody has missed for so many days."""

    def __init__(self, database: DatabaseClient) -> None:
        def prepare(statement: str) -> Prepared:
            return database.prepare(text(statement))

        self._old = prepare(OLD)
        self._time_entries = prepare(TIME_ENTRIES)
        self._comments = prepare(COMMENTS)
        self._items = prepare(ITEMS)
        self._comments_of_tasks = prepare(COMMENTS_OF_TASKS)
        self._items_of_tasks = prepare(ITEMS_OF_TASKS)
        self._tasks = prepare(TASKS)
        self._only_names = prepare(ONLY_NAMES)
        self._named = prepare(NAMED)
        self._reduce_to_names = prepare(REDUCE_TO_NAMES)
        self._silence_leases = prepare(SILENCE_LEASES)
        self._release_subtasks = prepare(RELEASE_SUBTASKS)
        self._delete_tasks = prepare(DELETE_TASKS)
        self._memberships = prepare(MEMBERSHIPS)
        self._webhooks = prepare(WEBHOOKS)
        self._projects = prepare(PROJECTS)
        self._operations = prepare(OPERATIONS)

    def run(self, days: int) -> dict[str, int]:
        """Delete one portion; returns how many of each kind, all 0 when nothing was left."""
        operations = _ids(self._old.all(days=days, portion=PORTION))
        entries = self._time_entries.all(ids=operations, portion=PORTION)
        comments = self._comments.execute(ids=operations, portion=PORTION)
        items = self._items.all(ids=operations, portion=PORTION)
        is_last = max(len(entries), comments, len(items)) < PORTION
        tasks = _ids(self._tasks.all(ids=operations, portion=PORTION)) if is_last else []
        comments_of_tasks = self._comments_of_tasks.execute(ids=tasks, portion=PORTION)
        items_of_tasks = self._items_of_tasks.all(ids=tasks, portion=PORTION)
        if max(comments_of_tasks, len(items_of_tasks)) == PORTION:
            is_last, tasks = False, []  # more may hang on them
        items += items_of_tasks
        released = _ids(self._only_names.all(ids=_ids(entries + items)))
        counts = {
            "time entries": len(entries),
            "comments": comments + comments_of_tasks,
            "items": len(items),
        }
        counts |= self._purge_tasks({*tasks, *released})
        if is_last and len(tasks) < PORTION:
            counts |= self._finish(operations)
        return counts

    def _purge_tasks(self, tasks: set[str]) -> dict[str, int]:
        """Delete tasks that have neither lines nor comments any more, or keep their names."""
        names = _ids(self._named.all(ids=list(tasks)))
        gone = list(tasks.difference(names))
        self._reduce_to_names.execute(ids=names)
        self._silence_leases.execute(ids=names)
        self._release_subtasks.execute(ids=gone)
        return {"names kept": len(names), "tasks": self._delete_tasks.execute(ids=gone)}

    def _finish(self, operations: list[str]) -> dict[str, int]:
        """Forget operations of which nothing else is left; a project stays as its name, too."""
        self._memberships.execute(ids=operations)
        self._webhooks.execute(ids=operations)
        return {
            "projects": self._projects.execute(ids=operations),
            "operations": self._operations.execute(ids=operations),
        }


def _ids(rows: list[dict[str, str | None]]) -> list[str]:
    return [row["id"] for row in rows if row["id"] is not None]
