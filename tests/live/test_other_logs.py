"""A log that is cut, or that another one takes the place of, while clients listen."""

from typing import LiteralString

import pytest
from flask import Flask

from tests.changes import events_of
from tests.factories import Person
from tests.live.sockets import Sockets
from tests.records import Record, done, make_task, refusal
from tests.sql import rows

OTHER_EPOCH = "UPDATE event_log SET epoch = gen_random_uuid()"
OLDER_BACKUP = """
    DELETE FROM events WHERE room = %(room)s AND seq > 2;
    UPDATE rooms SET seq = 2 WHERE id = %(room)s
"""
LET_GROW_OLD = "UPDATE events SET at = at - interval '31 days' WHERE room = %(room)s"
TEAR_A_HOLE = "DELETE FROM events WHERE room = %(room)s AND seq = %(seq)s"


def put_in_place(database: str, statement: LiteralString, room: str, seq: int = 0) -> None:
    """Run statements past the service."""
    for part in statement.split(";"):
        rows(database, part, {"room": room, "seq": seq})


@pytest.mark.parametrize("statement", [OTHER_EPOCH, OLDER_BACKUP])
def test_after_a_restore_whoever_listens_starts_over(
    sockets: Sockets,
    alice: Person,
    project: Record,
    room: str,
    database: str,
    statement: LiteralString,
) -> None:
    make_task(alice, project_id=project["id"])
    both = sockets.at_both_workers(alice, room)
    put_in_place(database, statement, room)
    for socket in both:
        told = socket.receive("subscribed", room=room)
        assert (told["outcome"], told["in_reply_to"]) == ("resync_required", None)
        error = socket.ask("presence", "error", room=room, state="away")
        assert error["code"] == "not_subscribed"
        snapshot = done(alice.get(f"/rooms/{room}/snapshot"))
        assert (told["seq"], told["epoch"]) == (snapshot["seq"], snapshot["epoch"])
        answer = socket.subscribe(room, since=snapshot["seq"], epoch=snapshot["epoch"])
        assert answer["outcome"] == "ok"
    task = make_task(alice, project_id=project["id"])
    assert [socket.event("task.created")["subject"] for socket in both] == [task["id"]] * 2


@pytest.mark.parametrize("wait", [0, 20])
def test_after_a_restore_whoever_asks_starts_over(
    alice: Person, room: str, database: str, wait: int
) -> None:
    snapshot = done(alice.get(f"/rooms/{room}/snapshot"))
    path = f"/rooms/{room}/events?since={snapshot['seq']}&epoch={snapshot['epoch']}"
    assert done(alice.get(path)) == []
    put_in_place(database, OTHER_EPOCH, room)
    assert refusal(alice.get(f"{path}&wait={wait}")) == (409, "resync_required")


def test_a_room_that_is_no_more_is_revoked(
    sockets: Sockets, alice: Person, room: str, database: str
) -> None:
    both = sockets.at_both_workers(alice, room)
    put_in_place(database, "DELETE FROM rooms WHERE id = %(room)s", room)
    for socket in both:
        socket.receive("revoked", room=room)
        assert socket.closed()[0] == 4003


def test_whoever_listens_does_not_notice_that_the_log_is_cut(
    app: Flask, sockets: Sockets, alice: Person, project: Record, room: str, database: str
) -> None:
    both = sockets.at_both_workers(alice, room)
    seq = events_of(alice, room)[-1]["seq"]
    put_in_place(database, LET_GROW_OLD, room)
    result = app.test_cli_runner().invoke(args=["purge"])
    assert result.exit_code == 0, result.output
    task = make_task(alice, project_id=project["id"])
    assert [event["subject"] for event in events_of(alice, room, seq)] == [task["id"]]
    for socket in both:
        event = socket.event("task.created")
        assert (event["seq"], event["subject"]) == (seq + 1, task["id"])
        assert len(socket.of_type("subscribed")) == 1


def test_a_log_with_a_hole_needs_a_snapshot(
    sockets: Sockets, alice: Person, project: Record, room: str, database: str
) -> None:
    since = events_of(alice, room)[-1]["seq"]
    for _ in range(4):
        make_task(alice, project_id=project["id"])
    put_in_place(database, TEAR_A_HOLE, room, since + 3)
    socket = sockets.open(alice)
    assert socket.subscribe(room, since=since)["outcome"] == "replay"
    assert socket.receive("subscribed", room=room)["outcome"] == "resync_required"
    assert socket.of_type("event") == []
    answer = alice.get(f"/rooms/{room}/events?since={since}")
    assert refusal(answer) == (409, "resync_required")
