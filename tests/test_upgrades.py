"""Upgrades of what people have stored, from every revision: all of it is there afterwards."""

import json
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from alembic.script import ScriptDirectory
from flask import Flask
from psycopg import sql

from config import settings
from models.doctor import Verdict
from services.doctor import record_checks, schema_checks
from services.doctor.outcome import Patient
from tests.databases import TABLES, migrate
from tests.filler import fill
from tests.sql import connect, rows

SCRIPTS = ScriptDirectory(str(settings.project_dir / "migrations"))
REVISIONS = [script.revision for script in SCRIPTS.walk_revisions()][::-1]
HEAD = REVISIONS[-1]

# What a migration changes on purpose in rows that were there.
CHANGED = {"0017": {("time_entries", "source"), ("time_entries", "version")}}

STORED_COLUMNS = """
    SELECT attname AS name FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = 'public'::regnamespace AND relname = %(table)s
      AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
"""

Contents = dict[str, list[dict[str, Any]]]


def contents(database: str) -> Contents:
    """Return all rows of all tables, without what is computed from others."""
    with connect(database) as connection:
        tables = [row["name"] for row in connection.execute(TABLES)]
        found: Contents = {}
        for table in tables:
            columns = [row["name"] for row in connection.execute(STORED_COLUMNS, {"table": table})]
            query = sql.SQL("SELECT to_jsonb(each) AS row FROM {} AS each").format(
                sql.Identifier(table)
            )
            found[table] = [
                {name: row["row"][name] for name in columns} for row in connection.execute(query)
            ]
    del found["alembic_version"]
    return found


def lines(table: list[dict[str, Any]], names: set[str]) -> list[str]:
    return sorted(
        json.dumps({name: row[name] for name in sorted(names)}, sort_keys=True) for row in table
    )


def assert_kept(before: Contents, after: Contents, *migrations: str) -> None:
    """Every row is there with what it held, in the tables and columns that both know."""
    changed = set().union(*(CHANGED.get(each, set()) for each in migrations))
    for table in before.keys() & after.keys():
        was, now = before[table], after[table]
        assert len(was) == len(now), f"{table}, by {migrations}"
        if was:
            names = {name for name in was[0].keys() & now[0].keys() if (table, name) not in changed}
            assert lines(was, names) == lines(now, names), f"{table}, by {migrations}"


def assert_healthy(database: str) -> None:
    """What the doctor looks at in records and in the schema is in order."""
    url = database.replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(url) as connection:
        patient = Patient(connection, settings)
        for check in (*record_checks.CHECKS, *schema_checks.CHECKS):
            verdict, message = check(patient)
            assert verdict is Verdict.OK, f"{check.__name__}: {message}"


def test_rows_of_all_revisions_climb_to_the_newest_and_down_again(app: Flask, scratch: str) -> None:
    migrate(app, "upgrade", REVISIONS[0])
    for before, after in pairwise(REVISIONS):
        fill(scratch)
        there = contents(scratch)
        assert all(there.values()), f"a table without rows at {before}"
        migrate(app, "upgrade", after)
        assert_kept(there, contents(scratch), after)
        migrate(app, "downgrade", before)
        assert_kept(there, contents(scratch), after)
        assert contents(scratch).keys() == there.keys()
        migrate(app, "upgrade", after)
    assert_healthy(scratch)


@pytest.mark.faults
@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_what_is_stored_at_a_revision_goes_to_the_newest_and_back(
    app: Flask, scratch: str, revision: str
) -> None:
    migrate(app, "upgrade", revision)
    fill(scratch)
    there, between = contents(scratch), REVISIONS[REVISIONS.index(revision) + 1 :]
    migrate(app, "upgrade")
    assert rows(scratch, "SELECT version_num FROM alembic_version") == [{"version_num": HEAD}]
    assert_kept(there, contents(scratch), *between)
    assert_healthy(scratch)
    migrate(app, "downgrade", revision)
    assert_kept(there, contents(scratch), *between)
    migrate(app, "upgrade")
    assert_kept(there, contents(scratch), *between)
    assert_healthy(scratch)
