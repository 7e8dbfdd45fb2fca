"""What goes wrong in the database, told in the service's own errors."""

import psycopg
from psycopg import errors
from sqlalchemy import exc
from sqlalchemy.orm.exc import StaleDataError

from utils.errors import ConflictError, UnavailableError

NOT_REACHABLE = (
    "The database cannot be reached at the moment; try again in a few seconds, "
    "with the same Idempotency-Key if this was a write."
)
TOO_BUSY = "The service is busy at the moment; try again in a few seconds."
TOO_SLOW = "This took longer than the service allows; ask for less at once or try again later."

# What a violated constraint means to the person who ran into it.
_CONFLICTS = {
    "uq_users_email": (
        "email_taken",
        "An account with this e-mail address exists; sign in instead.",
    ),
    "uq_identities_issuer_subject": (
        "identity_taken",
        "This was linked at the same moment; look at what is linked and try again.",
    ),
    "pk_memberships": (
        "already_member",
        "This person is a member already; change their role instead.",
    ),
    "uq_time_entries_running": (
        "timer_running",
        "A timer was started at the same moment; look at it and try again.",
    ),
    "ex_time_entries_overlap": (
        "time_overlap",
        "This overlaps another entry of the same person; change its times or set allow_overlap.",
    ),
    "uq_passkeys_credential": (
        "passkey_known",
        "This passkey was added before; use another device or key.",
    ),
    "uq_users_placeholder_email": (
        "import_running",
        "Somebody else is importing time of the same people at this moment; try again.",
    ),
    "procrastinate_jobs_queueing_lock_idx_v1": (
        "job_waiting",
        "The same is waiting to be done already; discard this job.",
    ),
    "uq_time_entries_import_key": (
        "import_running",
        "Some of these lines were imported at this moment by somebody else; try again.",
    ),
}

# The last is the ORM's: a row that was read without a lock had another version when it was written.
RETRYABLE = (errors.SerializationFailure, errors.DeadlockDetected, StaleDataError)


class ConnectionLostError(UnavailableError):
    """The connection broke; nobody can say whether what was sent last has happened."""

    default_code = "database_away"


def translate(error: psycopg.Error | exc.SQLAlchemyError, *, connection_lost: bool) -> Exception:
    """Return the error of our own family that `error` means, or itself when it is a defect."""
    cause = error.orig if isinstance(error, exc.DBAPIError) and error.orig else error
    match cause:
        case (
            errors.QueryCanceled()
            | errors.TransactionTimeout()
            | errors.IdleInTransactionSessionTimeout()
        ):
            return UnavailableError(TOO_SLOW, code="too_slow")
        case _ if connection_lost:
            return ConnectionLostError(NOT_REACHABLE)
        case psycopg.IntegrityError():
            return _explain_violation(cause)
        case errors.LockNotAvailable() | exc.TimeoutError():
            return UnavailableError(TOO_BUSY, code="too_busy")
        case errors.SerializationFailure() | errors.DeadlockDetected():
            return cause
        case psycopg.OperationalError() | psycopg.InterfaceError():
            return UnavailableError(NOT_REACHABLE, code="database_away")
    return error


def _explain_violation(error: psycopg.IntegrityError) -> ConflictError:
    constraint = error.diag.constraint_name or ""
    if constraint in _CONFLICTS:
        code, detail = _CONFLICTS[constraint]
        return ConflictError(detail, code=code)
    if isinstance(error, errors.ForeignKeyViolation):
        return ConflictError(
            "Something that this refers to was removed at the same moment; read it again.",
            code="reference_gone",
        )
    return ConflictError(
        f"This contradicts what is stored ({constraint}); read it again.", code="conflict"
    )
