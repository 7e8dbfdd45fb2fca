"""Migrations beside others' work: whom they wait for, and what an interrupted one leaves."""

import re
from unittest.mock import MagicMock

import pytest
from flask import Flask
from psycopg.errors import LockNotAvailable
from sqlalchemy.exc import OperationalError

from services import concurrent_indexes, schema_changes
from services.schema_service import LOCK, schema_service
from tests.databases import flask_db, migrate, start_flask
from tests.filler import fill
from tests.sql import connect, rows

REVISION = "SELECT version_num FROM alembic_version"
OF_TASKS = """
    SELECT indisvalid, pg_get_indexdef(indexrelid) AS definition FROM pg_index
    WHERE indexrelid = to_regclass('ix_events_of_tasks')
"""
OF_NO_TASK = """
    UPDATE events SET type = 'comment.created', data = '{"task_id": "none"}' RETURNING seq
"""


def revision_of(url: str) -> str:
    (row,) = rows(url, REVISION)
    return str(row["version_num"])


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema_changes, "PATIENCE_SECONDS", 0)


@pytest.mark.usefixtures("impatient")
def test_a_migration_that_gets_no_lock_changes_nothing_and_says_who_has_it(
    app: Flask, scratch: str
) -> None:
    migrate(app, "upgrade", "0013")
    with connect(scratch) as holder:
        pid = holder.info.backend_pid
        holder.execute("SET application_name = 'a report'")
        with holder.transaction():
            holder.execute("SELECT FROM tasks")
            refused = flask_db(app, "upgrade")
    assert refused.exit_code == 1
    told = rf"process {pid} \(a report, role \w+\) in a transaction for \d+ s "
    assert re.search(told + "with locks on tasks", refused.output), refused.output
    assert refused.output.endswith("That migration was undone, those before it stay.\n")
    # 0014 was done before, and 0015 not by half.
    assert revision_of(scratch) == "0014"
    migrate(app, "upgrade")
    assert revision_of(scratch) == schema_service.head


def test_a_migration_tries_again_until_it_gets_its_locks(
    app: Flask, scratch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(app, "upgrade", "0014")
    with connect(scratch) as holder:
        holder.execute("BEGIN; SELECT FROM tasks")
        # Its first pause is when the other lets go.
        monkeypatch.setattr(schema_changes, "sleep", lambda _: holder.execute("ROLLBACK"))
        migrate(app, "upgrade")
    assert revision_of(scratch) == schema_service.head


def test_what_takes_long_before_a_lock_is_refused_costs_no_patience(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = iter(range(1, 99))
    hours_passed: list[int] = []
    tries = iter([OperationalError("ALTER", {}, LockNotAvailable()), None])
    monkeypatch.setattr(schema_changes, "monotonic", lambda: next(now) + 3600.0 * len(hours_passed))
    monkeypatch.setattr(schema_changes, "sleep", lambda _: None)

    def migrate_for_an_hour() -> None:
        hours_passed.append(1)
        if error := next(tries):
            raise error

    schema_changes.migrate_patiently(MagicMock(), migrate_for_an_hour, lambda: True)
    assert not [*tries]


def test_so_many_steps_are_not_counted_anew_after_the_first(app: Flask, scratch: str) -> None:
    migrate(app, "upgrade", "0013")
    with connect(scratch) as holder, holder.transaction():
        holder.execute("SELECT FROM tasks")
        assert flask_db(app, "upgrade", "+2").exit_code == 1
    assert revision_of(scratch) == "0014"


def test_of_two_at_once_the_second_waits(scratch: str) -> None:
    with connect(scratch) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        waiting = start_flask(scratch, "db", "upgrade")
        assert waiting.stderr is not None
        for line in waiting.stderr:
            if "waits_for_another_migration" in line:
                break
        assert rows(scratch, "SELECT to_regclass('alembic_version')::text AS name") == [
            {"name": None}
        ]
    _, complaints = waiting.communicate(timeout=120)
    assert waiting.returncode == 0, complaints
    assert revision_of(scratch) == schema_service.head


def test_a_failed_migration_says_so_and_keeps_those_before_it(app: Flask, scratch: str) -> None:
    migrate(app, "upgrade", "0013")
    rows(scratch, "CREATE TABLE digests ()")
    failed = flask_db(app, "upgrade")
    assert failed.exit_code == 1
    assert 'a migration failed and was undone, those before it stay: relation "digests"' in (
        failed.output
    )
    assert revision_of(scratch) == "0013"


def test_what_a_failed_index_leaves_is_told_and_mended(app: Flask, scratch: str) -> None:
    migrate(app, "upgrade", "0018")
    fill(scratch)
    assert rows(scratch, OF_NO_TASK)
    failed = flask_db(app, "upgrade")
    assert failed.exit_code == 1
    left = "may have left an index that is not valid, which running this again mends"
    assert f"a migration failed and {left}, those before it stay: invalid input syntax" in (
        failed.output
    )
    assert [index["indisvalid"] for index in rows(scratch, OF_TASKS)] == [False]
    rows(scratch, "DELETE FROM events")
    migrate(app, "upgrade")
    assert [index["indisvalid"] for index in rows(scratch, OF_TASKS)] == [True]


@pytest.mark.usefixtures("impatient")
def test_an_index_that_waits_in_vain_is_told_to_be_left(
    app: Flask, scratch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(app, "upgrade", "0018")
    monkeypatch.setattr(concurrent_indexes, "LOCK_TIMEOUT", "100ms")
    with connect(scratch) as holder, holder.transaction():
        holder.execute("DELETE FROM events")
        refused = flask_db(app, "upgrade")
    assert refused.exit_code == 1
    assert "which running this again mends, those before it stay." in refused.output
    assert "undone" not in refused.output
    assert [index["indisvalid"] for index in rows(scratch, OF_TASKS)] == [False]
    migrate(app, "upgrade")
    assert [index["indisvalid"] for index in rows(scratch, OF_TASKS)] == [True]


def test_an_index_that_was_interrupted_is_built_anew(app: Flask, scratch: str) -> None:
    migrate(app, "upgrade", "0018")
    rows(scratch, "CREATE INDEX ix_events_of_tasks ON events (at)")
    rows(
        scratch,
        """UPDATE pg_index SET indisvalid = false
           WHERE indexrelid = 'ix_events_of_tasks'::regclass""",
    )
    migrate(app, "upgrade", "0019")
    (index,) = rows(scratch, OF_TASKS)
    assert index["indisvalid"]
    assert "split_part" in index["definition"]


def test_an_index_that_was_built_and_not_noted_is_kept(app: Flask, scratch: str) -> None:
    migrate(app, "upgrade", "0019")
    before = rows(scratch, "SELECT 'ix_events_of_tasks'::regclass::oid AS oid")
    rows(scratch, "UPDATE alembic_version SET version_num = '0018'")
    migrate(app, "upgrade", "0019")
    assert rows(scratch, "SELECT 'ix_events_of_tasks'::regclass::oid AS oid") == before
