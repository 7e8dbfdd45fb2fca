"""Long polls: the events of a room over plain HTTP, as soon as there are any."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.changes import events_of
from tests.crowd import at_once, crowd
from tests.factories import Person, add_member
from tests.live.sockets import user_room_of
from tests.records import Record, done, make_task, refusal
from tests.server import Server
from tests.sql import rows

SOON = 15.0  # on a busy machine; the waits are longer


def head_of(person: Person, room: str) -> int:
    seq: int = events_of(person, room)[-1]["seq"]
    return seq


def poll(person: Person, room: str, since: int, wait: float) -> Any:
    """Return the answer to a long poll."""
    return person.get(f"/rooms/{room}/events?since={since}&wait={wait}")


def meanwhile(person: Person, room: str, wait: float, happens: Callable[[], object]) -> Any:
    """Let something happen while somebody waits for it; return the answer that they get."""
    since = head_of(person, room)

    def happen_later() -> None:
        time.sleep(0.3)  # nothing tells from outside that somebody waits
        happens()

    works: list[Callable[[], Any]] = [partial(poll, person, room, since, wait), happen_later]
    return at_once(works)[0]


def seconds_of(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.monotonic()
    return work(), time.monotonic() - start


def test_what_there_is_already_is_answered_at_once(
    alice: Person, project: Record, room: str
) -> None:
    since = head_of(alice, room)
    task = make_task(alice, project_id=project["id"])
    answer, seconds = seconds_of(lambda: poll(alice, room, since, 20))
    (event,) = done(answer)
    assert (event["seq"], event["data"]) == (since + 1, task)
    assert seconds < SOON


def test_what_happens_meanwhile_is_answered_then(alice: Person, project: Record, room: str) -> None:
    answer, seconds = seconds_of(
        lambda: meanwhile(alice, room, 20, lambda: make_task(alice, project_id=project["id"]))
    )
    assert [event["type"] for event in done(answer)] == ["task.created"]
    assert seconds < SOON


def test_whoever_waits_at_another_worker_is_answered_as_soon(
    server: Server, alice: Person, project: Record, room: str
) -> None:
    since = head_of(alice, room)
    headers = {"Authorization": f"Bearer {alice.tokens['access_token']}"}
    path = f"/rooms/{room}/events?since={since}&wait=20"

    def change() -> None:
        time.sleep(0.3)  # nothing tells from outside that somebody waits
        make_task(alice, project_id=project["id"])

    with crowd(server, 2) as clients:
        polls = [partial(client.get, path, headers=headers) for client in clients]
        works: list[Callable[[], Any]] = [*polls, change]
        answers, seconds = seconds_of(lambda: at_once(works))
    assert [[event["seq"] for event in answer.json()] for answer in answers[:2]] == [
        [since + 1]
    ] * 2
    assert seconds < SOON


def test_when_nothing_happens_the_answer_is_empty_after_the_wait(alice: Person, room: str) -> None:
    answer, seconds = seconds_of(lambda: poll(alice, room, head_of(alice, room), 1.5))
    assert done(answer) == []
    assert 1.4 < seconds < 1.5 + SOON


def test_without_a_wait_the_answer_comes_at_once(alice: Person, room: str) -> None:
    since = head_of(alice, room)
    answer, seconds = seconds_of(lambda: poll(alice, room, since, 0))
    assert done(answer) == []
    assert seconds < SOON


def test_ones_own_room_can_be_waited_for(alice: Person) -> None:
    room = user_room_of(alice)
    make_task(alice)
    answer = meanwhile(alice, room, 20, lambda: make_task(alice))
    assert [event["type"] for event in done(answer)] == ["task.created"]


def test_many_may_wait_for_one_room(alice: Person, project: Record, room: str) -> None:
    since = head_of(alice, room)

    def change() -> None:
        time.sleep(0.5)  # nothing tells from outside that somebody waits
        make_task(alice, project_id=project["id"])

    works: list[Callable[[], Any]] = [*[partial(poll, alice, room, since, 20)] * 20, change]
    answers = at_once(works)
    assert {len(done(answer)) for answer in answers[:-1]} == {1}


def test_who_signed_out_meanwhile_is_told_nothing(alice: Person, room: str) -> None:
    answer = meanwhile(alice, room, 4, lambda: done(alice.post("/auth/logout")))
    assert answer.status_code == 401


def test_who_was_removed_meanwhile_is_told_at_once_that_there_is_nothing(
    alice: Person, bob: Person, project: Record, room: str
) -> None:
    add_member(alice, project, bob, "viewer")
    path = f"/projects/{project['id']}/members/{bob.id}"
    answer, seconds = seconds_of(lambda: meanwhile(bob, room, 20, lambda: alice.delete(path)))
    assert refusal(answer) == (404, "not_found")
    assert seconds < SOON


def test_rooms_of_others_are_refused_without_a_wait(bob: Person, room: str) -> None:
    answer, seconds = seconds_of(lambda: poll(bob, room, 0, 20))
    assert refusal(answer) == (404, "not_found")
    assert seconds < SOON


def test_waiting_for_a_deleted_project_ends_when_it_is_deleted(
    alice: Person, project: Record, room: str
) -> None:
    answer, seconds = seconds_of(
        lambda: meanwhile(alice, room, 20, lambda: alice.delete(f"/projects/{project['id']}"))
    )
    assert answer.status_code == 404
    assert seconds < SOON


def test_a_position_before_what_is_kept_is_a_conflict(
    alice: Person, project: Record, room: str, database: str
) -> None:
    make_task(alice, project_id=project["id"])
    rows(database, "DELETE FROM events WHERE room = %(room)s", {"room": room})
    answer, seconds = seconds_of(lambda: poll(alice, room, 0, 20))
    assert refusal(answer) == (409, "resync_required")
    assert seconds < SOON


def test_a_position_beyond_the_log_is_a_conflict(alice: Person, room: str) -> None:
    answer, seconds = seconds_of(lambda: poll(alice, room, 10_000, 20))
    assert refusal(answer) == (409, "resync_required")
    assert seconds < SOON


@pytest.mark.parametrize("wait", ["25.1", "-1", "1e9", "nan", "soon"])
def test_a_wait_beyond_25_seconds_is_no_wait(alice: Person, room: str, wait: str) -> None:
    answer = alice.get(f"/rooms/{room}/events?wait={wait}")
    assert refusal(answer) == (422, "invalid_input")


@pytest.mark.faults
def test_somebody_who_waits_holds_nothing_that_others_need(
    alice: Person, project: Record, room: str
) -> None:
    since = head_of(alice, room)
    works: list[Callable[[], Any]] = [partial(poll, alice, room, since, 10)] * 40
    answers = at_once([*works, lambda: seconds_of(lambda: done(alice.get("/tasks")))[1]])
    assert {answer.status_code for answer in answers[:-1]} == {200}
    assert answers[-1] < SOON
