"""Rooms over a WebSocket: what happens in them comes in order, once, also what was missed."""

from functools import partial

import pytest

from tests.changes import change_all, events_of, room_of
from tests.crowd import at_once
from tests.factories import Person, add_member
from tests.live.sockets import Socket, Sockets, user_room_of
from tests.records import Record, done, make_project, make_task, refusal, start_timer
from tests.sql import rows

STRANGE_ROOMS = [
    "",
    "project",
    "project:",
    "project:1",
    "project:01890A5D-AC96-774B-BCCE-B302099A8057",
    "project:01890a5d-ac96-774b-bcce-b302099a8057",
    "project:01890a5d-ac96-774b-bcce-b302099a8057\n",
    "user:",
    "user:01890a5d-ac96-774b-bcce-b302099a8057",
    "nothing:01890a5d-ac96-774b-bcce-b302099a8057",
    "\u0000",
    "projekt-übersicht",
    "'; DROP TABLE rooms; --",
]


def head_of(person: Person, room: str) -> int:
    """Return the seq of the last event in a room."""
    seq: int = events_of(person, room)[-1]["seq"]
    return seq


def seqs(socket: Socket) -> list[int]:
    """Return the seqs of the events that came, after all that was sent before was handled."""
    socket.ping()
    return [each["event"]["seq"] for each in socket.of_type("event")]


def make_tasks(person: Person, project: Record, count: int) -> None:
    for number in range(count):
        make_task(person, project_id=project["id"], title=f"Task {number}")


def forget_events(database: str, room: str, until: int) -> None:
    """Let the events up to a seq be past retention."""
    forget = "DELETE FROM events WHERE room = %(room)s AND seq <= %(until)s"
    rows(database, forget, {"room": room, "until": until})


# What happens


def test_a_room_is_opened_at_the_end_of_its_log(sockets: Sockets, alice: Person, room: str) -> None:
    answer = sockets.open(alice).subscribe(room)
    assert answer["outcome"] == "ok"
    assert answer["seq"] == head_of(alice, room)
    assert answer["epoch"]


def test_an_event_is_the_one_in_the_log(
    sockets: Sockets, alice: Person, project: Record, room: str
) -> None:
    socket = sockets.open(alice, room)
    task = make_task(alice, project_id=project["id"])
    event = socket.event("task.created")
    assert event == events_of(alice, room)[-1]
    assert event["data"] == task
    assert (event["room"], event["actor"], event["subject"]) == (room, alice.id, task["id"])
    assert event["version"] == 1


def test_an_event_names_the_device_it_was_made_on(
    sockets: Sockets, alice: Person, project: Record, room: str
) -> None:
    socket = sockets.open(alice, room)
    body = {"title": "Write", "project_id": project["id"]}
    done(alice.post("/tasks", body, X_Client_Id="laptop-1"))
    assert socket.event("task.created")["client_id"] == "laptop-1"


def test_a_change_reaches_both_workers(
    sockets: Sockets, alice: Person, project: Record, room: str
) -> None:
    both = sockets.at_both_workers(alice, room)
    for _ in range(5):
        task = make_task(alice, project_id=project["id"])
        assert [each.event("task.created")["subject"] for each in both] == [task["id"]] * 2


def test_everybody_in_a_room_gets_the_same_events_in_order(
    sockets: Sockets, alice: Person, bob: Person, project: Record, room: str
) -> None:
    add_member(alice, project, bob, "editor")
    listeners = [sockets.open(person, room) for person in (alice, bob, alice, bob)]
    first = head_of(alice, room) + 1
    at_once([partial(make_tasks, person, project, 10) for person in (alice, bob, alice)])
    for listener in listeners:
        listener.receive_until(
            lambda message: message.get("event", {}).get("seq") == first + 29, 30
        )
        assert seqs(listener) == list(range(first, first + 30))


def test_ones_own_room_has_what_is_private(sockets: Sockets, alice: Person) -> None:
    socket = sockets.open(alice, user_room_of(alice))
    task = make_task(alice)
    assert socket.event("task.created")["subject"] == task["id"]
    entry = start_timer(alice)
    assert socket.event("time_entry.started")["subject"] == entry["id"]


def test_nobody_hears_of_a_room_that_they_have_not_opened(
    sockets: Sockets, alice: Person, project: Record, room: str
) -> None:
    elsewhere, here = sockets.open(alice, user_room_of(alice)), sockets.open(alice, room)
    make_task(alice, project_id=project["id"])
    here.event("task.created")
    assert elsewhere.event_types() == []


def test_a_new_project_can_be_opened_at_once(sockets: Sockets, alice: Person) -> None:
    socket = sockets.open(alice)
    for _ in range(3):
        room = room_of(make_project(alice))
        assert socket.subscribe(room)["seq"] >= 1


def test_the_first_event_after_an_invitation_reaches_the_new_member(
    sockets: Sockets, alice: Person, bob: Person, project: Record, room: str
) -> None:
    socket = sockets.open(bob, user_room_of(bob))
    add_member(alice, project, bob, "viewer")
    assert socket.event("member.added")["data"]["project_id"] == project["id"]
    assert socket.subscribe(room)["outcome"] == "ok"


# Who may


@pytest.mark.parametrize("room", STRANGE_ROOMS)
def test_what_is_no_room_of_ones_own_is_not_found(
    sockets: Sockets, alice: Person, room: str
) -> None:
    error = sockets.open(alice).ask("subscribe", "error", room=room)
    assert (error["code"], error["room"]) == ("not_found", room)


def test_rooms_of_others_are_not_found(
    sockets: Sockets, alice: Person, bob: Person, room: str
) -> None:
    socket = sockets.open(bob)
    codes = {
        socket.ask("subscribe", "error", room=each)["code"] for each in (room, user_room_of(alice))
    }
    assert codes == {"not_found"}


def test_a_room_that_was_not_found_is_not_heard(
    sockets: Sockets, alice: Person, bob: Person, project: Record, room: str
) -> None:
    hears, refused = sockets.open(alice, room), sockets.open(bob)
    refused.ask("subscribe", "error", room=room)
    make_task(alice, project_id=project["id"])
    hears.event("task.created")
    assert refused.event_types() == []


# What was missed


def test_whoever_has_everything_is_told_so(
    sockets: Sockets, alice: Person, project: Record, room: str
) -> None:
    socket = sockets.open(alice)
    seq = head_of(alice, room)
    answer = socket.subscribe(room, since=seq)
    assert (answer["outcome"], answer["seq"]) == ("ok", seq)
    make_task(alice, project_id=project["id"])
    assert socket.event("task.created")["seq"] == seq + 1


@pytest.mark.parametrize("missed", [1, 5, 30])
def test_what_was_missed_comes_first_and_then_what_happens(
    sockets: Sockets, alice: Person, project: Record, room: str, missed: int
) -> None:
    before = sockets.open(alice).subscribe(room)
    make_tasks(alice, project, missed)
    socket = sockets.open(alice)
    answer = socket.subscribe(room, since=before["seq"], epoch=before["epoch"])
    assert (answer["outcome"], answer["seq"]) == ("replay", before["seq"])
    task = make_task(alice, project_id=project["id"], title="Afterwards")
    while socket.event("task.created")["subject"] != task["id"]:
        pass
    last = before["seq"] + missed + 1
    assert seqs(socket) == list(range(before["seq"] + 1, last + 1))
    assert [each["event"] for each in socket.of_type("event")] == events_of(
        alice, room, before["seq"]
    )


def test_a_long_absence_is_made_up_for_while_others_work_on(
    sockets: Sockets, alice: Person, project: Record, room: str
) -> None:
    since = head_of(alice, room)
    changes: list[Record] = [
        {"kind": "create", "task": {"title": f"{number}", "project_id": project["id"]}}
        for number in range(100)
    ]
    for _ in range(5):
        change_all(alice, *changes)
    both = sockets.at_both_workers(alice)

    def come_back(socket: Socket) -> None:
        assert socket.subscribe(room, since=since)["outcome"] == "replay"

    at_once([partial(come_back, both[0]), partial(make_tasks, alice, project, 20)])
    come_back(both[1])
    for socket in both:
        socket.receive_until(lambda message: message.get("event", {}).get("seq") == since + 520, 30)
        assert seqs(socket) == list(range(since + 1, since + 521))


@pytest.mark.parametrize(
    "position", [{"since": 10_000}, {"since": 2**63 - 1}, {"epoch": "another"}, {"epoch": ""}]
)
def test_a_position_in_another_log_needs_a_snapshot(
    sockets: Sockets, alice: Person, project: Record, room: str, position: Record
) -> None:
    socket, other = sockets.open(alice), sockets.open(alice, room)
    seq = head_of(alice, room)
    answer = socket.subscribe(room, **({"since": seq} | position))
    assert (answer["outcome"], answer["seq"], answer["present"]) == ("resync_required", seq, [])
    make_task(alice, project_id=project["id"])
    other.event("task.created")
    assert socket.event_types() == []


def test_a_position_before_what_is_kept_needs_a_snapshot(
    sockets: Sockets, alice: Person, project: Record, room: str, database: str
) -> None:
    make_tasks(alice, project, 5)
    seq = head_of(alice, room)
    forget_events(database, room, seq - 2)
    socket = sockets.open(alice)
    assert socket.subscribe(room, since=seq - 3)["outcome"] == "resync_required"
    assert socket.subscribe(room, since=seq - 2)["outcome"] == "replay"


def test_a_log_with_a_gap_needs_a_snapshot(
    sockets: Sockets, alice: Person, project: Record, room: str, database: str
) -> None:
    make_tasks(alice, project, 5)
    seq = head_of(alice, room)
    position = {"room": room, "seq": seq - 2}
    rows(database, "DELETE FROM events WHERE room = %(room)s AND seq = %(seq)s", position)
    socket = sockets.open(alice)
    socket.subscribe(room, since=seq - 4)
    assert socket.receive("subscribed")["outcome"] == "resync_required"
    assert seqs(socket) == []
    answer = alice.get(f"/rooms/{room}/events?since={seq - 4}")
    assert refusal(answer) == (409, "resync_required")


def test_nothing_is_missed_where_nothing_is_kept_and_nothing_happened(
    sockets: Sockets, alice: Person, project: Record, room: str, database: str
) -> None:
    make_tasks(alice, project, 2)
    seq = head_of(alice, room)
    forget_events(database, room, seq)
    socket = sockets.open(alice)
    assert socket.subscribe(room, since=seq - 1)["outcome"] == "resync_required"
    assert socket.subscribe(room, since=seq)["outcome"] == "ok"


def test_after_a_snapshot_one_goes_on_where_it_was_taken(
    sockets: Sockets, alice: Person, project: Record, room: str
) -> None:
    socket = sockets.open(alice)
    assert socket.subscribe(room, since=10_000)["outcome"] == "resync_required"
    snapshot = done(alice.get(f"/rooms/{room}/snapshot"))
    task = make_task(alice, project_id=project["id"])
    answer = socket.subscribe(room, since=snapshot["seq"], epoch=snapshot["epoch"])
    assert answer["outcome"] == "replay"
    assert socket.event("task.created")["subject"] == task["id"]


# Opening and leaving


def test_opening_a_room_twice_doubles_no_event(
    sockets: Sockets, alice: Person, project: Record, room: str
) -> None:
    socket = sockets.open(alice, room, room)
    seq = head_of(alice, room)
    assert socket.subscribe(room, since=seq)["outcome"] == "ok"
    make_tasks(alice, project, 2)
    while socket.event("task.created")["seq"] < seq + 2:
        pass
    assert seqs(socket) == [seq + 1, seq + 2]


def test_a_room_that_was_left_is_not_heard(
    sockets: Sockets, alice: Person, project: Record, room: str
) -> None:
    left, stays = sockets.open(alice, room), sockets.open(alice, room)
    left.send("unsubscribe", room=room)
    left.ping()
    make_task(alice, project_id=project["id"])
    stays.event("task.created")
    assert left.event_types() == []


def test_a_room_that_was_left_can_be_opened_again(
    sockets: Sockets, alice: Person, project: Record, room: str
) -> None:
    socket = sockets.open(alice, room)
    seq = head_of(alice, room)
    socket.send("unsubscribe", room=room)
    socket.ping()
    make_task(alice, project_id=project["id"])
    assert socket.subscribe(room, since=seq)["outcome"] == "replay"
    assert socket.event("task.created")["seq"] == seq + 1


@pytest.mark.parametrize("room", ["nonsense", "project:01890a5d-ac96-774b-bcce-b302099a8057"])
def test_leaving_what_was_not_open_does_nothing(sockets: Sockets, alice: Person, room: str) -> None:
    socket = sockets.open(alice)
    socket.send("unsubscribe", room=room)
    socket.ping()
    assert socket.of_type("error") == []


def test_a_connection_has_at_most_200_rooms_open(
    sockets: Sockets, alice: Person, database: str
) -> None:
    projects = [make_project(alice) for _ in range(201)]
    socket = sockets.open(alice)
    for project in projects[:200]:
        assert socket.subscribe(room_of(project))["outcome"] == "ok"
    error = socket.ask("subscribe", "error", room=room_of(projects[200]))
    assert error["code"] == "too_many_rooms"
    assert socket.subscribe(room_of(projects[0]))["outcome"] == "ok"
    socket.send("unsubscribe", room=room_of(projects[1]))
    assert socket.subscribe(room_of(projects[200]))["outcome"] == "ok"
    make_task(alice, project_id=projects[200]["id"])
    assert socket.event("task.created")["room"] == room_of(projects[200])
