"""The migrations: up, down and up again, in step with the models, every name by the convention."""

import re
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from flask import Flask

from config import settings
from models.base import Base
from tests.archives import insert
from tests.databases import flask_db, migrate
from tests.sql import connect, rows
from utils.helpers import new_id
from utils.positions import is_position, last_position

MIGRATIONS = settings.project_dir / "migrations"

RELATIONS = """
    SELECT relname AS name FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S', 'v', 'm')
"""
TYPES_AND_FUNCTIONS = """
    SELECT typname AS name FROM pg_type
    WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd', 'r')
    UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""
SCHEMA = """
    SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) AS line
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL
    SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default,
                     generation_expression)
    FROM information_schema.columns WHERE table_schema = 'public'
    ORDER BY 1
"""
CONSTRAINTS = """
    SELECT relname AS table, conname AS name, contype::text AS kind,
           ARRAY(SELECT attname::text FROM unnest(conkey) WITH ORDINALITY AS key (number, place)
                 JOIN pg_attribute ON attrelid = conrelid AND attnum = key.number
                 ORDER BY place) AS columns
    FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
    WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'f', 'u', 'c', 'x')
      AND relname <> 'alembic_version' AND relname NOT LIKE 'procrastinate%'
"""
INDEXES = """
    SELECT tables.relname AS table, pg_class.relname AS name, indisunique AS is_unique
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    JOIN pg_class AS tables ON tables.oid = indrelid
    WHERE tables.relnamespace = 'public'::regnamespace
      AND tables.relname NOT LIKE 'procrastinate%'
      AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype <> 'f')
"""
ID_COLUMNS = """
    SELECT table_name || '.' || column_name AS name, data_type
    FROM information_schema.columns
    WHERE table_schema = 'public' AND (column_name = 'id' OR column_name LIKE '%\\_id')
      AND table_name NOT LIKE 'procrastinate%'
"""
IN_A_ROOM = """
    INSERT INTO rooms (id, seq) VALUES ('user:ada', 1);
    INSERT INTO events (room, seq, at, type, actor_id, subject_id, version, data)
        SELECT 'user:ada', 1, now(), 'user.updated', id, id, 1, '{"name": "Ada"}' FROM users;
    INSERT INTO sessions (id, user_id, refresh_id, device, ip, created_at, last_used_at, expires_at)
        SELECT id, id, id, 'laptop', '::1', now(), now(), now() FROM users;
    INSERT INTO tickets (digest, session_id, expires_at) SELECT 'x', id, now() FROM sessions;
    INSERT INTO processes (id, expires_at) SELECT id, now() FROM users;
    INSERT INTO presences (room, connection_id, process_id, user_id, client_id, state, since)
        SELECT 'user:ada', id, id, id, 'laptop', 'active', now() FROM users
"""
LASTING = """
    SELECT jsonb_strip_nulls(to_jsonb(users)) - 'capabilities' AS row FROM users
    UNION ALL SELECT jsonb_strip_nulls(to_jsonb(sessions)) FROM sessions
    UNION ALL SELECT jsonb_build_object('id', id, 'seq', seq) FROM rooms
    UNION ALL SELECT jsonb_strip_nulls(to_jsonb(events)) FROM events
"""
PASSING = """
    SELECT digest AS key FROM tickets UNION ALL SELECT id::text FROM processes
    UNION ALL SELECT room FROM presences
"""
IDS_THAT_ARE_NAMES = {
    "rooms.id",
    "events.client_id",
    "events.request_id",
    "presences.client_id",
}


def schema_of(url: str) -> list[str]:
    return [row["line"] for row in rows(url, SCHEMA)]


def test_an_upgrade_from_nothing_makes_all_tables(app: Flask, scratch: str) -> None:
    migrate(app, "upgrade")
    made = {row["name"] for row in rows(scratch, RELATIONS)}
    assert made >= set(Base.metadata.tables)
    assert schema_of(scratch)


def test_an_upgrade_of_what_is_up_to_date_changes_nothing(app: Flask, scratch: str) -> None:
    migrate(app, "upgrade")
    before = schema_of(scratch)
    migrate(app, "upgrade")
    assert schema_of(scratch) == before


def test_a_downgrade_leaves_nothing(app: Flask, scratch: str) -> None:
    migrate(app, "upgrade")
    assert rows(scratch, TYPES_AND_FUNCTIONS)
    migrate(app, "downgrade", "base")
    assert rows(scratch, RELATIONS) == [{"name": "alembic_version"}]
    assert rows(scratch, TYPES_AND_FUNCTIONS) == []


def test_an_upgrade_after_a_downgrade_makes_the_same_schema(app: Flask, scratch: str) -> None:
    migrate(app, "upgrade")
    before = schema_of(scratch)
    migrate(app, "downgrade", "base")
    migrate(app, "upgrade")
    assert schema_of(scratch) == before


def test_tasks_of_before_get_places_by_their_age(app: Flask, scratch: str) -> None:
    migrate(app, "upgrade", "0001")
    ada = insert(scratch, "users", name="Ada")
    ids = [insert(scratch, "tasks", title="Write", created_by=ada) for _ in range(20)]
    migrate(app, "upgrade")
    found = rows(scratch, "SELECT id::text, position FROM tasks ORDER BY position, id")
    assert [task["id"] for task in found] == ids
    assert all(is_position(task["position"]) for task in found)
    assert found[-1]["position"] < last_position()


def test_the_trash_outlives_a_downgrade(app: Flask, scratch: str) -> None:
    migrate(app, "upgrade")
    ada, together, alone = insert(scratch, "users", name="Ada"), new_id(), new_id()
    gone = {"deleted_at": "2026-03-02T09:00:00Z", "deleted_by": ada}
    project = insert(scratch, "projects", name="Old", created_by=ada, operation_id=alone, **gone)
    for scope, title in ((project, "First"), (None, "Second")):
        place = {"project_id": scope, "created_by": ada, "position": last_position()}
        insert(scratch, "tasks", title=title, operation_id=together, **place, **gone)
    migrate(app, "downgrade", "0001")
    migrate(app, "upgrade")
    assert rows(scratch, "SELECT scope_id::text, title, counts FROM operations ORDER BY id") == [
        {"scope_id": None, "title": "First", "counts": {"task": 2}},
        {"scope_id": project, "title": "Old", "counts": {"project": 1}},
    ]


def test_the_log_outlives_a_downgrade_and_whoever_was_there_comes_again(
    app: Flask, scratch: str
) -> None:
    migrate(app, "upgrade")
    insert(scratch, "users", name="Ada")
    rows(scratch, IN_A_ROOM)
    lasting, schema = rows(scratch, LASTING), schema_of(scratch)
    epoch = rows(scratch, "SELECT epoch FROM event_log")
    assert (len(lasting), len(rows(scratch, PASSING))) == (4, 3)
    migrate(app, "downgrade", "0002")
    assert rows(scratch, LASTING) == lasting
    migrate(app, "upgrade")
    assert (rows(scratch, LASTING), rows(scratch, PASSING)) == (lasting, [])
    assert schema_of(scratch) == schema
    # The log may have been written to meanwhile by what knows no epochs: clients start over.
    (another,) = rows(scratch, "SELECT epoch FROM event_log")
    assert [another] != epoch


def test_time_of_agents_of_before_is_told_apart(app: Flask, scratch: str) -> None:
    migrate(app, "upgrade", "0015")
    ada = insert(scratch, "users", name="Ada")
    agent = insert(scratch, "users", name="Builder", kind="agent", owner_id=ada)
    span = {"started_at": "2026-03-02T09:00:00Z", "ended_at": "2026-03-02T10:00:00Z"}
    moment = span | {"ended_at": span["started_at"], "source": "import"}
    for user in (ada, agent):
        common = {"user_id": user, "timezone": "UTC", "allow_overlap": True, "user_number": 0}
        for fields in ({"source": "manual"}, {"source": "timer"}, {"source": "import"}, moment):
            insert(scratch, "time_entries", **(common | span | fields))
    insert(scratch, "time_entries", **(common | span | {"source": "agent"}))
    migrate(app, "upgrade")
    entries = "SELECT source, version FROM time_entries WHERE user_id = %(id)s ORDER BY id"
    people = [each["source"] for each in rows(scratch, entries, {"id": ada})]
    assert people == ["manual", "timer", "import", "import"]
    changed, kept = {"source": "agent", "version": 2}, {"source": "agent", "version": 1}
    assert rows(scratch, entries, {"id": agent}) == [changed] * 4 + [kept]
    migrate(app, "downgrade", "0015")
    sources = [each["source"] for each in rows(scratch, entries, {"id": agent})]
    assert sources == ["agent"] * 3 + ["import", "agent"]


def test_migrations_and_models_agree(app: Flask, scratch: str) -> None:
    migrate(app, "upgrade")
    migrate(app, "check")


@pytest.mark.parametrize(
    "difference",
    [
        "ALTER TABLE tasks ADD COLUMN colour text",
        "ALTER TABLE tasks ALTER COLUMN description DROP DEFAULT",
        "DROP INDEX ix_tasks_scope_id_created_at_id",
    ],
)
def test_a_difference_between_migrations_and_models_is_noticed(
    app: Flask, scratch: str, difference: str
) -> None:
    migrate(app, "upgrade")
    with connect(scratch) as connection:
        connection.execute(difference.encode())
    assert flask_db(app, "check").exit_code != 0


def test_migrations_are_numbered_and_descend_in_one_line() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    oldest_first = [*ScriptDirectory.from_config(config).walk_revisions()][::-1]
    numbers = [f"{number:04}" for number in range(1, len(oldest_first) + 1)]
    assert [script.revision for script in oldest_first] == numbers
    assert [script.down_revision for script in oldest_first] == [None, *numbers[:-1]]
    names = [Path(script.path).name for script in oldest_first]
    assert len(names) == len(list((MIGRATIONS / "versions").glob("*.py")))
    for number, name in zip(numbers, names, strict=True):
        assert re.fullmatch(rf"{number}_[a-z]+(_[a-z]+)+\.py", name), name


def test_ids_are_uuids(database: str) -> None:
    columns = {row["name"]: row["data_type"] for row in rows(database, ID_COLUMNS)}
    assert columns.keys() >= IDS_THAT_ARE_NAMES | {"tasks.id", "tasks.project_id"}
    assert {columns[name] for name in columns.keys() - IDS_THAT_ARE_NAMES} == {"uuid"}


def test_constraints_are_named_by_the_convention(database: str) -> None:
    constraints = rows(database, CONSTRAINTS)
    assert {each["kind"] for each in constraints} >= {"p", "f", "c", "x"}
    for each in constraints:
        columns = "_".join(each["columns"])
        expected = {
            "p": rf"pk_{each['table']}",
            "f": rf"fk_{each['table']}_{columns}",
            "u": rf"uq_{each['table']}_{columns}",
            "c": rf"ck_{each['table']}_[a-z_]+",
            "x": rf"ex_{each['table']}_[a-z_]+",
        }[each["kind"]]
        assert re.fullmatch(expected, each["name"]), each


def test_indexes_are_named_by_the_convention(database: str) -> None:
    indexes = rows(database, INDEXES)
    assert {each["is_unique"] for each in indexes} == {True, False}
    for each in indexes:
        prefix = "uq" if each["is_unique"] else "ix"
        assert re.fullmatch(rf"{prefix}_{each['table']}_[a-z_]+", each["name"]), each
