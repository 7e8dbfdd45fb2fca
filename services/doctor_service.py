"""The doctor: looks at an installation, changes nothing, and says what to do."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import psycopg

from config import Settings, settings
from models.doctor import Finding, Report, Verdict
from services.db_client import DatabaseClient, db, running_database
from services.doctor import (
    machine_checks,
    record_checks,
    schema_checks,
    server_checks,
    settings_checks,
    work_checks,
)
from services.doctor.outcome import Outcome, Patient
from services.patient_connection import patience_with
from utils.errors import ServiceError

OF_MACHINE = (*settings_checks.CHECKS, *machine_checks.CHECKS)
OF_DATABASE = (
    *server_checks.CHECKS,
    *schema_checks.CHECKS,
    *record_checks.CHECKS,
    *work_checks.CHECKS,
)
# A doctor that takes long does harm: what is not found out by then is not found out.
STATEMENT_MS = 3_000
LIMITS = f"""
    SELECT set_config('statement_timeout', '{STATEMENT_MS}', false),
           set_config('lock_timeout', '500', false),
           set_config('default_transaction_read_only', 'on', false),
           set_config('search_path', 'public', false)
"""

Look = Callable[[], Outcome]


class DoctorService:
    """Asks the checks one after another; none of them keeps another from being asked."""

    def __init__(self, database: DatabaseClient, options: Settings) -> None:
        self._db = database
        self._options = options

    def examine(self) -> Report:
        """Look at everything; a live service is held up by none of it."""
        return Report(findings=[*self._of_machine(), *self._of_database()])

    def _of_machine(self) -> Iterator[Finding]:
        for check in OF_MACHINE:
            yield _finding(check.__name__, partial(check, self._options))

    def _of_database(self) -> Sequence[Finding]:
        try:
            with self._patient() as patient:
                return [_finding(check.__name__, partial(check, patient)) for check in OF_DATABASE]
        except ServiceError as error:
            return [Finding(name="database", verdict=Verdict.FAIL, message=error.detail)]

    @contextmanager
    def _patient(self) -> Iterator[Patient]:
        with running_database(), self._db.own_connection() as connection:
            connection.patience = patience_with(STATEMENT_MS)
            connection.execute(LIMITS.encode())
            yield Patient(connection, self._options)


def _finding(name: str, look: Look) -> Finding:
    try:
        verdict, message = look()
    except (psycopg.Error, ServiceError, OSError) as error:
        reason = str(error).partition("\n")[0]
        verdict, message = Verdict.WARN, f"could not be looked at: {reason}"
    return Finding(name=name.replace("_", " "), verdict=verdict, message=message)


doctor_service = DoctorService(db, settings)
