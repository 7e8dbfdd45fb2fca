"""Whether what is stored keeps the rules that no constraint guards, the newest of it."""

from collections.abc import Callable

from services.doctor.outcome import Outcome, Patient, fail, ok, some, warn
from services.secret_box import secret_box

ROOMS, EVENTS = 200, 500
ROWS = 10_000
LISTS = 200
SECRETS = 100

# Purging takes what is old in no order, so there may be gaps near the end of what is kept.
ROOM_GAPS = """
    WITH newest AS (
        (SELECT id, seq FROM rooms WHERE id LIKE 'project:%%' ORDER BY id DESC LIMIT %(rooms)s)
        UNION ALL
        (SELECT id, seq FROM rooms WHERE id LIKE 'user:%%' ORDER BY id DESC LIMIT %(rooms)s)
    )
    SELECT newest.id FROM newest CROSS JOIN LATERAL (
        SELECT max(seq) AS last, bool_or(
            seq - before > 1 AND at_before > now() - make_interval(days => %(days)s - 1)
        ) AS has_gap
        FROM (SELECT seq, lag(seq) OVER log AS before, lag(at) OVER log AS at_before
              FROM (SELECT seq, at FROM events WHERE room = newest.id
                    ORDER BY seq DESC LIMIT %(events)s) AS latest
              WINDOW log AS (ORDER BY seq)) AS pairs
    ) AS log
    WHERE log.last <> newest.seq OR log.has_gap ORDER BY newest.id
"""
TIMERS = """
    SELECT user_id::text FROM (
        SELECT user_id FROM time_entries
        WHERE ended_at IS NULL AND deleted_at IS NULL AND lease_id IS NULL
        ORDER BY started_at DESC LIMIT %(most)s) AS running
    GROUP BY user_id HAVING count(*) > 1
"""
ROOMLESS = """
    SELECT room FROM (
        (SELECT 'project:' || id AS room FROM projects ORDER BY id DESC LIMIT %(most)s)
        UNION ALL
        (SELECT 'user:' || id FROM users WHERE email IS NOT NULL ORDER BY id DESC LIMIT %(most)s)
    ) AS needed
    WHERE NOT EXISTS (SELECT FROM rooms WHERE rooms.id = needed.room)
"""
OWNERLESS = """
    SELECT id::text FROM (
        SELECT id FROM projects WHERE deleted_at IS NULL ORDER BY id DESC LIMIT %(most)s
    ) AS newest
    WHERE NOT EXISTS (SELECT FROM memberships WHERE project_id = newest.id AND role = 'owner')
"""
LOST_BLOCKERS = """
    SELECT newest.id::text FROM (
        SELECT id, blocked_by FROM (SELECT id, blocked_by, deleted_at FROM tasks
                                    ORDER BY id DESC LIMIT %(most)s) AS tasks
        WHERE deleted_at IS NULL AND cardinality(blocked_by) > 0
    ) AS newest
    WHERE EXISTS (SELECT FROM unnest(blocked_by) AS blocker (id)
                  WHERE NOT EXISTS (SELECT FROM tasks WHERE tasks.id = blocker.id))
"""
EQUAL_PLACES = """
    SELECT scope_id::text FROM (
        SELECT scope_id, position FROM (SELECT scope_id, position, deleted_at FROM tasks
                                        ORDER BY id DESC LIMIT %(most)s) AS tasks
        WHERE deleted_at IS NULL
    ) AS newest
    GROUP BY scope_id, position HAVING count(*) > 1
"""
ENCRYPTED = """
    (SELECT secret FROM totp_secrets ORDER BY created_at DESC LIMIT %(most)s)
    UNION ALL (SELECT secret FROM webhooks ORDER BY id DESC LIMIT %(most)s)
"""

# What people may run.
MAKE_A_ROOM = "INSERT INTO rooms (id, seq) VALUES ('...', 0);"
MAKE_AN_OWNER = (
    "UPDATE memberships SET role = 'owner' WHERE project_id = '...' AND user_id = '...';"
)


def room_sequences(patient: Patient) -> Outcome:
    """Clients prove by them that they missed nothing."""
    days = patient.options.event_days
    wrong = patient.all(ROOM_GAPS, rooms=ROOMS, events=EVENTS, days=days)
    if wrong:
        return fail(
            f"not dense in {_named(wrong)}: somebody wrote past the service; docs/operations.rst "
            "says under 'A gap in a log' how clients start over behind it"
        )
    return ok(f"dense in the last {EVENTS} events of the newest {ROOMS} projects and accounts")


def timers(patient: Patient) -> Outcome:
    """At most one per person."""
    twice = patient.all(TIMERS, most=ROWS)
    if twice:
        return fail(f"several run for {_named(twice)}; stop all but one, and look at the indexes")
    return ok(f"at most one per person among the {ROWS} that started last")


def rooms(patient: Patient) -> Outcome:
    """Where there is none, nobody can change anything."""
    without = patient.all(ROOMLESS, most=ROWS)
    if without:
        return fail(f"missing: {_named(without)}; run for each: {MAKE_A_ROOM}")
    return ok(f"those of the newest {ROWS} projects and accounts are there")


def owners(patient: Patient) -> Outcome:
    """Without one nobody can let others in."""
    without = patient.all(OWNERLESS, most=ROWS)
    if without:
        return warn(f"nobody owns {_named(without)}; run for each: {MAKE_AN_OWNER}")
    return ok(f"those of the newest {ROWS} projects are there")


def blockers(patient: Patient) -> Outcome:
    """They are in an array, which no foreign key guards."""
    lost = patient.all(LOST_BLOCKERS, most=ROWS)
    if lost:
        return warn(f"wait for tasks that are gone: {_named(lost)}; set their blocked_by anew")
    return ok(f"those of the newest {ROWS} tasks are there")


def places(patient: Patient) -> Outcome:
    """Equal ones are told apart by age, and mended when somebody moves something there."""
    equal = patient.all(EQUAL_PLACES, most=ROWS)
    if equal:
        return warn(f"some tasks have the same in {_named(equal)}; move one of them")
    return ok(f"those of the newest {ROWS} tasks are different in each list")


def secrets(patient: Patient) -> Outcome:
    """Of authenticator apps and webhooks, encrypted with SECRET_KEY."""
    stored = patient.all(ENCRYPTED, most=SECRETS)
    unreadable = sum(not secret_box.reads(secret) for (secret,) in stored)
    if unreadable:
        return fail(
            f"{unreadable} of {len(stored)} cannot be read; list the key that they were encrypted "
            "with in OLD_SECRET_KEYS and run flask rotate-secrets"
        )
    return ok(f"the newest {len(stored)} can be read")


def _named(rows: list[tuple[str]] | list[tuple[object, ...]]) -> str:
    return some([str(row[0]) for row in rows])


CHECKS: tuple[Callable[[Patient], Outcome], ...] = (
    room_sequences,
    timers,
    rooms,
    owners,
    blockers,
    places,
    secrets,
)
