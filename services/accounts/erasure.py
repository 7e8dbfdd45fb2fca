"""What goes for good with an account: all that nobody else could see, and every trace of the name.

What takes long is only put aside here, as an operation so old that the next purge deletes it.
"""

from collections.abc import Sequence

from sqlalchemy import Delete, bindparam, delete, text

import models.all  # noqa: F401 - maps every table
from models.base import Base
from models.user import DELETED_NAME
from services.db_client import DatabaseClient
from services.event_service import project_room, user_room
from services.portions import PORTION
from services.prepared import Prepared
from utils.helpers import new_id

OLD_OPERATION = """
    INSERT INTO operations (id, scope_id, deleted_by, deleted_at, title, counts)
    VALUES (:operation, :me, :me, 'epoch', '', '{}')
"""
AGE_OPERATIONS = """
    UPDATE operations SET deleted_at = 'epoch', title = ''
    WHERE scope_id = ANY(CAST(:places AS uuid[]))
"""
UNNAME_OPERATIONS = """
    UPDATE operations SET title = ''
    WHERE scope_id IS NULL AND deleted_by = ANY(CAST(:users AS uuid[]))
"""
# What lies in the trash already is there by an operation of its own place, which is aged, or by
# one over several places, whose rest is left in the projects that it is in.
PUT_ASIDE = """
    UPDATE {table} SET operation_id = :operation, deleted_by = :me,
        deleted_at = COALESCE(deleted_at, now())
    WHERE id IN (
        SELECT id FROM {table} WHERE {theirs} AND deleted_at IS NULL
        UNION ALL
        SELECT {table}.id FROM {table} JOIN operations ON operations.id = {table}.operation_id
        WHERE operations.scope_id IS NULL AND operations.deleted_by = ANY(CAST(:users AS uuid[]))
          AND {theirs}
        LIMIT :portion
    )
"""
THEIRS = {
    "tasks": "tasks.scope_id = ANY(CAST(:users AS uuid[]))",
    "items": "items.created_by = ANY(CAST(:users AS uuid[])) AND items.task_id IS NULL",
    "time_entries": (
        "time_entries.user_id = ANY(CAST(:users AS uuid[]))"
        " AND time_entries.scope_id = ANY(CAST(:places AS uuid[]))"
    ),
}
# Whoever has worked in a project that nobody is left in keeps the time, and does not see its name.
RENAME_PROJECTS = """
    UPDATE projects SET name = 'deleted project', description = '', settings = '{}'
    WHERE id = ANY(CAST(:projects AS uuid[]))
"""

# Agents are often called after whose they are; what they did is told by their ids.
UNNAME_AGENTS = """
    UPDATE users SET name = :name, description = '', agent_kind = '', agent_metadata = '{}',
        capabilities = '{}'
    WHERE id = ANY(CAST(:agents AS uuid[]))
"""

# Whoever reads the log of a project from now on does not learn who it was that came and went, nor
# as whom an import had brought them in.
REDACT = """
    WITH places AS (
        SELECT type, data FROM events
        WHERE room = ANY(CAST(:own_rooms AS text[])) AND type LIKE 'member.%'
    )
    UPDATE events SET data = data || jsonb_build_object('name', CAST(:name AS text), 'email', NULL)
    WHERE room IN (SELECT 'project:' || (data ->> 'project_id') FROM places)
      AND type LIKE 'member.%' AND type <> 'member.claimed'
      AND (
        subject_id = ANY(CAST(:users AS uuid[])) OR subject_id IN (
            SELECT CAST(data ->> 'placeholder_id' AS uuid) FROM places
            WHERE type = 'member.claimed'
        )
      )
"""
EVENTS = """
    DELETE FROM events WHERE (room, seq) IN (
        SELECT room, seq FROM events WHERE room = ANY(CAST(:rooms AS text[])) LIMIT :portion
    )
"""
ROOMS = "DELETE FROM rooms WHERE id = ANY(CAST(:rooms AS text[]))"
ANSWERS = "DELETE FROM idempotency_records WHERE principal = ANY(CAST(:users AS text[]))"


def _deletes() -> list[Delete]:
    """Return a statement for each table whose rows belong to an account and to nothing else.

    Those say so themselves: by a foreign key to users that cascades.
    """
    return [
        delete(table).where(key.parent == bindparam("user_id"))
        for table in Base.metadata.sorted_tables
        for key in table.foreign_keys
        if key.column.table.name == "users" and key.ondelete == "CASCADE"
    ]


class Erasure:
    """Lets go of what was private to an account and to its agents."""

    def __init__(self, database: DatabaseClient) -> None:
        def prepare(statement: str) -> Prepared:
            return database.prepare(text(statement))

        self._old_operation = prepare(OLD_OPERATION)
        self._age_operations = prepare(AGE_OPERATIONS)
        self._unname_operations = prepare(UNNAME_OPERATIONS)
        self._put_aside = [
            prepare(PUT_ASIDE.format(table=table, theirs=theirs))
            for table, theirs in THEIRS.items()
        ]
        self._rename_projects = prepare(RENAME_PROJECTS)
        self._unname_agents = prepare(UNNAME_AGENTS)
        self._redact = prepare(REDACT)
        self._events = prepare(EVENTS)
        self._rooms = prepare(ROOMS)
        self._answers = prepare(ANSWERS)
        self._deletes = [database.prepare(each) for each in _deletes()]

    def put_aside(self, users: Sequence[str], projects: Sequence[str]) -> None:
        """Leave to the purge what `users`, somebody and their agents, and `projects` have."""
        me, places, operation = users[0], [*users, *projects], new_id()
        self._old_operation.execute(operation=operation, me=me)
        for statement in self._put_aside:
            values = {"operation": operation, "me": me, "users": users, "places": places}
            while statement.execute(**values, portion=PORTION) == PORTION:
                pass
        self._rename_projects.execute(projects=list(projects))
        self._age_operations.execute(places=places)
        self._unname_operations.execute(users=users)

    def forget(self, users: Sequence[str], projects: Sequence[str]) -> None:
        """Delete sessions and all else that only served to sign in, and what the log tells.

        Comes last in the transaction: who writes to a room that is gone by then is refused.
        """
        own_rooms = [user_room(each) for each in users]
        self._unname_agents.execute(name=DELETED_NAME, agents=users[1:])
        self._redact.execute(name=DELETED_NAME, users=users, own_rooms=own_rooms)
        rooms = [*own_rooms, *(project_room(each) for each in projects)]
        while self._events.execute(rooms=rooms, portion=PORTION) == PORTION:
            pass
        self._rooms.execute(rooms=own_rooms)
        self._answers.execute(users=list(users))
        for each in users:
            for statement in self._deletes:
                statement.execute(user_id=each)
