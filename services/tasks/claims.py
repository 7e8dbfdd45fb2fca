"""Claims: which task an agent is to do next, found and locked in one statement."""

from collections.abc import Sequence

from sqlalchemy import TextClause, text

from models.principal import Principal
from models.task import DOER, PENDING
from services.db_client import DatabaseClient

# How many of the best of each project are looked at: many agents at once lock as many, and those
# who find all of them locked look at more.
WINDOWS = (40, 2_000)

BEST_FIRST = (
    "{0}.priority DESC, COALESCE({0}.due_at, 'infinity'::timestamptz), {0}.position, {0}.id"
)

# In the words of the indexes ix_tasks_claimable and ix_tasks_given, each of which is read in its
# own order: what a claim costs follows from the number of projects, not of the tasks in them.
CLAIM = """
    WITH places AS (
        SELECT projects.id FROM memberships JOIN projects ON projects.id = memberships.project_id
        WHERE memberships.user_id = :me AND memberships.active AND memberships.role <> 'viewer'
          AND NOT projects.archived AND projects.deleted_at IS NULL {in_project}
    ),
    found AS (
        SELECT free.* FROM places CROSS JOIN LATERAL (
            SELECT id, priority, due_at, position FROM tasks
            WHERE scope_id = places.id AND {pending}
              AND delegate_id IS NULL AND assignee_id IS NULL AND {unblocked} {free_labels}
            ORDER BY {best_task_first} LIMIT :window
        ) AS free
        UNION ALL
        SELECT given.* FROM (
            SELECT id, priority, due_at, position FROM tasks
            WHERE {doer} = :me AND {pending} AND scope_id IN (SELECT id FROM places)
              AND {unblocked} {given_labels}
            ORDER BY {best_task_first} LIMIT :window
        ) AS given
    )
    SELECT tasks.id FROM found JOIN tasks ON tasks.id = found.id
    WHERE tasks.deleted_at IS NULL AND tasks.status = 'pending'
      AND COALESCE(tasks.delegate_id, tasks.assignee_id, :me) = :me
    ORDER BY {best_found_first} LIMIT :most FOR UPDATE OF tasks SKIP LOCKED
"""
UNBLOCKED = """(cardinality(blocked_by) = 0 OR NOT EXISTS (
    SELECT FROM tasks AS blockers
    WHERE blockers.id = ANY(tasks.blocked_by) AND blockers.deleted_at IS NULL
      AND blockers.status IN ('pending', 'in_progress')))"""
IN_PROJECT = "AND projects.id = :project_id"
LABELLED = "AND (CAST(:{0}_labels AS text[]) = '{{}}' OR labels && CAST(:{0}_labels AS text[]))"


def _claim(in_project: str = "", labels: str = "") -> TextClause:
    return text(
        CLAIM.format(
            pending=PENDING,
            doer=DOER,
            unblocked=UNBLOCKED,
            best_task_first=BEST_FIRST.format("tasks"),
            best_found_first=BEST_FIRST.format("found"),
            in_project=in_project,
            free_labels=labels.format("free"),
            given_labels=labels.format("given"),
        )
    )


class TaskClaims:
    """Finds the best task that nobody holds: by priority, then due date, then position."""

    def __init__(self, database: DatabaseClient) -> None:
        self._anywhere = database.prepare(_claim())
        self._in_project = database.prepare(_claim(IN_PROJECT))
        # How common a label is decides which index is the best.
        self._labelled = database.prepare_for_values(_claim(labels=LABELLED))
        self._labelled_in_project = database.prepare_for_values(_claim(IN_PROJECT, LABELLED))

    def find(
        self,
        principal: Principal,
        project_id: str | None,
        *,
        free_labels: Sequence[str],
        given_labels: Sequence[str],
        most: int,
    ) -> list[str]:
        """Return the ids of tasks that the caller may begin, the best first; they are locked.

        Nobody's tasks must have one of `free_labels`, those that were given to the caller one of
        `given_labels`, where these name any. What others claim at this moment is passed over.
        """
        parameters = {"me": principal.id, "most": most}
        if project_id is not None:
            parameters["project_id"] = project_id
        if free_labels or given_labels:
            parameters |= {"free_labels": list(free_labels), "given_labels": list(given_labels)}
            statement = self._labelled_in_project if project_id else self._labelled
        else:
            statement = self._in_project if project_id else self._anywhere
        found: list[str] = []
        for window in WINDOWS:
            found = [row["id"] for row in statement.all(**parameters, window=window + most)]
            if found:
                break
        return found
