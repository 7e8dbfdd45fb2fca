"""What many do at the same moment with the tasks of one project, through both workers."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
import requests

from tests.changes import events_of, read, room_of, state_after, state_of, titles
from tests.crowd import at_once, crowd
from tests.factories import Person, add_member
from tests.records import Record, done, make_comment, make_entry, make_item, make_project, make_task
from tests.server import Client, Server
from tests.sql import rows

MANY = 20
ROUNDS = 10
CROSSWISE = 8

Request = tuple[str, str, Any]

# Where a task is and its time: one place, unless something is torn apart.
PLACES = """
    SELECT project_id::text FROM tasks WHERE id = %(task_id)s
    UNION SELECT project_id::text FROM time_entries WHERE task_id = %(task_id)s
"""


@pytest.fixture
def clients(server: Server, alice: Person) -> Iterator[list[Client]]:
    """Connections of Alice's, half of them to each worker."""
    with crowd(server, MANY) as connections:
        for client in connections:
            client.headers["Authorization"] = f"Bearer {alice.tokens['access_token']}"
        yield connections


def send(clients: list[Client], *asked: Request) -> list[requests.Response]:
    """Send all of this at the same moment, each over a connection of its own."""
    # From either end, so that two reach different workers.
    ends = [client for pair in zip(clients, reversed(clients), strict=True) for client in pair]
    return at_once(
        [
            partial(client.request, method, path, json=body)
            for client, (method, path, body) in zip(ends, asked, strict=False)
        ]
    )


def outcomes(answers: list[requests.Response]) -> Counter[str]:
    """Count the answers: those that say why not by their code, others by their status."""
    return Counter(
        str(answer.status_code) if answer.ok else answer.json()["code"] for answer in answers
    )


def fill(person: Person, project: Record, count: int) -> list[Record]:
    return [
        make_task(person, title=f"{number:02}", project_id=project["id"]) for number in range(count)
    ]


def updating(task: Record, **fields: Any) -> Request:
    return "PATCH", f"/tasks/{task['id']}", fields


def moving(task: Record, **place: Any) -> Request:
    return "POST", f"/tasks/{task['id']}/move", place


def test_tasks_moved_to_one_place_at_once_get_different_positions(
    clients: list[Client], alice: Person, project: Record
) -> None:
    first, *tasks, last = fill(alice, project, MANY + 2)
    answers = send(clients, *(moving(task, after_id=first["id"]) for task in tasks))
    assert outcomes(answers) == {"200": MANY}
    order = titles(alice, project)
    path = f"/tasks?project_id={project['id']}&sort=position"
    positions = [task["position"] for task in done(alice.get(path))]
    assert all(low < high for low, high in pairwise(positions))
    assert (order[0], order[-1], len(order)) == (first["title"], last["title"], MANY + 2)
    assert titles(alice, project) == order


def test_a_ring_of_tasks_that_begin_to_wait_at_once_has_a_gap(
    clients: list[Client], alice: Person, project: Record
) -> None:
    ring = fill(alice, project, MANY)
    pairs = zip(ring, [*ring[1:], ring[0]], strict=True)
    answers = send(clients, *(updating(one, blocked_by=[other["id"]]) for one, other in pairs))
    assert outcomes(answers) == {"200": MANY - 1, "dependency_cycle": 1}
    assert sum(len(read(alice, task)["blocked_by"]) for task in ring) == MANY - 1


@pytest.mark.parametrize("ask", [updating, moving])
def test_a_ring_of_tasks_that_become_parts_at_once_has_a_gap(
    clients: list[Client], alice: Person, project: Record, ask: Any
) -> None:
    tasks = fill(alice, project, MANY)
    rings = [tasks[start : start + 4] for start in range(0, MANY, 4)]
    pairs = [pair for ring in rings for pair in zip(ring, [*ring[1:], ring[0]], strict=True)]
    answers = send(clients, *(ask(one, parent_id=other["id"]) for one, other in pairs))
    assert outcomes(answers) == {"200": MANY - len(rings), "parent_cycle": len(rings)}
    for ring in rings:
        assert [read(alice, task)["parent_id"] for task in ring].count(None) == 1


@pytest.mark.parametrize("way", ["create", "update", "move", "bulk"])
def test_no_part_stays_when_its_whole_is_deleted_at_the_same_moment(
    clients: list[Client], alice: Person, project: Record, way: str
) -> None:
    for _ in range(ROUNDS):
        parent, task = fill(alice, project, 2)
        place = {"parent_id": parent["id"]}
        new = {"title": "Part", "project_id": project["id"]} | place
        asked: Request = {
            "create": ("POST", "/tasks", new),
            "update": updating(task, **place),
            "move": moving(task, **place),
            "bulk": ("POST", "/tasks/bulk", {"changes": [{"kind": "create", "task": new}]}),
        }[way]
        added, deleted = send(clients, asked, ("DELETE", f"/tasks/{parent['id']}", None))
        assert deleted.status_code == 204
        assert added.ok or added.json()["code"] == "parent_elsewhere"
        live = done(alice.get(f"/tasks?project_id={project['id']}&limit=200"))
        assert {each["parent_id"] for each in live} <= {None}


def test_a_task_moved_both_ways_at_once_is_in_one_place_with_all_it_has(
    clients: list[Client], alice: Person, project: Record
) -> None:
    shop = make_project(alice, name="Shop")
    task = make_task(alice, project_id=project["id"])
    part = make_task(alice, project_id=project["id"], parent_id=task["id"])
    make_item(alice, task_id=part["id"])
    make_comment(alice, task, "Slowly")
    make_entry(alice, task_id=task["id"])
    for _ in range(ROUNDS):
        targets = [place["id"] for place in (project, shop)]
        answers = send(clients, *(moving(task, project_id=target) for target in targets))
        assert set(outcomes(answers)) <= {"200", "task_moved"}
        states = [state_of(alice, place) for place in (project, shop)]
        assert sorted(map(len, states)) == [0, 5]
    for place, state in zip((project, shop), states, strict=True):
        events = events_of(alice, room_of(place))
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        assert state_after(events) == state


def test_what_is_done_to_a_task_while_it_moves_goes_along(
    clients: list[Client], alice: Person, project: Record
) -> None:
    shop = make_project(alice, name="Shop")
    places, task = (project, shop), make_task(alice, project_id=project["id"])
    span = {"started_at": "2026-03-02T09:00:00Z", "ended_at": "2026-03-02T10:00:00Z"}
    about = {"task_id": task["id"]}
    for number in range(1, ROUNDS + 1):
        answers = send(
            clients,
            moving(task, project_id=places[number % 2]["id"]),
            ("POST", "/time-entries", span | about | {"allow_overlap": True}),
            ("POST", "/timer/start", about),
            ("POST", "/items", {"name": "Think"} | about),
            ("POST", f"/tasks/{task['id']}/comments", {"body": "Slowly"}),
            updating(task, title=f"Draft {number}"),
        )
        assert outcomes(answers) == {"200": 3, "201": 3}
        states = [state_of(alice, place) for place in places]
        assert [len(states[number % 2]), len(states[1 - number % 2])] == [1 + 4 * number, 0]
    for place, state in zip(places, states, strict=True):
        assert state_after(events_of(alice, room_of(place))) == state


@pytest.mark.parametrize("end", ["archive", "delete", "remove"])
def test_a_move_into_a_project_that_ends_at_that_moment_is_made_or_not(
    clients: list[Client], database: str, alice: Person, bob: Person, project: Record, end: str
) -> None:
    add_member(alice, project, bob, "editor")
    for _ in range(ROUNDS):
        shop, task = make_project(alice), make_task(alice, project_id=project["id"])
        add_member(alice, shop, bob, "editor")
        make_entry(bob, task_id=task["id"], allow_overlap=True)
        path = f"/projects/{shop['id']}"
        ending: Request = {
            "archive": ("PATCH", path, {"archived": True}),
            "delete": ("DELETE", path, None),
            "remove": ("DELETE", f"{path}/members/{bob.id}", None),
        }[end]
        moved, ended = send(clients, moving(task, project_id=shop["id"]), ending)
        assert ended.ok
        assert moved.ok or moved.json()["code"] in (
            "project_archived",
            "not_found",
            "time_of_others",
        )
        (place,) = rows(database, PLACES, {"task_id": task["id"]})
        assert place["project_id"] == (shop if moved.ok else project)["id"]


def test_bulk_changes_of_two_projects_in_either_order_are_all_made(
    clients: list[Client], alice: Person, project: Record
) -> None:
    here, there = make_task(alice, project_id=project["id"]), make_task(alice)
    parents = [make_task(alice, project_id=project["id"]), make_task(alice)]
    for number in range(3):
        changes = [
            {"kind": "update", "id": task["id"], "task": {"parent_id": parent_id}}
            for task, parent in zip((here, there), parents, strict=True)
            for parent_id in (parent["id"], None)
        ]
        both = [changes, [*changes[2:], *changes[:2]]]
        asked = [("POST", "/tasks/bulk", {"changes": each}) for each in both]
        answers = send(clients, *asked * (CROSSWISE // 2))
        assert outcomes(answers) == {"200": CROSSWISE}
        versions = [read(alice, task)["version"] for task in (here, there)]
        assert versions == [1 + 2 * CROSSWISE * (number + 1)] * 2
