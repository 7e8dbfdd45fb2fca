"""Whether the schema is the one of this code, and whole."""

from collections.abc import Callable

from sqlalchemy import Constraint, Index, PrimaryKeyConstraint, UniqueConstraint
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.schema import AddConstraint, CreateIndex

import models.all  # noqa: F401 - maps every table
from models.base import Base
from models.doctor import Verdict
from services.doctor.outcome import Outcome, Patient, fail, ok, some, warn
from services.schema_service import schema_service

TABLES = tuple(Base.metadata.tables.values())
WITH_INDEX = (PrimaryKeyConstraint, UniqueConstraint, ExcludeConstraint)
INDEXES = """
    SELECT pg_class.relname, indisvalid AND indisready AND indislive FROM pg_index
    JOIN pg_class ON pg_class.oid = indexrelid
    WHERE relnamespace = to_regnamespace('public')
"""
CONSTRAINTS = """
    SELECT conname, convalidated FROM pg_constraint
    WHERE connamespace = to_regnamespace('public')
"""
COLUMNS = """
    SELECT attrelid::regclass::text || '.' || attname, attnotnull FROM pg_attribute
    JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = to_regnamespace('public') AND relkind IN ('r', 'p')
      AND attnum > 0 AND NOT attisdropped
"""
TRIGGERS = """
    SELECT tgname, tgrelid::regclass::text, tgenabled = 'O' FROM pg_trigger
    JOIN pg_class ON pg_class.oid = tgrelid
    WHERE relnamespace = to_regnamespace('public') AND NOT tgisinternal
"""
FUNCTIONS = "SELECT proname FROM pg_proc WHERE pronamespace = to_regnamespace('public')"
# What the migrations make of them; those of the queue are its library's.
TRIGGER_NAMES = frozenset(
    [
        "keep_claimable_labels",
        "keep_claimable_labels_of_new",
        "procrastinate_jobs_notify_queue_job_aborted_v1",
        "procrastinate_jobs_notify_queue_job_inserted_v1",
        "procrastinate_trigger_abort_requested_events_v1",
        "procrastinate_trigger_delete_jobs_v1",
        "procrastinate_trigger_scheduled_events_v1",
        "procrastinate_trigger_status_events_insert_v1",
        "procrastinate_trigger_status_events_update_v1",
    ]
)
FUNCTION_NAMES = frozenset(
    [
        "keep_claimable_labels",
        "procrastinate_cancel_job_v1",
        "procrastinate_defer_jobs_v1",
        "procrastinate_defer_periodic_job_v2",
        "procrastinate_fetch_job_v2",
        "procrastinate_finish_job_v1",
        "procrastinate_notify_queue_abort_job_v1",
        "procrastinate_notify_queue_job_inserted_v1",
        "procrastinate_prune_stalled_workers_v1",
        "procrastinate_register_worker_v1",
        "procrastinate_retry_job_v1",
        "procrastinate_retry_job_v2",
        "procrastinate_trigger_abort_requested_events_procedure_v1",
        "procrastinate_trigger_function_scheduled_events_v1",
        "procrastinate_trigger_function_status_events_insert_v1",
        "procrastinate_trigger_function_status_events_update_v1",
        "procrastinate_unlink_periodic_defers_v1",
        "procrastinate_unregister_worker_v1",
        "procrastinate_update_heartbeat_v1",
    ]
)
GONE = (
    "somebody changed the schema past Stint: restore a backup, or copy it from an empty database "
    "that flask db upgrade has just filled, with pg_dump --schema-only"
)


def schema_revision(patient: Patient) -> Outcome:
    """Processes of this code serve no older one."""
    head = schema_service.head
    if not patient.has("alembic_version"):
        return fail("there is none yet; run flask db upgrade")
    found = some([str(row[0]) for row in patient.all("SELECT version_num FROM alembic_version")])
    if not found:
        return fail("there is none any more; run flask db upgrade")
    if found == head:
        return ok(found)
    if schema_service.knows(found):
        return fail(f"{found}, and this code needs {head}; run flask db upgrade")
    return warn(f"{found} is newer than {head} of this code; install the newer version")


def columns(patient: Patient) -> Outcome:
    """One that may be empty against the rule lets rows in that no reader expects."""
    found = dict(patient.all(COLUMNS))
    required = {
        f"{table.name}.{column.name}": not column.nullable
        for table in TABLES
        for column in table.columns
    }
    if missing := sorted(required.keys() - found.keys()):
        return _missing(patient, missing, GONE)
    if loose := sorted(name for name, must in required.items() if must and not found[name]):
        table, _, column = loose[0].partition(".")
        mend = f"ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL"
        return fail(f"may be empty: {some(loose)}; run {mend};")
    return ok(f"all {len(required)} are there")


def triggers(patient: Patient) -> Outcome:
    """Without them agents are not told of tasks, nor the worker of jobs."""
    found = {name: (table, works) for name, table, works in patient.all(TRIGGERS)}
    functions = {name for (name,) in patient.all(FUNCTIONS)}
    if missing := sorted((FUNCTION_NAMES - functions) | (TRIGGER_NAMES - found.keys())):
        return _missing(patient, missing, GONE)
    if off := sorted(name for name in TRIGGER_NAMES if not found[name][1]):
        mend = f"ALTER TABLE {found[off[0]][0]} ENABLE TRIGGER {off[0]}"
        return fail(f"turned off: {some(off)}; run {mend};")
    return ok(f"all {len(TRIGGER_NAMES)} are there, with their functions")


def indexes(patient: Patient) -> Outcome:
    """Without them some rules do not hold and some pages take minutes."""
    found = dict(patient.all(INDEXES))
    expected = _indexes()
    invalid = sorted(name for name, valid in found.items() if not valid)
    if invalid:
        return fail(f"not valid: {some(invalid)}; run REINDEX INDEX CONCURRENTLY for each")
    if missing := sorted(expected.keys() - found.keys()):
        return _missing(patient, missing, _made_by(expected[missing[0]]))
    return ok(f"all {len(expected)} are there and valid")


def constraints(patient: Patient) -> Outcome:
    """One that was never proven holds for new rows only."""
    found = dict(patient.all(CONSTRAINTS))
    expected = _constraints()
    unproven = sorted(name for name, proven in found.items() if not proven)
    if unproven:
        return fail(f"not proven: {some(unproven)}; run ALTER TABLE ... VALIDATE CONSTRAINT")
    if missing := sorted(expected.keys() - found.keys()):
        return _missing(patient, missing, _made_by(expected[missing[0]]))
    return ok(f"all {len(expected)} are there and proven")


def _missing(patient: Patient, names: list[str], advice: str) -> Outcome:
    if schema_revision(patient).verdict is not Verdict.OK:
        return fail(f"missing: {some(names)}; see to the schema revision first")
    return fail(f"missing: {some(names)}; {advice}")


def _made_by(element: Index | Constraint) -> str:
    """Say how one comes back; others that are missing follow when that is done."""
    return f"run {statement_for(element)};"


def statement_for(element: Index | Constraint) -> str:
    """Return the statement that makes an index or a constraint anew."""
    if isinstance(element, Index):
        made = str(CreateIndex(element).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]  # untyped there
        made = made.replace("INDEX", "INDEX CONCURRENTLY", 1)  # or nobody could write meanwhile
    else:
        anew = AddConstraint(element, isolate_from_table=False)
        made = str(anew.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]  # likewise
    return " ".join(made.split())


def _indexes() -> dict[str, Index | Constraint]:
    """Return what is an index, or has one that goes with it, by name."""
    indexes = {str(each.name): each for table in TABLES for each in table.indexes}
    return indexes | {
        name: each for name, each in _all_constraints().items() if isinstance(each, WITH_INDEX)
    }


def _constraints() -> dict[str, Index | Constraint]:
    """Return those without an index, by name."""
    return {
        name: each for name, each in _all_constraints().items() if not isinstance(each, WITH_INDEX)
    }


def _all_constraints() -> dict[str, Constraint]:
    return {str(each.name): each for table in TABLES for each in table.constraints}


CHECKS: tuple[Callable[[Patient], Outcome], ...] = (
    schema_revision,
    columns,
    indexes,
    constraints,
    triggers,
)
