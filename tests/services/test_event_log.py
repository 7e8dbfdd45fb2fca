"""The log of events: rooms are dense and ordered, and who may read which."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event
from typing import Any

import pytest
from flask import Flask

from tests.crowd import at_once, crowd
from tests.factories import Person, add_member, sign_up
from tests.server import Client, Server

ROOMS = 5
WRITERS = 50
TASKS_EACH = 4
NOBODY = "01890a5d-ac96-774b-bcce-b302099a8057"


def events_in(person: Person, room: str, **query: int) -> list[dict[str, Any]]:
    answer = person.get(f"/rooms/{room}/events?{'&'.join(f'{k}={v}' for k, v in query.items())}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.get_json()
    return found


def make_tasks(person: Person, project: dict[str, Any], number: int) -> str:
    """Make tasks in a project and return its room."""
    for _ in range(number):
        person.post("/tasks", {"title": "Write", "project_id": project["id"]})
    return f"project:{project['id']}"


def follow(client: Client, room: str, done: Event) -> list[dict[str, Any]]:
    """Read a room again and again behind what was read, once more after it is done."""
    seen: list[dict[str, Any]] = []
    while True:
        is_last = done.is_set()
        since = seen[-1]["seq"] if seen else 0
        seen += client.get(f"/rooms/{room}/events?since={since}").json()
        if is_last:
            return seen


@pytest.fixture(scope="module")
def followed(app: Flask, server: Server) -> dict[str, list[dict[str, Any]]]:
    """Rooms that many wrote to at once, as somebody saw them who read along."""
    alice = sign_up(app, "Alice")
    headers = {"Authorization": f"Bearer {alice.tokens['access_token']}"}
    projects = [alice.post("/projects", {"name": "Busy"}).get_json()["id"] for _ in range(ROOMS)]
    rooms = [f"project:{project_id}" for project_id in projects]
    done = Event()

    def write(client: Client, number: int) -> None:
        for count in range(TASKS_EACH):
            body = {"title": f"{number}.{count}", "project_id": projects[number % ROOMS]}
            answer = client.post("/tasks", json=body, headers=headers)
            assert answer.status_code == 201, answer.text

    with crowd(server, WRITERS) as clients, ThreadPoolExecutor(ROOMS) as readers:
        token = alice.tokens["access_token"]
        reading = [readers.submit(follow, server.client(token), room, done) for room in rooms]
        try:
            at_once([partial(write, client, number) for number, client in enumerate(clients)])
        finally:
            done.set()
        return {room: each.result() for room, each in zip(rooms, reading, strict=True)}


def test_whoever_reads_along_while_many_write_sees_each_event_once_and_in_order(
    followed: dict[str, list[dict[str, Any]]],
) -> None:
    made = 2 + WRITERS * TASKS_EACH // ROOMS
    for seen in followed.values():
        assert [event["seq"] for event in seen] == list(range(1, made + 1))


def test_the_events_of_many_writers_tell_all_that_they_made_in_the_order_of_each(
    followed: dict[str, list[dict[str, Any]]],
) -> None:
    for index, seen in enumerate(followed.values()):
        titles = [event["data"]["title"] for event in seen if event["type"] == "task.created"]
        for number in range(index, WRITERS, ROOMS):
            own = [title for title in titles if title.startswith(f"{number}.")]
            assert own == [f"{number}.{count}" for count in range(TASKS_EACH)]


def test_events_of_a_room_are_no_older_than_those_before_them(
    followed: dict[str, list[dict[str, Any]]],
) -> None:
    for seen in followed.values():
        moments = [event["at"] for event in seen]
        assert moments == sorted(moments)


def test_an_event_carries_who_did_it_and_with_which_client(
    alice: Person, bob: Person, project: dict[str, Any]
) -> None:
    add_member(alice, project, bob, "editor")
    room = f"project:{project['id']}"
    body = {"title": "Write", "project_id": project["id"]}
    bob.post("/tasks", body, X_Client_Id="bobs-laptop")
    alice.post("/tasks", body)
    last_two = events_in(alice, room)[-2:]
    assert [(event["actor"], event["client_id"]) for event in last_two] == [
        (bob.id, "bobs-laptop"),
        (alice.id, None),
    ]


def test_a_client_id_that_cannot_be_logged_is_refused(alice: Person) -> None:
    refused = alice.post("/tasks", {"title": "Write"}, X_Client_Id="x" * 65)
    assert (refused.status_code, refused.get_json()["errors"][0]["field"]) == (
        422,
        "header.X-Client-Id",
    )
    assert [event["type"] for event in events_in(alice, f"user:{alice.id}")] == ["user.created"]


@pytest.mark.parametrize("role", ["viewer", "editor", "owner"])
def test_members_read_the_room_of_their_project(
    alice: Person, bob: Person, project: dict[str, Any], role: str
) -> None:
    add_member(alice, project, bob, role)
    room = f"project:{project['id']}"
    assert events_in(bob, room) == events_in(alice, room)


def test_people_read_their_own_room(alice: Person) -> None:
    assert [event["subject"] for event in events_in(alice, f"user:{alice.id}")] == [alice.id]


def test_somebody_who_left_a_project_no_longer_reads_its_room(
    alice: Person, bob: Person, project: dict[str, Any]
) -> None:
    add_member(alice, project, bob, "editor")
    alice.delete(f"/projects/{project['id']}/members/{bob.id}")
    assert bob.get(f"/rooms/project:{project['id']}/events").status_code == 404


def test_the_room_of_a_deleted_project_is_closed(alice: Person, project: dict[str, Any]) -> None:
    alice.delete(f"/projects/{project['id']}")
    assert alice.get(f"/rooms/project:{project['id']}/events").status_code == 404


@pytest.mark.parametrize(
    "name_room",
    [
        lambda _, project: f"project:{project['id']}",
        lambda alice, _: f"user:{alice.id}",
        lambda alice, _: f"project:{alice.id}",
        lambda _, project: f"user:{project['id']}",
        lambda _, project: f"PROJECT:{project['id']}",
        lambda _, project: project["id"],
        lambda *_: f"project:{NOBODY}",
        lambda *_: f"user:{NOBODY}",
        lambda *_: "project:",
        lambda *_: "user:",
        lambda *_: "project:1' OR '1'='1",
        lambda *_: "lobby",
        lambda *_: "%00",
    ],
)
def test_a_room_that_is_not_for_a_stranger_does_not_exist_for_them(
    alice: Person,
    bob: Person,
    project: dict[str, Any],
    name_room: Callable[[Person, dict[str, Any]], str],
) -> None:
    answer = bob.get(f"/rooms/{name_room(alice, project)}/events")
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


def test_nobody_reads_a_room_without_signing_in(alice: Person, anonymous: Person) -> None:
    assert anonymous.get(f"/rooms/user:{alice.id}/events").status_code == 401


def test_since_leaves_out_what_was_seen(alice: Person, project: dict[str, Any]) -> None:
    room = make_tasks(alice, project, 4)
    assert [event["seq"] for event in events_in(alice, room, since=3)] == [4, 5, 6]


def test_since_the_last_event_there_is_nothing(alice: Person, project: dict[str, Any]) -> None:
    room = make_tasks(alice, project, 1)
    assert events_in(alice, room, since=3) == []


def test_a_log_that_does_not_go_on_from_since_asks_for_a_snapshot(
    alice: Person, project: dict[str, Any]
) -> None:
    room = make_tasks(alice, project, 1)
    answer = alice.get(f"/rooms/{room}/events?since=4")
    assert (answer.status_code, answer.get_json()["code"]) == (409, "resync_required")


def test_limit_returns_the_oldest_first(alice: Person, project: dict[str, Any]) -> None:
    room = make_tasks(alice, project, 4)
    assert [event["seq"] for event in events_in(alice, room, since=1, limit=2)] == [2, 3]


@pytest.mark.parametrize(
    "query", ["since=-1", f"since={2**63}", "since=x", "limit=0", "limit=201", "until=3"]
)
def test_a_part_of_the_log_that_cannot_be_is_refused(alice: Person, query: str) -> None:
    answer = alice.get(f"/rooms/user:{alice.id}/events?{query}")
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["field"] == f"query.{query.partition('=')[0]}"
