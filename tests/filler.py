"""Rows for every table of any revision of the schema, made up from what the catalog says of it.

What only the service knows is written down here: which columns are set together, and by name what
some of them hold. All else is a guess; one that a constraint refuses is thrown away.
"""

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from graphlib import TopologicalSorter
from random import Random
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from services.secret_box import secret_box
from tests.sql import connect
from utils.positions import last_position

ROWS = 5
GUESSES = 40
chance = Random(26)  # the same rows in each run

COLUMNS: LiteralString = """
    SELECT relname AS "table", attname AS name, attnotnull AS required,
           format_type(COALESCE(NULLIF(typelem, 0), pg_type.oid), NULL) AS type,
           typcategory = 'A' AS is_array,
           ARRAY(SELECT enumlabel::text FROM pg_enum WHERE enumtypid = pg_type.oid) AS labels,
           (SELECT confrelid::regclass::text FROM pg_constraint
            WHERE contype = 'f' AND conrelid = pg_class.oid
              AND conkey = ARRAY[attnum]) AS refers_to,
           (SELECT pg_get_constraintdef(oid) FROM pg_constraint
            WHERE contype = 'c' AND conrelid = pg_class.oid AND conkey = ARRAY[attnum]
              AND pg_get_constraintdef(oid) LIKE '%ANY (ARRAY[%' LIMIT 1) AS choices
    FROM pg_attribute
    JOIN pg_class ON pg_class.oid = attrelid JOIN pg_type ON pg_type.oid = atttypid
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
      AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attidentity = ''
      AND COALESCE(pg_get_expr(adbin, adrelid), '') NOT LIKE 'nextval%'
    ORDER BY relname, attnum
"""
KEYS: LiteralString = """
    SELECT relname AS "table", attname AS name FROM pg_constraint
    JOIN pg_class ON pg_class.oid = conrelid
    JOIN pg_attribute ON attrelid = conrelid AND conkey = ARRAY[attnum]
    WHERE contype = 'p' AND relnamespace = 'public'::regnamespace
"""
# What holds between rows: places in logs without gaps, rooms and owners for all.
IN_ORDER: LiteralString = """
    DELETE FROM events WHERE seq > 3 AND (room LIKE 'user:%' OR room LIKE 'project:%');
    INSERT INTO rooms (id, seq) SELECT 'user:' || id, 3 FROM users
        UNION ALL SELECT 'project:' || id, 3 FROM projects
        ON CONFLICT DO NOTHING;
    INSERT INTO events (room, seq, at, type, actor_id, subject_id, version, data)
        SELECT rooms.id, place, now(), 'user.updated', users.id, users.id, 1, '{}'::jsonb
        FROM rooms JOIN users ON rooms.id = 'user:' || users.id, generate_series(1, 3) AS place
        UNION ALL
        SELECT rooms.id, place, now(), 'task.created', created_by, projects.id, 1, '{}'::jsonb
        FROM rooms JOIN projects ON rooms.id = 'project:' || projects.id,
             generate_series(1, 3) AS place
        ON CONFLICT DO NOTHING;
    INSERT INTO memberships (project_id, user_id, role)
        SELECT id, created_by, 'owner' FROM projects
        ON CONFLICT (project_id, user_id) DO UPDATE SET role = 'owner'
"""


def moment() -> datetime:
    return datetime(2026, 3, 29, tzinfo=UTC) + timedelta(minutes=chance.randrange(-(10**6), 10**6))


TRASH = {"deleted_at", "deleted_by", "operation_id"}
ARRAYS_OF = {"blocked_by": "tasks", "mentions": "users"}
BY_NAME: dict[str, Callable[[], Any]] = {
    "position": last_position,
    "secret": lambda: secret_box.encrypt("hush"),
    "old_secret": lambda: secret_box.encrypt("hush"),
    "timezone": lambda: chance.choice(["UTC", "Europe/Berlin", "America/New_York"]),
    "currency": lambda: chance.choice(["EUR", "USD"]),
}
BY_TYPE: dict[str, Callable[[], Any]] = {
    "uuid": lambda: uuid.UUID(int=chance.getrandbits(128), version=4),
    "text": lambda: f"word {chance.randrange(10**6)}",
    "character varying": lambda: f"word {chance.randrange(10**6)}",
    "integer": lambda: chance.randrange(100),
    "bigint": lambda: chance.randrange(10**6),
    "boolean": lambda: chance.random() < 0.5,
    "timestamp with time zone": moment,
    "date": lambda: moment().date(),
    "bytea": lambda: chance.randbytes(8),
    "jsonb": lambda: Jsonb({"word": chance.randrange(100), "deep": {"er": [None, "é"]}}),
    "tsvector": lambda: "word",
}

Row = dict[str, Any]


def fill(database: str) -> None:
    """Write rows of every kind that the schema allows into every table."""
    with connect(database) as connection:
        Filler(connection).fill()
        connection.execute(IN_ORDER)


class Filler:
    """Guesses rows; whatever refers to something refers to what is there."""

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self._connection = connection
        self._tables: dict[str, list[Row]] = {}
        self._ids: dict[str, list[Any]] = {}
        for column in connection.execute(COLUMNS):
            self._tables.setdefault(column["table"], []).append(column)
        self._keys = {key["table"]: key["name"] for key in connection.execute(KEYS)}

    def fill(self) -> None:
        """Fill all tables, those that others refer to first."""
        needed = {
            table: {column["refers_to"] for column in columns} - {table, None}
            for table, columns in self._tables.items()
        }
        for table in TopologicalSorter(needed).static_order():
            self._ids[table] = self._read_ids(table)
            for _ in range(ROWS):
                self._insert(table)
            self._ids[table] = self._read_ids(table)
            assert self._ids[table], f"no row for {table} was guessed in {GUESSES} tries"

    def _insert(self, table: str) -> None:
        for _ in range(GUESSES):
            row = self._guess(table)
            statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                sql.Identifier(table),
                sql.SQL(", ").join(map(sql.Identifier, row)),
                sql.SQL(", ").join(
                    sql.SQL("%s::{}").format(sql.SQL(column["type"] + "[]" * column["is_array"]))
                    for column in self._tables[table]
                ),
            )
            try:
                self._connection.execute(statement, list(row.values()))
            except psycopg.IntegrityError:
                continue
            if key := row.get(self._keys.get(table, "")):
                self._ids[table].append(key)
            return

    def _guess(self, table: str) -> Row:
        is_in_trash = chance.random() < 0.3
        return {
            column["name"]: self._value(column, is_in_trash=is_in_trash)
            for column in self._tables[table]
        }

    def _value(self, column: Row, *, is_in_trash: bool) -> Any:
        name = column["name"]
        is_left_out = not is_in_trash if name in TRASH else chance.random() < 0.3
        if is_left_out and not column["required"]:
            return None
        if column["refers_to"]:
            ids = self._ids[column["refers_to"]]
            return chance.choice(ids) if ids else None
        if column["is_array"]:
            if name in ARRAYS_OF:
                ids = self._ids[ARRAYS_OF[name]]
                return chance.sample(ids, min(len(ids), chance.randrange(3)))
            return [BY_TYPE[column["type"]]() for _ in range(chance.randrange(3))]
        if choices := column["labels"] or re.findall(r"'([^']*)'", column["choices"] or ""):
            return chance.choice(choices)
        return BY_NAME.get(name, BY_TYPE[column["type"]])()

    def _read_ids(self, table: str) -> list[Any]:
        key = self._keys.get(table)
        query = sql.SQL("SELECT {} AS id FROM {}").format(
            sql.Identifier(key) if key else sql.SQL("true"), sql.Identifier(table)
        )
        return [row["id"] for row in self._connection.execute(query)]
