"""Whether PostgreSQL is one that Stint can run on, and set up to keep what it is given."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from services.doctor.outcome import Outcome, Patient, fail, ok, some, warn
from services.job_queue import Lane

OLDEST = 15
CLOCK_WARN, CLOCK_FAIL = timedelta(seconds=2), timedelta(seconds=60)
LISTENER = 1  # each process hears hints on a connection of its own
QUEUE_POOL = len(Lane) + 2  # what the worker has beside its pool
PEOPLE_READ = 1_000
AGE_WARN, AGE_FAIL = 1_000_000_000, 1_800_000_000  # of 2,100,000,000 transactions

SETTINGS = """
    SELECT name, setting FROM pg_settings WHERE name = ANY(ARRAY[
        'fsync', 'full_page_writes', 'synchronous_commit', 'max_connections',
        'superuser_reserved_connections', 'reserved_connections', 'server_encoding'])
"""


def postgres_version(patient: Patient) -> Outcome:
    """Older ones lack what is used."""
    version = patient.connection.info.server_version
    told = f"PostgreSQL {version // 10_000}.{version % 10_000}"
    if version // 10_000 < OLDEST:
        return fail(f"{told} is too old; Stint needs {OLDEST} or newer")
    return ok(told)


def durability(patient: Patient) -> Outcome:
    """An acknowledged write must outlive a loss of power."""
    found = _settings(patient)
    off = [name for name in ("fsync", "full_page_writes") if found[name] != "on"]
    if off:
        return fail(
            f"{' and '.join(off)} is off: a loss of power can destroy the database; turn it on"
        )
    if found["synchronous_commit"] == "off":
        return warn(
            "synchronous_commit is off: after a crash, writes of the last moment that were "
            "acknowledged are gone; turn it on"
        )
    return ok("what is committed is on the disk")


def encoding(patient: Patient) -> Outcome:
    """Titles are in every script there is."""
    found = _settings(patient)["server_encoding"]
    return ok(found) if found == "UTF8" else fail(f"{found}; make the database with UTF8")


def connections(patient: Patient) -> Outcome:
    """All processes together must not ask for more than there are."""
    found, options = _settings(patient), patient.options
    reserved = ("superuser_reserved_connections", "reserved_connections")
    there = int(found["max_connections"]) - sum(int(found.get(name, 0)) for name in reserved)
    of_web = options.web_concurrency * (options.database_pool_size + LISTENER)
    of_worker = options.worker_jobs + options.worker_webhooks
    of_worker = min(of_worker, options.database_pool_size) + LISTENER + QUEUE_POOL
    told = (
        f"one web server and one worker may ask for {of_web + of_worker} of the {there} there are"
    )
    if of_web + of_worker > there:
        return warn(f"{told}; raise max_connections, or lower DATABASE_POOL_SIZE")
    return ok(told)


def clock(patient: Patient) -> Outcome:
    """Tokens and leases end by it."""
    before = datetime.now(UTC)
    (theirs,) = patient.one("SELECT clock_timestamp()")
    apart = abs(theirs - (before + (datetime.now(UTC) - before) / 2))
    told = f"the database's is {apart.total_seconds():.3f} s from this machine's"
    if apart > CLOCK_WARN:
        verdict = fail if apart > CLOCK_FAIL else warn
        return verdict(f"{told}; let both follow the same time server (NTP)")
    return ok(told)


def time_zones_of_people(patient: Patient) -> Outcome:
    """Those that people live in; reports are cut by the database."""
    if not patient.has("users"):
        return ok("there is nobody yet")
    missing = patient.all(
        """
        SELECT DISTINCT timezone FROM (SELECT timezone FROM users ORDER BY id DESC LIMIT %(most)s)
            AS newest
        WHERE timezone NOT IN (SELECT name FROM pg_timezone_names) ORDER BY timezone
        """,
        most=PEOPLE_READ,
    )
    if missing:
        named = some([name for (name,) in missing])
        return fail(f"PostgreSQL does not know {named}; install the newest tzdata on its machine")
    return ok(f"PostgreSQL knows those of the {PEOPLE_READ} newest accounts")


def transaction_ids(patient: Patient) -> Outcome:
    """Where cleaning up never gets done, PostgreSQL at last takes no more writes."""
    (age,) = patient.one(
        "SELECT age(datfrozenxid) FROM pg_database WHERE datname = current_database()"
    )
    told = f"the oldest is {age:,} transactions old"
    if age > AGE_FAIL:
        return fail(f"{told}, and 2,100,000,000 is the end; run VACUUM now")
    if age > AGE_WARN:
        return warn(f"{told}; see why autovacuum does not get done: a transaction left open?")
    return ok(told)


def long_transactions(patient: Patient) -> Outcome:
    """They keep the database from clearing up."""
    found = patient.all(
        """
        SELECT COALESCE(NULLIF(application_name, ''), 'a program without a name'),
               date_trunc('second', now() - xact_start)::text
        FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend'
          AND xact_start < now() - interval '1 hour' ORDER BY xact_start
        """
    )
    if found:
        named = some([f"{name} for {age}" for name, age in found])
        return warn(f"open for over an hour: {named}; end what is stuck (pg_terminate_backend)")
    return ok("none is open for over an hour")


def _settings(patient: Patient) -> dict[str, str]:
    return dict(patient.all(SETTINGS))


CHECKS: tuple[Callable[[Patient], Outcome], ...] = (
    postgres_version,
    durability,
    encoding,
    connections,
    clock,
    time_zones_of_people,
    transaction_ids,
    long_transactions,
)
