"""Whether what is to be done gets done."""

from collections.abc import Callable

from services.doctor.outcome import Outcome, Patient, fail, ok, some, warn
from services.health_service import WORKER_SECONDS

LATE_SECONDS = 300
JOBS_READ = 10_000

WORKERS = """
    SELECT count(*) FILTER (WHERE last_heartbeat > now() - make_interval(secs => %(seconds)s)),
           date_trunc('second', now() - max(last_heartbeat))::text
    FROM procrastinate_workers
"""
WAITING = """
    SELECT count(*) FILTER (WHERE is_late), count(*) FROM (
        SELECT COALESCE(scheduled_at, (SELECT min(at) FROM procrastinate_events
                                       WHERE job_id = jobs.id AND type = 'deferred'))
               < now() - make_interval(secs => %(seconds)s) AS is_late
        FROM procrastinate_jobs AS jobs WHERE status = 'todo' ORDER BY id LIMIT %(most)s) AS waiting
"""
FAILED = """
    SELECT task_name, count(*) FROM (
        SELECT task_name FROM procrastinate_jobs WHERE status = 'failed' LIMIT %(most)s) AS failed
    GROUP BY task_name ORDER BY task_name
"""
LEASES = """
    SELECT count(*) FROM (
        SELECT FROM leases
        WHERE ended_at IS NULL AND expires_at < now() - make_interval(secs => %(seconds)s)
        LIMIT %(most)s) AS late
"""
EVENTS = """
    SELECT count(*) FROM (
        SELECT FROM events WHERE at < now() - make_interval(days => %(days)s + 1) LIMIT 1) AS old
"""


def worker(patient: Patient) -> Outcome:
    """Without one, no letter, webhook or reminder goes out."""
    alive, since = patient.one(WORKERS, seconds=WORKER_SECONDS)
    if alive:
        return ok(f"{alive} at work (each counts once for each kind of job)")
    heard = f"; the last was heard of {since} ago" if since else ""
    return warn(f"none is at work{heard}; start flask worker")


def waiting_jobs(patient: Patient) -> Outcome:
    """They are due at once, or at their time."""
    late, waiting = patient.one(WAITING, seconds=LATE_SECONDS, most=JOBS_READ)
    if late:
        return fail(
            f"{late} of {waiting} are late by 5 minutes or more; start a worker, or another one"
        )
    return ok(f"{waiting}, none of which is late")


def failed_jobs(patient: Patient) -> Outcome:
    """They are tried for hours before."""
    found = patient.all(FAILED, most=JOBS_READ)
    if found:
        named = some([f"{count} {name}" for name, count in found])
        return warn(f"given up: {named}; see GET /admin/jobs?status=failed, retry or discard them")
    return ok("none")


def leases(patient: Patient) -> Outcome:
    """The worker ends those of agents that died, each minute."""
    (late,) = patient.one(LEASES, seconds=LATE_SECONDS, most=JOBS_READ)
    if late:
        return fail(f"{late} ran out over 5 minutes ago and are held yet; start a worker")
    return ok("none is held past its time")


def old_events(patient: Patient) -> Outcome:
    """The worker deletes them each hour."""
    (overdue,) = patient.one(EVENTS, days=patient.options.event_days)
    if overdue:
        return warn("there are some older than EVENT_DAYS; start a worker, or run flask purge")
    return ok("none is kept longer than EVENT_DAYS")


CHECKS: tuple[Callable[[Patient], Outcome], ...] = (
    worker,
    waiting_jobs,
    failed_jobs,
    leases,
    old_events,
)
