"""What is kept for a while only: events for 30 days, tickets for half a minute."""

from flask import Flask

from tests.changes import room_of
from tests.factories import Person
from tests.records import Record, done, make_task
from tests.sql import number, rows

AGE = """
    UPDATE events SET at = now() - make_interval(days => %(days)s)
    WHERE room = %(room)s AND seq <= %(until)s
"""
SEQS = "SELECT seq FROM events WHERE room = %(room)s ORDER BY seq"
TICKETS = """
    SELECT count(*) FROM tickets JOIN sessions ON sessions.id = session_id
    WHERE user_id = %(user)s
"""
AGE_TICKETS = """
    UPDATE tickets SET expires_at = now() - interval '1 second'
    WHERE session_id IN (SELECT id FROM sessions WHERE user_id = %(user)s)
"""


def purge(app: Flask) -> None:
    result = app.test_cli_runner().invoke(args=["purge"])
    assert result.exit_code == 0, result.output


def test_events_go_after_30_days(app: Flask, alice: Person, project: Record, database: str) -> None:
    for _ in range(6):
        make_task(alice, project_id=project["id"])
    room = room_of(project)
    rows(database, AGE, {"days": 29, "room": room, "until": 6})
    rows(database, AGE, {"days": 31, "room": room, "until": 4})
    purge(app)
    assert [row["seq"] for row in rows(database, SEQS, {"room": room})] == [5, 6, 7, 8]


def test_tickets_that_nobody_used_go(app: Flask, alice: Person, bob: Person, database: str) -> None:
    for person in (alice, bob):
        done(person.post("/ws/tickets"))
    rows(database, AGE_TICKETS, {"user": alice.id})
    purge(app)
    counts = [number(database, TICKETS, {"user": person.id}) for person in (alice, bob)]
    assert counts == [0, 1]
