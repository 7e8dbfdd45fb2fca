"""Worlds of 1,000, 100,000 and 1,000,000 tasks, side by side in one database.

In each somebody owns a project with so many tasks, and as many time entries of one month, by a
person for every two thousand and on a hundredth of the tasks. One task of it has a tenth as many
comments, lines and changes, and the owner a tenth as many lines in the inbox, notifications,
operations in the trash, and so on.
"""

import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import cycle
from string import Template
from typing import Any, LiteralString

from benchmarks.database import Database
from benchmarks.reader import Client, Reader
from benchmarks.servers import Server

SIZES = (1_000, 100_000, 1_000_000)
MONTH_BEGINS = "2026-03-01"
SAMPLED_TASKS = 97
AT_ONCE = 2  # statements that fill
SCOPES = ["tasks:write", "time:write"]

# Ids in the order of n, like those of UUIDv7, so that rows refer to each other by n.
ID: LiteralString = """
    CREATE FUNCTION pg_temp.id(salt text, n bigint) RETURNS uuid IMMUTABLE LANGUAGE sql
    RETURN (lpad(to_hex(1700000000000 + n * 1000), 12, '0') || '7' || substr(md5(salt || n), 1, 3)
            || '8' || substr(md5(salt || n), 4, 15))::uuid
"""

# One in 3 tasks has a common word and label, one in 97 a less common one, 20 of any world a rare
# one; all are spread evenly over its age.
TASKS: LiteralString = """
    INSERT INTO tasks (id, title, description, created_by, project_id, status, priority, due_at,
                       labels, position, created_at, updated_at)
    SELECT pg_temp.id(%(salt)s, n),
           'Task ' || n || CASE WHEN n %% 3 = 0 THEN ' often' ELSE '' END
               || CASE WHEN n %% 97 = 0 THEN ' sometimes' ELSE '' END
               || CASE WHEN n %% (%(size)s / 20) = 0 THEN ' seldom' ELSE '' END,
           'Collect what the teams sent, check the sums, and note what is missing.',
           %(user)s, %(project)s,
           (ARRAY['pending', 'in_progress', 'completed', 'cancelled'])[1 + n %% 4],
           (ARRAY['none', 'low', 'medium', 'high', 'urgent'])[1 + n %% 5]::task_priority,
           CASE WHEN n %% 2 = 0 THEN now() + n * interval '1 minute' END,
           array_remove(ARRAY[CASE WHEN n %% 3 = 0 THEN 'often' END,
               CASE WHEN n %% (%(size)s / 20) = 0 THEN 'seldom' END], NULL),
           'i' || lpad(n::text, 9, '0') || 'V',
           now() - (%(size)s - n) * interval '10 seconds',
           now() - n * 7919 %% %(size)s * interval '10 seconds'
    FROM generate_series(%(first)s::bigint, %(last)s) AS n
"""

PEOPLE: LiteralString = """
    WITH people AS (
        INSERT INTO users (id, email, name)
        SELECT pg_temp.id('people' || %(salt)s, n), n || '.' || %(salt)s || '@example.org', 'P' || n
        FROM generate_series(1, %(people)s) AS n RETURNING id
    ), opened AS (
        INSERT INTO rooms (id) SELECT 'user:' || id FROM people
    )
    INSERT INTO memberships (project_id, user_id, role) SELECT %(project)s, id, 'editor' FROM people
"""

# Everybody has two thousand in the month, one after the other, on a hundredth of the tasks.
ENTRIES: LiteralString = """
    INSERT INTO time_entries (id, user_id, user_number, project_id, task_id, started_at, ended_at,
                              timezone, source, labels, allow_overlap)
    SELECT pg_temp.id('entries' || %(salt)s, n), person.id, person.number, %(project)s,
           pg_temp.id(%(salt)s, 1 + n %% %(hundredth)s), started_at,
           started_at + interval '15 minutes', 'UTC', 'manual',
           CASE WHEN n %% 3 = 0 THEN '{deep}'::text[] ELSE '{}' END, true
    FROM generate_series(%(first)s::bigint, %(last)s) AS n CROSS JOIN
         LATERAL (SELECT timestamptz '2026-03-01' + n %% 2000 * interval '22 minutes' AS started_at)
             AS start
         JOIN users AS person ON person.id
             = pg_temp.id('people' || %(salt)s, 1 + n %% %(people)s)
"""

TENTHS: tuple[LiteralString, ...] = (
    """
    INSERT INTO comments (id, created_by, task_id, body)
    SELECT pg_temp.id('comments' || %(salt)s, n), %(user)s, %(task)s, 'Said ' || n
    FROM generate_series(1, %(tenth)s) AS n
    """,
    """
    INSERT INTO items (id, created_by, task_id, name, status, position)
    SELECT pg_temp.id(place || %(salt)s, n), %(user)s,
           CASE place WHEN 'checklist' THEN %(task)s::uuid END, 'Line ' || n,
           (ARRAY['open', 'done'])[1 + n %% 2], 'i' || lpad(n::text, 9, '0') || 'V'
    FROM generate_series(1, %(tenth)s) AS n, unnest(ARRAY['inbox', 'checklist']) AS place
    """,
    """
    INSERT INTO time_entries (id, user_id, user_number, started_at, ended_at, timezone, source)
    SELECT pg_temp.id('own' || %(salt)s, n), users.id, number,
           timestamptz '2026-02-28' - n * interval '30 minutes',
           timestamptz '2026-02-28' - (n - 1) * interval '30 minutes', 'UTC', 'manual'
    FROM users, generate_series(1, %(tenth)s) AS n WHERE users.id = %(user)s
    """,
    """
    INSERT INTO events (room, seq, at, type, actor_id, subject_id, version, data)
    SELECT 'project:' || %(project)s, seq + n, now(), 'task.updated', %(user)s, %(task)s, n,
           jsonb_build_object('title', 'Title ' || n)
    FROM rooms, generate_series(1, %(tenth)s) AS n WHERE id = 'project:' || %(project)s
    """,
    "UPDATE rooms SET seq = seq + %(tenth)s WHERE id = 'project:' || %(project)s",
    """
    INSERT INTO notifications (id, user_id, kind, key, title, shown, by_mail, read_at)
    SELECT pg_temp.id('notifications' || %(salt)s, n), %(user)s, 'message', 'message ' || n, 'Hear',
           true, false, CASE WHEN n %% 2 = 0 THEN now() END
    FROM generate_series(1, %(tenth)s) AS n
    """,
    """
    INSERT INTO operations (id, scope_id, deleted_by, deleted_at, title, counts)
    SELECT pg_temp.id('operations' || %(salt)s, n), %(project)s, %(user)s,
           now() - (%(tenth)s - n) * interval '1 second', 'Task', '{"task": 1}'
    FROM generate_series(1, %(tenth)s) AS n
    """,
    """
    INSERT INTO audit (id, at, action, actor_id, user_id, project_id)
    SELECT pg_temp.id('audit' || %(salt)s, n), now() - (%(tenth)s - n) * interval '1 second',
           'member.added', %(user)s, %(user)s, %(project)s
    FROM generate_series(1, %(tenth)s) AS n
    """,
    """
    INSERT INTO leases (id, task_id, project_id, agent_id, status, seconds, expires_at, ended_at)
    SELECT pg_temp.id('leases' || %(salt)s, n), pg_temp.id(%(salt)s, n), %(project)s, %(agent)s,
           'completed', 300, now(), now()
    FROM generate_series(1, %(tenth)s) AS n
    """,
    """
    INSERT INTO deliveries (id, webhook_id, seq, type, status, attempts)
    SELECT pg_temp.id('deliveries' || %(salt)s, n), %(webhook)s, n, 'task.updated', 'delivered', 1
    FROM generate_series(1, %(tenth)s) AS n
    """,
)


ROW_BYTES: LiteralString = """
    SELECT relname, round(pg_total_relation_size(pg_class.oid) / reltuples) FROM pg_class
    WHERE relname = ANY(%s) AND relkind = 'r' AND reltuples > 0
"""
TABLES = ["tasks", "time_entries", "comments", "items", "notifications", "events"]


class World:
    """A project of so many tasks, its owner, and an agent in it."""

    def __init__(self, server: Server, size: int) -> None:
        self.size = size
        self.owner = Reader(server)
        self._salt = secrets.token_hex(8)
        self._names = {"project": self.owner.project_id, "user": self.owner.user_id}
        agent = self._make("agent", "/agents", {"name": "Builder", "kind": "script"})
        body = {"name": "Benchmark", "scopes": SCOPES}
        token = self.owner.ask("POST", f"/agents/{agent}/tokens", body)[0]["token"]
        self.agent = Client(server, token)
        self._make("other", "/projects", {"name": "Other"})
        hook = {"url": "https://hooks.invalid/stint", "event_types": ["project.updated"]}
        self._make("webhook", f"/projects/{self.owner.project_id}/webhooks", hook)
        member = {"user_id": agent, "role": "editor"}
        self.owner.ask("POST", f"/projects/{self.owner.project_id}/members", member)

    def fill(self, database: Database) -> None:
        """Let it grow to its size."""
        self._execute(database, PEOPLE)
        step = -(-self.size // AT_ONCE)
        parts = [
            {"first": first, "last": min(first + step - 1, self.size)}
            for first in range(1, self.size + 1, step)
        ]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for statement in (TASKS, ENTRIES):
                list(pool.map(partial(self._execute, database, statement), parts))
            self._sample(database)
            # Of the tenths each has a table of its own.
            list(pool.map(partial(self._execute, database), TENTHS))
        self.owner.close()  # it was idle; the next request opens it anew

    def substitute(self, text: str, made: object = None) -> str:
        """Put the ids of this world into a text."""
        return Template(text).substitute(
            self._names, any_task=next(self._tasks), made=made, nonce=secrets.token_hex(6)
        )

    def _make(self, name: str, path: str, body: dict[str, Any]) -> str:
        made: str = self.owner.ask("POST", path, body)[0]["id"]
        self._names[name] = made
        return made

    def _sample(self, database: Database) -> None:
        """Choose tasks from all over the project to ask for."""
        with database.connect() as connection:
            connection.execute(ID)
            ids = connection.execute(
                "SELECT pg_temp.id(%s, 1 + n * %s / %s)::text FROM generate_series(0, %s - 1) AS n",
                [self._salt, self.size, SAMPLED_TASKS, SAMPLED_TASKS],
            ).fetchall()
            (member,) = connection.execute(
                "SELECT pg_temp.id('people' || %s, 1)::text", [self._salt]
            ).fetchall()
        (task,), *others = ids
        self._names |= {"task": task, "member": member[0]}
        self._tasks = cycle(each for (each,) in others)

    def _execute(
        self, database: Database, statement: LiteralString, values: dict[str, int] | None = None
    ) -> None:
        shares = {"size": 1, "tenth": 10, "hundredth": 100, "people": 2_000}
        sizes = {name: max(1, self.size // share) for name, share in shares.items()}
        names: dict[str, Any] = self._names | {"salt": self._salt} | sizes | (values or {})
        with database.connect() as connection:
            connection.execute(ID)
            connection.execute(statement, names)


def make_worlds(server: Server, database: Database, sizes: Sequence[int]) -> list[World]:
    """Make worlds of these sizes and let PostgreSQL learn what is in them."""
    worlds = [World(server, size) for size in sizes]
    for world in worlds:
        world.fill(database)
    with database.connect() as connection:
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")
    return worlds


def bytes_a_row(database: Database) -> dict[str, int]:
    """Return what a row of the large tables takes on the disk, with its indexes."""
    with database.connect() as connection:
        rows = connection.execute(ROW_BYTES, [TABLES]).fetchall()
    return {name: int(size) for name, size in sorted(rows)}
