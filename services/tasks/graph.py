"""The graph of a scope's tasks: what is part of what, and what waits for what.

Whoever changes it holds the scope until the commit, so that what was checked stays true.
"""

from collections.abc import Iterable

from sqlalchemy import ARRAY, any_, bindparam, select, text

from models.base import UuidText
from models.task import TaskRow
from services.advisory_locks import LOCK_BY_ID
from services.db_client import DatabaseClient
from utils.errors import BadRequestError, ConflictError
from utils.trees import LEVELS_MAX, Tree, tree_of

IDS = bindparam("ids", type_=ARRAY(UuidText))
# Asked for by id alone: a condition on the scope would tempt planners to read all of it.
LIVE = select(TaskRow.id, TaskRow.scope_id).where(
    TaskRow.id == any_(IDS), TaskRow.deleted_at.is_(None)
)

SUBTREE = text(
    """
    WITH RECURSIVE subtree AS (
        SELECT CAST(:id AS uuid) AS id, 1 AS level
        UNION ALL
        SELECT tasks.id, subtree.level + 1 FROM tasks JOIN subtree ON tasks.parent_id = subtree.id
        WHERE tasks.deleted_at IS NULL
    )
    SELECT id, level FROM subtree ORDER BY level, id
    """
)
ANCESTRY = text(
    """
    WITH RECURSIVE ancestry AS (
        SELECT id, parent_id FROM tasks WHERE id = :id
        UNION ALL
        SELECT tasks.id, tasks.parent_id FROM tasks JOIN ancestry ON tasks.id = ancestry.parent_id
    )
    SELECT id FROM ancestry
    """
)
PARENTS_ABOVE = text(
    """
    WITH RECURSIVE above AS (
        SELECT id, parent_id FROM tasks WHERE id = ANY(CAST(:ids AS uuid[]))
        UNION
        SELECT tasks.id, tasks.parent_id FROM tasks JOIN above ON tasks.id = above.parent_id
    )
    SELECT id, parent_id FROM above
    """
)
# Tasks in the trash count: they may come back, and with them a circle.
WAITED_FOR = text(
    """
    WITH RECURSIVE waited_for AS (
        SELECT unnest(CAST(:ids AS uuid[])) AS id
        UNION
        SELECT unnest(tasks.blocked_by) FROM tasks JOIN waited_for ON tasks.id = waited_for.id
    )
    SELECT id FROM waited_for WHERE id = :id
    """
)


class TaskGraph:
    """Keeps subtasks a tree of a few levels, and dependencies without circles."""

    def __init__(self, database: DatabaseClient) -> None:
        self._lock = database.prepare(LOCK_BY_ID)
        self._live = database.prepare(LIVE)
        self._subtree = database.prepare(SUBTREE)
        self._ancestry = database.prepare(ANCESTRY)
        self._parents_above = database.prepare(PARENTS_ABOVE)
        self._waited_for = database.prepare(WAITED_FOR)

    def lock(self, *scope_ids: str) -> None:
        """Make changes of the graph and order of these scopes wait for each other."""
        for scope_id in sorted(set(scope_ids)):
            self._lock.execute(id=scope_id)

    def subtree(self, task_id: str) -> list[str]:
        """Return the ids of a task and all below it that are not in the trash, parents first."""
        return [row["id"] for row in self._subtree.all(id=task_id)]

    def tree_with(self, parents: dict[str, str | None]) -> Tree[str]:
        """Return the tree of new tasks, by their ids, and of those that are above them already.

        New ones that would lie too deep are raised.
        """
        above = {each for each in parents.values() if each} - parents.keys()
        rows = self._parents_above.all(ids=sorted(above)) if above else []
        return tree_of({row["id"]: row["parent_id"] for row in rows} | parents)

    def check_parent(self, task_id: str, parent_id: str, scope_id: str) -> None:
        """Refuse a parent of another scope, one below the task itself, and too many levels."""
        if self.missing([parent_id], scope_id):
            raise BadRequestError(
                "The parent is not a task of the same project; look at parent_id.",
                code="parent_elsewhere",
            )
        ancestry = [row["id"] for row in self._ancestry.all(id=parent_id)]
        if task_id in ancestry:
            raise ConflictError(
                "A task cannot be a part of itself; move the subtask out first.",
                code="parent_cycle",
            )
        height = max(row["level"] for row in self._subtree.all(id=task_id))
        if len(ancestry) + height > LEVELS_MAX:
            raise BadRequestError(
                f"Subtasks go {LEVELS_MAX} levels deep; choose a parent further up.",
                code="too_deep",
            )

    def check_blockers(self, task_id: str, blockers: list[str], scope_id: str) -> None:
        """Refuse blockers of other scopes and those that wait for the task themselves."""
        missing = self.missing(blockers, scope_id)
        if missing:
            raise BadRequestError(
                "Some of blocked_by are not tasks of the same project; leave them out.",
                code="blocker_elsewhere",
                task_ids=missing,
            )
        if self._waited_for.first(ids=blockers, id=task_id) is not None:
            raise ConflictError(
                "These tasks would wait for each other; take one out of blocked_by.",
                code="dependency_cycle",
            )

    def missing(self, ids: Iterable[str], scope_id: str) -> list[str]:
        """Return those of the ids that name no live task of the scope."""
        wanted = list(ids)
        found = {row["id"] for row in self._live.all(ids=wanted) if row["scope_id"] == scope_id}
        return [each for each in wanted if each not in found]
