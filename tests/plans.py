"""How the database answers a request: many rows to answer from, and the plans of its statements."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg

from services.prepared import Prepared
from tests.factories import Person
from tests.records import done
from tests.sql import connect
from tests.statements import Statement, recorded_statements

# Every 31st task is the reader's: a tenth of these are personal, the others in 5 projects of
# theirs. They have 1,000 entries, four hours apart, and each project has about as many. Everything
# else is others'.
OWN_SCOPES = 6
OWN_TASKS = 3_300
OWN_TASKS_OF_A_PROJECT = 600
OWN_ENTRIES = ENTRIES_OF_A_PROJECT = 1_000
OWN_OPERATIONS = 2_000
RUNS_UNTIL_KEPT = 6  # PostgreSQL compares the costs of five plans with that of one for all
OF_ONE_LIST = 300  # lines in the reader's inbox, lines and comments of their newest task

MANY: tuple[LiteralString, ...] = (
    "SET gin_pending_list_limit = '256MB'",
    """
    CREATE FUNCTION pg_temp.id(kind integer, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
        SELECT (lpad(to_hex(1600000000000 + kind * 10000000000 + n * 1000), 12, '0')
            || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid
    $$
    """,
    """
    INSERT INTO users (id, name)
    SELECT pg_temp.id(1, n), 'User ' || n FROM generate_series(1, 10000) AS n
    """,
    """
    INSERT INTO users (id, name, kind, owner_id)
    SELECT pg_temp.id(6, n), 'Agent ' || n, 'agent', pg_temp.id(1, n)
    FROM generate_series(1, 10000) AS n
    """,
    """
    INSERT INTO sessions
        (id, user_id, refresh_id, device, ip, created_at, last_used_at, expires_at)
    SELECT pg_temp.id(2, n), pg_temp.id(1, n), pg_temp.id(2, n), '', '', now(), now(), now()
    FROM generate_series(1, 10000) AS n
    """,
    """
    INSERT INTO projects (id, name, created_by)
    SELECT pg_temp.id(3, n), 'Project ' || n, pg_temp.id(1, 1) FROM generate_series(1, 10000) AS n
    """,
    """
    INSERT INTO memberships (project_id, user_id, role)
    SELECT pg_temp.id(3, n), pg_temp.id(1, 1 + (n + k) % 10000), 'editor'
    FROM generate_series(1, 10000) AS n, generate_series(1, 2) AS k
    UNION ALL
    SELECT pg_temp.id(3, 50 + n), %(reader)s, 'owner' FROM generate_series(1, 5) AS n
    """,
    # Of the 99,000 tasks of others half are personal ones of 100 users, half in 50 projects.
    """
    INSERT INTO tasks (id, title, created_by, project_id, assignee_id, status, priority, due_at,
                       labels, updated_at, position)
    SELECT pg_temp.id(4, n),
           'Task ' || n % 1000 || CASE WHEN n % 3 = 0 THEN ' often' ELSE '' END
               || CASE WHEN n % 97 = 0 THEN ' sometimes' ELSE '' END
               || CASE WHEN n % 9973 = 0 THEN ' seldom' ELSE '' END,
           owner.id, owner.project_id, CASE WHEN n % 5 = 0 THEN owner.id END,
           (ARRAY['pending', 'in_progress', 'completed', 'cancelled'])[1 + n / 7 % 4],
           (ARRAY['none', 'low', 'medium', 'high', 'urgent'])[1 + n / 11 % 5]::task_priority,
           CASE WHEN n % 2 = 0
                THEN timestamptz '2026-01-01' + n * 7919 % 4000 * interval '1 hour' END,
           array_remove(ARRAY[CASE WHEN n % 3 = 0 THEN 'often' END,
               CASE WHEN n % 97 = 0 THEN 'sometimes' END,
               CASE WHEN n % 9973 = 0 THEN 'seldom' END], NULL),
           timestamptz '2026-01-01' + n * 7919 % 100000 * interval '1 minute',
           'i' || lpad((n * 7919 % 1000000)::text, 9, '0') || 'V'
    FROM generate_series(1, 102300) AS n, LATERAL (
        SELECT CASE WHEN n % 31 = 0 THEN %(reader)s::uuid ELSE pg_temp.id(1, 1 + n % 100) END AS id,
               CASE WHEN n % 341 = 0 THEN NULL
                    WHEN n % 31 = 0 THEN pg_temp.id(3, 51 + n % 5)
                    WHEN n / 100 % 2 = 0 THEN pg_temp.id(3, 1 + n % 50) END AS project_id
    ) AS owner
    """,
    # One in ten has to fit between the others of its person; this is what costs when rows come in.
    """
    INSERT INTO time_entries (id, user_id, user_number, project_id, task_id, started_at, ended_at,
                              timezone, source, labels, allow_overlap)
    SELECT pg_temp.id(5, n), users.id, users.number, owner.project_id,
           CASE WHEN n % 3 = 0 THEN pg_temp.id(4, 1 + n * 7919 % 102300) END,
           owner.started_at, owner.started_at + interval '3 hours', 'UTC', 'manual',
           ARRAY['deep'], n % 10 > 0
    FROM generate_series(1, 101000) AS n, LATERAL (
        SELECT CASE WHEN n > 100000 THEN %(reader)s::uuid ELSE pg_temp.id(1, 1 + n % 100) END AS id,
               CASE WHEN n % 2 = 0 THEN NULL
                    WHEN n > 100000 THEN pg_temp.id(3, 51 + n % 5)
                    ELSE pg_temp.id(3, 1 + n / 100 % 55) END AS project_id,
               timestamptz '2026-01-01' + interval '4 hours'
                   * CASE WHEN n > 100000 THEN n - 100001 ELSE n / 100 END AS started_at
    ) AS owner JOIN users ON users.id = owner.id
    """,
    # The newest 600 are the reader's; of the others' half are in the inboxes of 100 users.
    """
    INSERT INTO items (id, created_by, task_id, name, status, position)
    SELECT pg_temp.id(6, n),
           CASE WHEN n > 60000 THEN %(reader)s::uuid ELSE pg_temp.id(1, 1 + n / 2 % 100) END,
           CASE WHEN n > 60300 THEN pg_temp.id(4, 102300)
                WHEN n <= 60000 AND n % 2 = 0 THEN pg_temp.id(4, 1 + n * 7919 % 102300) END,
           'Item ' || n, (ARRAY['open', 'done'])[1 + n / 7 % 2],
           'i' || lpad((n * 7919 % 1000000)::text, 9, '0') || 'V'
    FROM generate_series(1, 60600) AS n
    """,
    """
    INSERT INTO comments (id, created_by, task_id, body)
    SELECT pg_temp.id(7, n), pg_temp.id(1, 1 + n % 100),
           pg_temp.id(4, CASE WHEN n > 30000 THEN 102300 ELSE 1 + n * 7919 % 102300 END), 'Often'
    FROM generate_series(1, 30300) AS n
    """,
    """
    INSERT INTO rooms (id, seq)
    SELECT 'project:' || pg_temp.id(3, n), 2000 FROM generate_series(1, 55) AS n
    """,
    """
    INSERT INTO rooms (id) SELECT 'user:' || gen_random_uuid() FROM generate_series(1, 5000)
    """,
    """
    INSERT INTO events (room, seq, at, type, actor_id, subject_id, version, data)
    SELECT 'project:' || pg_temp.id(3, 1 + n % 55), 1 + n / 55, now(), 'task.updated',
           pg_temp.id(1, 1), pg_temp.id(4, n), 1, '{}'
    FROM generate_series(0, 99999) AS n
    """,
    # Much else happened in between to what the reader has: every tenth change is one of the newest
    # task, and every tenth one of its lines.
    """
    INSERT INTO events (room, seq, at, type, actor_id, subject_id, version, data)
    SELECT 'user:' || %(reader)s, 1000 + n, now(),
           CASE WHEN n % 10 = 5 THEN 'item.updated' ELSE 'task.updated' END, %(reader)s::uuid,
           CASE n % 10 WHEN 0 THEN pg_temp.id(4, 102300)
                WHEN 5 THEN pg_temp.id(6, 60301 + n / 10 % 10) ELSE pg_temp.id(4, n) END,
           n, CASE WHEN n % 10 = 5 THEN jsonb_build_object('task_id', pg_temp.id(4, 102300))
                   ELSE '{}' END || jsonb_build_object('title', 'Title ' || n)
    FROM generate_series(1, 3000) AS n
    """,
    "UPDATE rooms SET seq = 4000 WHERE id = 'user:' || %(reader)s",
    # The reader's are like their tasks; of everybody's some reached over several scopes.
    """
    INSERT INTO operations (id, scope_id, deleted_by, deleted_at, title, counts)
    SELECT pg_temp.id(9, n),
           CASE WHEN n % 100 = 99 THEN NULL
                WHEN n % 341 = 0 THEN %(reader)s::uuid
                WHEN n % 31 = 0 THEN pg_temp.id(3, 51 + n % 5)
                WHEN n % 2 = 0 THEN pg_temp.id(3, 1 + n % 50)
                ELSE pg_temp.id(1, 1 + n % 100) END,
           CASE WHEN n % 31 = 0 THEN %(reader)s::uuid ELSE pg_temp.id(1, 1 + n % 100) END,
           now() - (62000 - n) * interval '30 seconds', 'Task', '{"task": 1}'
    FROM generate_series(1, 62000) AS n
    """,
    "VACUUM ANALYZE users, sessions, projects, memberships, tasks, time_entries, rooms, events",
    # Of the others' tasks in projects agents have completed every fourth. Without, what the planner
    # knows of leases would be the few that other tests have left.
    """
    INSERT INTO leases (id, task_id, project_id, agent_id, status, seconds, expires_at, ended_at)
    SELECT gen_random_uuid(), tasks.id, project_id,
           pg_temp.id(6, 1 + row_number() OVER (ORDER BY tasks.id) % 10000),
           'completed', 600, now(), now()
    FROM tasks JOIN users ON users.id = tasks.created_by
    WHERE status = 'completed' AND project_id IS NOT NULL AND users.name LIKE 'User %'
    """,
    "VACUUM ANALYZE items, comments, operations, leases, claimable_labels",
)

# 5,000 of the others' agents hold a task of a project each, after they have held it ten times. Of
# 500 tasks the agent and who made it have the project's room open, and everybody has their own.
AT_WORK: tuple[LiteralString, ...] = (
    """
    WITH agents AS (
        SELECT id, row_number() OVER (ORDER BY id) AS n FROM users WHERE kind = 'agent'
    ), open AS (
        SELECT tasks.id, row_number() OVER (ORDER BY tasks.id) AS n
        FROM tasks JOIN users ON users.id = tasks.created_by
        WHERE status = 'in_progress' AND project_id IS NOT NULL AND users.name LIKE 'User %'
        ORDER BY tasks.id LIMIT 5000
    )
    UPDATE tasks SET delegate_id = agents.id
    FROM open JOIN agents ON agents.n = open.n WHERE tasks.id = open.id
    """,
    """
    INSERT INTO leases (id, task_id, project_id, agent_id, status, seconds, expires_at, ended_at)
    SELECT gen_random_uuid(), tasks.id, project_id, delegate_id,
           CASE n WHEN 0 THEN 'active' ELSE 'released' END, 86400, now() + interval '1 day',
           CASE WHEN n > 0 THEN now() END
    FROM tasks JOIN users ON users.id = tasks.created_by, generate_series(0, 10) AS n
    WHERE delegate_id IS NOT NULL AND users.name LIKE 'User %'
    """,
    """
    INSERT INTO api_tokens
        (id, user_id, name, digest, scopes, networks, created_at, expires_at, last_used_at)
    SELECT gen_random_uuid(), agent_id, '', gen_random_uuid(), '{}', '{}', now(), now(), now()
    FROM leases WHERE ended_at IS NULL
    """,
    """
    INSERT INTO processes (id, expires_at)
    SELECT gen_random_uuid(), now() + n * interval '1 day' FROM generate_series(-9, 9) AS n
    """,
    """
    INSERT INTO presences (room, connection_id, process_id, user_id, client_id, state, since)
    SELECT 'project:' || project_id, gen_random_uuid(),
           (SELECT id FROM processes ORDER BY expires_at DESC LIMIT 1), who, '', 'active', now()
    FROM (SELECT * FROM tasks WHERE delegate_id IS NOT NULL ORDER BY id LIMIT 500) AS held,
         LATERAL unnest(ARRAY[delegate_id, created_by]) AS who
    UNION ALL
    SELECT 'user:' || id, gen_random_uuid(),
           (SELECT id FROM processes ORDER BY expires_at DESC LIMIT 1), id, '', 'active', now()
    FROM users WHERE kind = 'person'
    """,
    "VACUUM ANALYZE tasks, leases, api_tokens, processes, presences",
)


def fill(database: str, reader: Person) -> None:
    """Fill the tables with the work of many people, and a little of the reader's."""
    values = {"reader": reader.id}
    with connect(database) as connection:
        for statement in MANY:
            with_values = "%(reader)s" in statement
            text = re.sub(r"%(?![(%])", "%%", statement) if with_values else statement
            connection.execute(text.encode(), values if with_values else None)


def put_agents_to_work(database: str) -> None:
    """Let many agents hold tasks, in tables that were filled before."""
    with connect(database) as connection:
        for statement in AT_WORK:
            connection.execute(statement)


SMALL_TABLES = {"event_log", "processes"}


@dataclass(frozen=True)
class Plan:
    """What one statement of a request did to the tables."""

    mode: str
    statement: str
    scanned_tables: list[str]
    rows_read: float

    @classmethod
    def of(cls, mode: str, statement: str, root: dict[str, Any]) -> "Plan":
        """Read off the tree of EXPLAIN which tables were read whole and how many rows were seen."""
        nodes = list(_nodes(root))
        scans = [node for node in nodes if node["Node Type"] == "Seq Scan"]
        tables = [name for node in scans if (name := node["Relation Name"]) not in SMALL_TABLES]
        # A bitmap names in the index what is then fetched from the table: the same rows once more.
        bitmaps = [node for node in nodes if node["Node Type"] == "Bitmap Index Scan"]
        others = [node for node in nodes if node["Node Type"] != "Bitmap Index Scan"]
        rows_read = max(sum(map(_rows_of, others)), sum(map(_rows_of, bitmaps)))
        return cls(mode, statement, tables, rows_read)


def wasteful(plans: list[Plan], most_rows: int) -> list[Plan]:
    """Return the plans that read a table whole, or more rows than they should."""
    return [plan for plan in plans if plan.scanned_tables or plan.rows_read > most_rows]


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in node.get("Plans", []):
        yield from _nodes(inner)


def _rows_of(node: dict[str, Any]) -> float:
    """Return how many rows of a table or index a node looked at, the unwanted ones included."""
    if "Relation Name" not in node and "Index Name" not in node:
        return 0
    seen = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    rows: float = sum(node.get(name, 0) for name in seen) * node["Actual Loops"]
    return rows


class Explainer:
    """Sends requests and explains the reading statements behind them.

    Each is prepared on the server as the service does it, and planned both ways that the server
    may choose: for the values at hand, and for any.
    """

    def __init__(self, database: str, *avoided: str) -> None:
        self._database = database
        self._avoided = avoided  # ways to read a table, named by the setting that allows them

    def plans(self, person: Person, path: str) -> list[Plan]:
        """Return the plans behind GET."""
        with recorded_reads() as statements:
            done(person.get(path))
        return self._explain(statements)

    def plans_in_order(self, person: Person, path: str) -> list[Plan]:
        """Return the plans behind GET that follow an index in its order, where there is one.

        The server may rather fetch and sort what it believes to be few rows; what it believes
        hangs on samples of the table, whether an index has the order does not.
        """
        with recorded_reads() as statements:
            done(person.get(path))
        return self._explain(statements, "enable_bitmapscan", "enable_sort")

    def plans_of_post(self, person: Person, path: str, body: Any) -> list[Plan]:
        """Return the plans of what POST reads."""
        with recorded_reads() as statements:
            done(person.post(path, body))
        return self._explain(statements)

    def plans_of_patch(self, person: Person, path: str, body: Any) -> list[Plan]:
        """Return the plans of what PATCH reads."""
        with recorded_reads() as statements:
            done(person.patch(path, body))
        return self._explain(statements)

    def plans_of(self, statement: Prepared, **parameters: Any) -> list[Plan]:
        """Return the plans of one statement."""
        return self._explain([(statement.sql, statement.values(**parameters))])

    def planned_anew(self, person: Person, path: str) -> list[str]:
        """Return what of a GET that is sent time and again PostgreSQL keeps no plan of."""
        with recorded_reads() as statements:
            done(person.get(path))
        return [each for each, values in statements if not self._keeps_plan(each, values)]

    def _keeps_plan(self, statement: str, values: Sequence[Any]) -> bool:
        with connect(self._database) as connection:
            for _ in range(RUNS_UNTIL_KEPT):
                psycopg.RawCursor(connection).execute(statement.encode(), values, prepare=True)
            (prepared,) = connection.execute("SELECT generic_plans FROM pg_prepared_statements")
            return bool(prepared["generic_plans"])

    def _explain(self, statements: list[Statement], *avoided: str) -> list[Plan]:
        assert statements
        plans: list[Plan] = []
        for statement, values in statements:
            with connect(self._database) as connection:
                for name in (*self._avoided, *avoided):
                    connection.execute("SELECT set_config(%s, 'off', false)", [name])
                plans += _explain(connection, statement, values)
        return plans


@contextmanager
def recorded_reads() -> Iterator[list[Statement]]:
    """Collect the reading statements that this process prepares, with their values."""
    found: list[Statement] = []
    with recorded_statements(psycopg.RawCursor) as statements:
        yield found
    found += [
        (text, values)
        for text, values in statements
        if re.match(r"\s*(SELECT|WITH)\b", text) and not re.search(r"\bINSERT\b", text)
    ]


def _explain(
    connection: psycopg.Connection[Any], statement: str, values: Sequence[Any]
) -> Iterator[Plan]:
    raw = psycopg.RawCursor(connection)
    raw.execute(statement.encode(), values, prepare=True)
    (prepared,) = raw.execute(b"SELECT name FROM pg_prepared_statements", prepare=False)
    arguments = f"({', '.join(['%s'] * len(values))})" if values else ""
    question = f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE {prepared['name']}{arguments}"
    with_values = psycopg.ClientCursor(connection).mogrify(question, values)
    for mode in ("force_custom_plan", "force_generic_plan"):
        connection.execute("SELECT set_config('plan_cache_mode', %s, false)", [mode])
        (answer,) = raw.execute(with_values.encode(), prepare=False)
        yield Plan.of(mode, statement, answer["QUERY PLAN"][0]["Plan"])
