"""What the doctor finds in a database that something is wrong with."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import datetime
from typing import Any, LiteralString

import psycopg
import pytest
from flask import Flask
from psycopg import sql

from config import PROJECT_DIR, Settings, settings
from models.doctor import Verdict
from services.db_client import DatabaseClient, db
from services.doctor import record_checks, schema_checks, server_checks, work_checks
from services.doctor.outcome import Outcome, Patient
from services.doctor_service import OF_DATABASE, OF_MACHINE, DoctorService
from services.patient_connection import PatientConnection, patience_with
from services.postgres.cluster import EmbeddedPostgresError
from services.schema_service import schema_service
from tests.databases import another_database
from tests.sql import connect

WARN, FAIL, OK = Verdict.WARN, Verdict.FAIL, Verdict.OK
Check = Callable[[Patient], Outcome]

HEALTHY: LiteralString = """
    INSERT INTO users (id, name, email) VALUES (gen_random_uuid(), 'Ada', 'ada@example.org');
    INSERT INTO projects (id, name, created_by) SELECT gen_random_uuid(), 'Book', id FROM users;
    INSERT INTO memberships (project_id, user_id, role)
        SELECT projects.id, users.id, 'owner' FROM projects, users;
    INSERT INTO tasks (id, title, project_id, created_by, position)
        SELECT gen_random_uuid(), 'Write', projects.id, users.id, 'a' || place
        FROM projects, users, generate_series(1, 3) AS place;
    INSERT INTO time_entries (id, user_id, user_number, started_at, timezone, source)
        SELECT gen_random_uuid(), id, number, now(), 'UTC', 'timer' FROM users;
    INSERT INTO rooms (id, seq) SELECT 'user:' || id, 3 FROM users
        UNION ALL SELECT 'project:' || id, 3 FROM projects;
    INSERT INTO events (room, seq, at, type, actor_id, subject_id, version, data)
        SELECT rooms.id, place, now(), 'user.updated', users.id, users.id, 1, '{}'
        FROM rooms, users, generate_series(1, 3) AS place;
    SELECT procrastinate_register_worker_v1()
"""
A_JOB: LiteralString = """
    INSERT INTO procrastinate_jobs (queue_name, task_name, status, scheduled_at)
    VALUES ('default', 'letters.verify', {}, now() - interval '10 minutes')
"""

WOUNDS: list[tuple[Check, LiteralString, Verdict, str]] = [
    (record_checks.room_sequences, "DELETE FROM events WHERE seq = 2", FAIL, "not dense in"),
    (record_checks.room_sequences, "UPDATE rooms SET seq = seq + 1", FAIL, "not dense in"),
    (
        record_checks.timers,
        """DROP INDEX uq_time_entries_running;
           INSERT INTO time_entries (id, user_id, user_number, started_at, timezone, source)
           SELECT gen_random_uuid(), user_id, user_number, now(), 'UTC', 'timer'
           FROM time_entries WHERE ended_at IS NULL""",
        FAIL,
        "several run",
    ),
    (record_checks.rooms, "DELETE FROM rooms", FAIL, "missing"),
    (record_checks.owners, "DELETE FROM memberships", WARN, "nobody owns"),
    (
        record_checks.blockers,
        "UPDATE tasks SET blocked_by = ARRAY[gen_random_uuid()]",
        WARN,
        "that are gone",
    ),
    (record_checks.places, "UPDATE tasks SET position = 'a0'", WARN, "have the same"),
    (
        record_checks.secrets,
        """INSERT INTO totp_secrets (user_id, secret, created_at)
           SELECT id, 'gAAAAA', now() FROM users LIMIT 1""",
        FAIL,
        "OLD_SECRET_KEYS",
    ),
    (schema_checks.schema_revision, "UPDATE alembic_version SET version_num = '0001'", FAIL,
     "run flask db upgrade"),
    (schema_checks.schema_revision, "UPDATE alembic_version SET version_num = '9999'", WARN,
     "install the newer version"),
    (schema_checks.schema_revision, "DROP TABLE alembic_version", FAIL, "there is none"),
    (schema_checks.schema_revision, "DELETE FROM alembic_version", FAIL, "run flask db upgrade"),
    (schema_checks.indexes, "DROP INDEX ix_tasks_labels", FAIL, "missing: ix_tasks_labels"),
    (
        schema_checks.indexes,
        "ALTER TABLE time_entries DROP CONSTRAINT ex_time_entries_overlap",
        FAIL,
        "missing: ex_time_entries_overlap",
    ),
    (
        schema_checks.constraints,
        "ALTER TABLE tasks DROP CONSTRAINT ck_tasks_status",
        FAIL,
        "missing: ck_tasks_status; run ALTER TABLE tasks ADD CONSTRAINT ck_tasks_status CHECK",
    ),
    (
        schema_checks.constraints,
        "ALTER TABLE tasks DROP CONSTRAINT fk_tasks_parent_id",
        FAIL,
        "missing: fk_tasks_parent_id; run ALTER TABLE tasks ADD CONSTRAINT fk_tasks_parent_id",
    ),
    (
        schema_checks.indexes,
        "DROP INDEX ix_tasks_labels; UPDATE alembic_version SET version_num = '0001'",
        FAIL,
        "missing: ix_tasks_labels; see to the schema revision first",
    ),
    (
        schema_checks.indexes,
        """UPDATE pg_index SET indisvalid = false
           WHERE indexrelid = 'ix_tasks_labels'::regclass""",
        FAIL,
        "not valid: ix_tasks_labels",
    ),
    (
        schema_checks.constraints,
        "ALTER TABLE tasks ADD CONSTRAINT ck_tasks_loud CHECK (title <> '') NOT VALID",
        FAIL,
        "not proven: ck_tasks_loud",
    ),
    (schema_checks.columns, "ALTER TABLE tasks DROP COLUMN labels CASCADE", FAIL,
     "missing: tasks.labels;"),
    (
        schema_checks.columns,
        "ALTER TABLE tasks ALTER COLUMN title DROP NOT NULL",
        FAIL,
        "may be empty: tasks.title; run ALTER TABLE tasks ALTER COLUMN title SET NOT NULL;",
    ),
    (schema_checks.triggers, "DROP TRIGGER keep_claimable_labels ON tasks", FAIL,
     "missing: keep_claimable_labels; somebody changed the schema past Stint: restore a backup"),
    (schema_checks.triggers, "DROP FUNCTION procrastinate_update_heartbeat_v1", FAIL,
     "missing: procrastinate_update_heartbeat_v1"),
    (
        schema_checks.triggers,
        "ALTER TABLE tasks DISABLE TRIGGER keep_claimable_labels",
        FAIL,
        "run ALTER TABLE tasks ENABLE TRIGGER keep_claimable_labels;",
    ),
    (server_checks.time_zones_of_people, "UPDATE users SET timezone = 'Mars/Olympus'", FAIL,
     "does not know Mars/Olympus"),
    (server_checks.durability, "SET synchronous_commit = off", WARN, "synchronous_commit"),
    (
        work_checks.worker,
        "DELETE FROM procrastinate_workers",
        WARN,
        "start flask worker",
    ),
    (
        work_checks.worker,
        "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'",
        WARN,
        "the last was heard of 01:00:00 ago",
    ),
    (work_checks.waiting_jobs, A_JOB.replace("{}", "'todo'"), FAIL, "late by 5 minutes"),
    (work_checks.failed_jobs, A_JOB.replace("{}", "'failed'"), WARN, "1 letters.verify"),
    (
        work_checks.leases,
        """INSERT INTO leases (id, task_id, project_id, agent_id, seconds, expires_at)
           SELECT gen_random_uuid(), id, project_id, created_by, 60, now() - interval '1 hour'
           FROM tasks WHERE project_id IS NOT NULL LIMIT 1""",
        FAIL,
        "start a worker",
    ),
    (
        work_checks.old_events,
        "UPDATE events SET at = now() - interval '32 days'",
        WARN,
        "older than EVENT_DAYS",
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def healthy(app: Flask, database: str) -> Iterator[str]:
    """The URL of a database of our own, with which nothing is wrong."""
    with another_database(database) as url, pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.db_client.running_database", lambda: nullcontext(url))
        made = app.test_cli_runner().invoke(args=["db", "upgrade"])
        assert made.exit_code == 0, made.output
        patch.undo()
        with connect(url) as connection:
            connection.execute(sql.SQL(HEALTHY))
        yield url


@pytest.fixture
def patient(healthy: str) -> Iterator[Patient]:
    """The database, as it was again afterwards."""
    url = healthy.replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE procrastinate_workers SET last_heartbeat = now()")
        yield Patient(connection, settings)
        connection.rollback()


@pytest.mark.parametrize("check", OF_DATABASE, ids=lambda check: check.__name__)
def test_a_healthy_database_is_well(patient: Patient, check: Check) -> None:
    assert check(patient).verdict is OK, check(patient)


def test_it_looks_for_all_triggers_and_functions_that_there_are(patient: Patient) -> None:
    found = {name for name, *_ in patient.all(schema_checks.TRIGGERS)}
    assert found == schema_checks.TRIGGER_NAMES
    assert {name for (name,) in patient.all(schema_checks.FUNCTIONS)} == (
        schema_checks.FUNCTION_NAMES
    )


@pytest.mark.parametrize(
    ("check", "wound", "verdict", "part"), WOUNDS, ids=lambda value: getattr(value, "__name__", "")
)
def test_what_is_wrong_is_found(
    patient: Patient, check: Check, wound: LiteralString, verdict: Verdict, part: str
) -> None:
    patient.connection.execute("SET allow_system_table_mods = on")
    patient.connection.execute("SET session_replication_role = replica")  # no triggers, no keys
    patient.connection.execute(sql.SQL(wound))
    outcome = check(patient)
    assert (outcome.verdict, part in outcome.message) == (verdict, True), outcome


SHAPES = """
    SELECT relname, pg_get_indexdef(oid) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'i'
    UNION ALL SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
"""


def test_what_the_doctor_says_to_run_makes_each_index_anew_as_it_was(patient: Patient) -> None:
    before = dict(patient.all(SHAPES))
    indexes = [each for table in schema_checks.TABLES for each in table.indexes]
    for each in indexes:
        patient.connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(str(each.name))))
    for _ in indexes:
        _run_what_is_said(patient, schema_checks.indexes)
    assert schema_checks.indexes(patient).verdict is OK
    assert dict(patient.all(SHAPES)) == before


def test_what_the_doctor_says_to_run_makes_each_constraint_anew_as_it_was(patient: Patient) -> None:
    before = dict(patient.all(SHAPES))
    for table in schema_checks.TABLES:
        for name in sorted(str(each.name) for each in table.constraints):
            drop = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {} CASCADE")
            patient.connection.execute(
                drop.format(sql.Identifier(table.name), sql.Identifier(name))
            )
        for check in (schema_checks.indexes, schema_checks.constraints):
            while check(patient).verdict is FAIL:
                _run_what_is_said(patient, check)
    assert dict(patient.all(SHAPES)) == before


def _run_what_is_said(patient: Patient, check: Check) -> None:
    _, _, statement = check(patient).message.partition("; run ")
    patient.connection.execute(statement.replace(" CONCURRENTLY", "").encode())


def test_a_log_that_was_cut_at_its_end_is_dense(patient: Patient) -> None:
    patient.connection.execute("UPDATE events SET at = at - interval '40 days'")
    patient.connection.execute("DELETE FROM events WHERE seq = 2")  # as purging does, in no order
    assert record_checks.room_sequences(patient).verdict is OK


@pytest.mark.parametrize(
    "wound",
    [
        "DELETE FROM events WHERE seq = 2",
        "DELETE FROM events WHERE seq = 3",
        "UPDATE rooms SET seq = seq + 1",
        "UPDATE rooms SET seq = seq - 1",
    ],
)
def test_a_gap_is_mended_as_the_guide_says(patient: Patient, wound: LiteralString) -> None:
    patient.connection.execute(wound)
    assert record_checks.room_sequences(patient).verdict is FAIL
    before = patient.one("SELECT epoch::text FROM event_log")
    said = (PROJECT_DIR / "docs" / "operations.rst").read_text()
    recipe = said.partition("    BEGIN;\n")[2].partition("    COMMIT;\n")[0]
    for (room,) in patient.all("SELECT id FROM rooms"):
        patient.connection.execute(recipe.replace(":'room'", f"'{room}'").encode())
    assert record_checks.room_sequences(patient).verdict is OK
    assert patient.one("SELECT epoch::text FROM event_log") != before


def test_more_connections_than_there_are_are_told(patient: Patient) -> None:
    greedy = settings.model_copy(update={"database_pool_size": 200})
    outcome = server_checks.connections(patient._replace(options=greedy))
    assert (outcome.verdict, "max_connections" in outcome.message) == (WARN, True)


@pytest.mark.parametrize(("apart", "verdict"), [(1, OK), (10, WARN), (-10, WARN), (90, FAIL)])
def test_clocks_that_differ_are_told(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, apart: int, verdict: Verdict
) -> None:
    class Late(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Late":
            return cls.fromtimestamp(time.time() + apart, tz)

    monkeypatch.setattr(server_checks, "datetime", Late)
    assert server_checks.clock(patient).verdict is verdict


def test_a_transaction_that_was_left_open_is_told(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Patient, "all", lambda _self, _query: [("psql", "02:00:00")])
    outcome = server_checks.long_transactions(patient)
    assert (outcome.verdict, "psql for 02:00:00" in outcome.message) == (WARN, True)


# The doctor


def doctor(options: Settings = settings, database: DatabaseClient = db) -> DoctorService:
    return DoctorService(database, options)


def test_every_check_is_asked_and_named_by_what_it_looks_at(database: str) -> None:
    findings = doctor().examine().findings
    assert len(findings) == len(OF_MACHINE) + len(OF_DATABASE)
    assert len({each.name for each in findings}) == len(findings)
    assert {"room sequences", "public url", "clock"} <= {each.name for each in findings}
    assert all(each.message for each in findings)


def test_the_doctor_changes_nothing_and_takes_no_time(database: str) -> None:
    with doctor()._patient() as patient:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            patient.connection.execute("DELETE FROM users")
        assert patient.one("SHOW statement_timeout") == ("3s",)
        assert patient.one("SHOW lock_timeout") == ("500ms",)


@pytest.mark.parametrize("statement_ms", [0, 100, 60_000])
def test_the_doctor_waits_as_long_as_it_lets_a_statement_take(
    database: str, statement_ms: int
) -> None:
    options = settings.model_copy(update={"database_statement_ms": statement_ms})
    client = DatabaseClient(lambda: database, options)
    with doctor(database=client)._patient() as patient:
        limit = "SELECT setting::int FROM pg_settings WHERE name = 'statement_timeout'"
        (milliseconds,) = patient.one(limit)
        assert isinstance(patient.connection, PatientConnection)
        assert patient.connection.patience == patience_with(milliseconds)
    client.dispose()


def test_what_cannot_be_looked_at_keeps_nothing_else_from_it(database: str) -> None:
    with connect(database) as connection, connection.transaction():
        connection.execute("LOCK TABLE memberships")
        report = doctor().examine()
    found = {each.name: each for each in report.findings}
    assert found["owners"].verdict is WARN
    assert found["owners"].message.startswith("could not be looked at: ")
    assert found["blockers"].verdict is not WARN


def test_without_a_database_the_rest_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise EmbeddedPostgresError("it does not start")

    monkeypatch.setattr("services.doctor_service.running_database", away)
    report = doctor().examine()
    assert report.failed
    assert report.findings[-1].model_dump() == {
        "name": "database",
        "verdict": "fail",
        "message": "it does not start",
    }
    assert len(report.findings) == len(OF_MACHINE) + 1


def test_the_command_prints_a_line_for_each_and_fails_where_something_does(
    app: Flask, database: str
) -> None:
    told = app.test_cli_runner().invoke(args=["doctor"])
    lines = told.stdout.splitlines()
    assert len(lines) == len(OF_MACHINE) + len(OF_DATABASE)
    assert all(line[:6].strip() in ("ok", "warn", "fail") for line in lines)
    as_json = app.test_cli_runner().invoke(args=["doctor", "--json"])
    findings = json.loads(as_json.stdout)["findings"]
    assert [each["name"] for each in findings] == [line[6:].partition(":")[0] for line in lines]
    failing = any(each["verdict"] == "fail" for each in findings)
    assert (told.exit_code, as_json.exit_code) == (int(failing), int(failing))
    with connect(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
        assert app.test_cli_runner().invoke(args=["doctor"]).exit_code == 1
        connection.execute("UPDATE alembic_version SET version_num = %s", [schema_service.head])
