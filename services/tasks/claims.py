"""Claims: which task an agent is to do next, found and locked in one statement."""

from collections.abc import Sequence

from sqlalchemy import TextClause, text

from models.principal import Principal
from models.task import DOER, PENDING
from services.db_client import DatabaseClient
from services.prepared import Prepared

# How many of the best are looked at: more than one may ask for, since agents who claim at the same
# time lock some; who finds all of them locked looks at more. These are no parameters: a plan for
# any limit would be one for a tenth of the table.
WINDOWS = (30, 300, 3_000)

BEST_FIRST = (
    "{0}.priority DESC, COALESCE({0}.due_at, 'infinity'::timestamptz), {0}.position, {0}.{1}"
)

# In the words of the indexes ix_tasks_claimable and ix_tasks_given, each of which is read in its
# own order: what a claim costs follows from the number of projects, not of the tasks in them.
# The planner knows neither how few projects somebody has nor how little an agent was given. So
# projects are looked up one by one, and IS TRUE keeps it from reading all that is in them.
CLAIM = """
    WITH places AS (
        SELECT open.id FROM memberships CROSS JOIN LATERAL (
            SELECT id FROM projects
            WHERE id = memberships.project_id AND NOT archived AND deleted_at IS NULL LIMIT 1
        ) AS open
        WHERE memberships.user_id = :me AND memberships.active AND memberships.role <> 'viewer'
          {in_project}
    ),
    found AS (
        {free}
        UNION
        SELECT given.* FROM (
            SELECT id, priority, due_at, position FROM tasks
            WHERE {doer} = :me AND {pending} AND (scope_id IN (SELECT id FROM places)) IS TRUE
              AND {unblocked} {given_labels}
            ORDER BY {best_task_first} LIMIT {window}
        ) AS given
    ),
    best AS (SELECT * FROM found ORDER BY {best_found_first} LIMIT {window})
    SELECT tasks.id FROM best JOIN tasks ON tasks.id = best.id
    WHERE tasks.deleted_at IS NULL AND tasks.status = 'pending'
      AND COALESCE(tasks.delegate_id, tasks.assignee_id, :me) = :me
    ORDER BY {best_first} LIMIT :most FOR UPDATE OF tasks SKIP LOCKED
"""
# BETWEEN says no more than =, and lets the planner expect many tasks: where most projects have few
# it would read all of a large one and sort them.
FREE = """
    SELECT free.* FROM places CROSS JOIN LATERAL (
        SELECT id, priority, due_at, position FROM tasks
        WHERE scope_id BETWEEN places.id AND places.id AND {pending}
          AND delegate_id IS NULL AND assignee_id IS NULL AND {unblocked}
        ORDER BY scope_id, {best_task_first} LIMIT {window}
    ) AS free
"""
# Of each label by itself, also in order: see models/claimable_label.py.
FREE_LABELLED = """
    SELECT free.* FROM places CROSS JOIN unnest(CAST(:free_labels AS text[])) AS wanted(label)
    CROSS JOIN LATERAL (
        SELECT labelled.task_id AS id, labelled.priority, labelled.due_at, labelled.position
        FROM claimable_labels AS labelled JOIN tasks ON tasks.id = labelled.task_id
        WHERE labelled.scope_id = places.id AND labelled.label = wanted.label AND {unblocked}
        ORDER BY {best_labelled_first} LIMIT {window}
    ) AS free
"""
UNBLOCKED = """(cardinality(tasks.blocked_by) = 0 OR NOT EXISTS (
    SELECT FROM tasks AS blockers
    WHERE blockers.id = ANY(tasks.blocked_by) AND blockers.deleted_at IS NULL
      AND blockers.status IN ('pending', 'in_progress')))"""
IN_PROJECT = "AND memberships.project_id = :project_id"
# Not by &&, for which all tasks with such a label would be fetched from ix_tasks_labels.
GIVEN_LABELS = """AND (CAST(:given_labels AS text[]) = '{}' OR EXISTS (
    SELECT FROM unnest(labels) AS label WHERE label = ANY(CAST(:given_labels AS text[]))))"""


def _claim(window: int, in_project: str, free: str, given_labels: str) -> TextClause:
    parts = {
        "window": window,
        "pending": PENDING,
        "doer": DOER,
        "unblocked": UNBLOCKED,
        "best_task_first": BEST_FIRST.format("tasks", "id"),
        "best_labelled_first": BEST_FIRST.format("labelled", "task_id"),
        "best_found_first": BEST_FIRST.format("found", "id"),
        "best_first": BEST_FIRST.format("best", "id"),
        "in_project": in_project,
        "given_labels": given_labels,
    }
    return text(CLAIM.format(free=free.format(**parts), **parts))


class TaskClaims:
    """Finds the best task that nobody holds: by priority, then due date, then position."""

    def __init__(self, database: DatabaseClient) -> None:
        def prepare(in_project: str, free: str, given_labels: str) -> list[Prepared]:
            return [
                database.prepare(_claim(window, in_project, free, given_labels))
                for window in WINDOWS
            ]

        self._anywhere = prepare("", FREE, "")
        self._in_project = prepare(IN_PROJECT, FREE, "")
        self._labelled = prepare("", FREE_LABELLED, GIVEN_LABELS)
        self._labelled_in_project = prepare(IN_PROJECT, FREE_LABELLED, GIVEN_LABELS)

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
        parameters: dict[str, object] = {"me": principal.id, "most": most}
        if project_id is not None:
            parameters["project_id"] = project_id
        if free_labels:
            parameters |= {"free_labels": list(free_labels), "given_labels": list(given_labels)}
            statements = self._labelled_in_project if project_id else self._labelled
        else:
            statements = self._in_project if project_id else self._anywhere
        found: list[str] = []
        for statement in statements:
            found = [row["id"] for row in statement.all(**parameters)]
            if found:
                break
        return found
