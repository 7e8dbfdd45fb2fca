"""What many do at the same moment, through both workers of the real server."""

import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import pytest
import requests

from tests.crowd import at_once, crowd
from tests.factories import PASSWORD, Person, add_member, email_of
from tests.records import make_item, make_project, make_task
from tests.server import Client, Server
from tests.sql import rows

MANY = 20
PAIRS = 10
NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)

INSERT_ENTRY = """
    INSERT INTO time_entries (id, user_id, user_number, started_at, ended_at, timezone, source)
    SELECT %(id)s, id, number, %(started_at)s, %(ended_at)s, 'UTC', 'manual'
    FROM users WHERE id = %(user_id)s
"""


def all_send(
    server: Server, person: Person, method: str, path: str, *bodies: Any, **headers: str
) -> list[requests.Response]:
    """Let one connection for each body send it at the same moment; all are `person`'s."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named["Authorization"] = f"Bearer {person.tokens['access_token']}"
    with crowd(server, len(bodies)) as clients:
        return at_once(
            [
                partial(client.request, method, path, json=body, headers=named)
                for client, body in zip(clients, bodies, strict=True)
            ]
        )


def statuses(answers: list[requests.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def entries_of(person: Person) -> list[dict[str, Any]]:
    """All entries of somebody, oldest first."""
    found: list[dict[str, Any]] = person.get("/time-entries?sort=started_at&limit=200").get_json()
    return found


def insert_entry(database: str, person: Person, started_at: datetime, ended_at: datetime) -> None:
    """Write an entry past the service."""
    values = {"id": str(uuid.uuid4()), "user_id": person.id}
    rows(database, INSERT_ENTRY, values | {"started_at": started_at, "ended_at": ended_at})


def test_timers_started_at_once_leave_one_running_at_the_end_of_a_gapless_chain(
    server: Server, alice: Person
) -> None:
    answers = all_send(server, alice, "POST", "/timer/start", *[{}] * MANY)
    assert statuses(answers) == {200: MANY}
    entries = entries_of(alice)
    ends = [entry["ended_at"] for entry in entries]
    starts = [entry["started_at"] for entry in entries]
    assert len(entries) == MANY
    assert ends == [*starts[1:], None]


def test_the_answers_to_timers_started_at_once_tell_the_same_chain(
    server: Server, alice: Person
) -> None:
    answers = all_send(server, alice, "POST", "/timer/start", *[{}] * MANY)
    pairs = [answer.json() for answer in answers]
    told = {pair["started"]["id"]: (pair["stopped"] or {}).get("id") for pair in pairs}
    ids = [entry["id"] for entry in entries_of(alice)]
    assert told == dict(zip(ids, [None, *ids], strict=False))


def test_of_overlapping_entries_recorded_at_once_one_stays(server: Server, alice: Person) -> None:
    spans = [
        {
            "started_at": (NINE + timedelta(minutes=minute)).isoformat(),
            "ended_at": (NINE + timedelta(minutes=minute) + HOUR).isoformat(),
        }
        for minute in range(MANY)
    ]
    answers = all_send(server, alice, "POST", "/time-entries", *spans)
    assert statuses(answers) == {201: 1, 409: MANY - 1}
    (kept,) = entries_of(alice)
    refusals = [answer.json() for answer in answers if answer.status_code == 409]
    assert {(refusal["code"], *refusal["conflicting_ids"]) for refusal in refusals} == {
        ("time_overlap", kept["id"])
    }


def test_a_write_sent_many_times_at_once_with_one_key_is_done_once(
    server: Server, alice: Person
) -> None:
    key, body = str(uuid.uuid4()), {"title": "Only once"}
    answers = all_send(server, alice, "POST", "/tasks", *[body] * MANY, Idempotency_Key=key)
    done = [answer for answer in answers if answer.status_code == 201]
    refused = [answer for answer in answers if answer.status_code != 201]
    assert len(alice.get("/tasks?search=once").get_json()) == 1
    assert len({answer.content for answer in done}) == 1
    assert [answer.headers.get("Idempotency-Replayed") for answer in done].count(None) == 1
    assert {(answer.status_code, answer.json()["code"]) for answer in refused} <= {
        (409, "request_in_progress")
    }
    repeated = alice.post("/tasks", body, Idempotency_Key=key)
    assert (repeated.status_code, repeated.data) == (201, done[0].content)


def test_of_changes_sent_at_once_with_one_etag_one_succeeds(server: Server, alice: Person) -> None:
    created = alice.post("/tasks", {"title": "As it was"})
    path, etag = f"/tasks/{created.get_json()['id']}", created.headers["ETag"]
    changes = [{"title": f"Changed by {number}"} for number in range(MANY)]
    answers = all_send(server, alice, "PATCH", path, *changes, If_Match=etag)
    assert statuses(answers) == {200: 1, 412: MANY - 1}
    winner = next(answer.json() for answer in answers if answer.status_code == 200)
    assert winner["version"] == created.get_json()["version"] + 1
    assert alice.get(path).get_json() == winner
    assert all(
        answer.json()["current"] == winner for answer in answers if answer.status_code == 412
    )


def test_a_timer_stopped_many_times_at_once_stops_once(server: Server, alice: Person) -> None:
    started = alice.post("/timer/start", {}).get_json()["started"]
    answers = all_send(server, alice, "POST", "/timer/stop", *[None] * MANY)
    assert statuses(answers) == {200: MANY}
    stopped = [answer.json()["stopped"] for answer in answers if answer.json()["stopped"]]
    assert stopped == [alice.get(f"/time-entries/{started['id']}").get_json()]
    assert stopped[0]["version"] == started["version"] + 1


@pytest.mark.parametrize(
    ("method", "body", "done"), [("PATCH", {"role": "editor"}, 200), ("DELETE", None, 204)]
)
def test_two_owners_who_step_down_at_once_leave_one_owner(
    server: Server, alice: Person, bob: Person, method: str, body: Any, done: int
) -> None:
    projects = [alice.post("/projects", {"name": "Shared"}).get_json() for _ in range(PAIRS)]
    for project in projects:
        add_member(alice, project, bob, "owner")

    def step_down(client: Client, person: Person, project: dict[str, Any]) -> requests.Response:
        client.headers["Authorization"] = f"Bearer {person.tokens['access_token']}"
        path = f"/projects/{project['id']}/members/{person.id}"
        return client.request(method, path, json=body)

    with crowd(server, 2 * PAIRS) as clients:
        steps = [(person, project) for project in projects for person in (alice, bob)]
        answers = at_once(
            [partial(step_down, client, *step) for client, step in zip(clients, steps, strict=True)]
        )
    for pair in zip(answers[::2], answers[1::2], strict=True):
        assert statuses(list(pair)) == {done: 1, 409: 1}
        (refused,) = (answer for answer in pair if answer.status_code == 409)
        assert refused.json()["code"] == "last_owner"


def test_of_sign_ups_with_one_address_at_once_one_makes_an_account(
    server: Server, database: str, anonymous: Person
) -> None:
    email = email_of("Carol")
    account = {"email": email, "password": PASSWORD, "name": "Carol"}
    with crowd(server, MANY) as clients:
        answers = at_once([partial(client.post, "/users", json=account) for client in clients])
    assert statuses(answers) == {201: 1, 409: MANY - 1}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {
        "email_taken"
    }
    made = next(answer.json() for answer in answers if answer.status_code == 201)
    accounts = rows(
        database, "SELECT id::text FROM users WHERE email = %(email)s", {"email": email}
    )
    assert accounts == [{"id": made["id"]}]


def test_the_database_itself_refuses_overlapping_entries_of_a_person(
    database: str, alice: Person
) -> None:
    insert_entry(database, alice, NINE, NINE + HOUR)
    with pytest.raises(psycopg.errors.ExclusionViolation) as refusal:
        insert_entry(database, alice, NINE + HOUR - timedelta(microseconds=1), NINE + 2 * HOUR)
    assert refusal.value.diag.constraint_name == "ex_time_entries_overlap"


def test_in_the_database_entries_that_touch_do_not_overlap(database: str, alice: Person) -> None:
    insert_entry(database, alice, NINE, NINE + HOUR)
    insert_entry(database, alice, NINE - HOUR, NINE)
    insert_entry(database, alice, NINE + HOUR, NINE + 2 * HOUR)
    assert len(entries_of(alice)) == 3


def test_in_the_database_entries_of_two_people_do_not_collide(
    database: str, alice: Person, bob: Person
) -> None:
    insert_entry(database, alice, NINE, NINE + HOUR)
    insert_entry(database, bob, NINE, NINE + HOUR)
    assert [len(entries_of(person)) for person in (alice, bob)] == [1, 1]


def test_the_database_itself_keeps_a_second_timer_from_running(
    database: str, alice: Person
) -> None:
    alice.post("/timer/start", {})
    with pytest.raises(psycopg.errors.UniqueViolation) as refusal:
        rows(
            database,
            INSERT_ENTRY,
            {
                "id": str(uuid.uuid4()),
                "user_id": alice.id,
                "started_at": NINE,
                "ended_at": None,
            },
        )
    assert refusal.value.diag.constraint_name == "uq_time_entries_running"


def test_an_agent_that_is_deleted_while_it_is_added_is_a_member_nowhere(
    server: Server, database: str, alice: Person
) -> None:
    headers = {"Authorization": f"Bearer {alice.tokens['access_token']}"}
    project_id = alice.post("/projects", {"name": "Website"}).get_json()["id"]
    place = f"/projects/{project_id}/members"
    agents = [
        alice.post("/agents", {"name": "Builder", "kind": "ci"}).get_json()["id"]
        for _ in range(PAIRS)
    ]
    with crowd(server, 2) as (adding, deleting):
        for agent_id in agents:
            body = {"user_id": agent_id}
            added, deleted = at_once(
                [
                    partial(adding.post, place, json=body, headers=headers),
                    partial(deleting.delete, f"/agents/{agent_id}", headers=headers),
                ]
            )
            assert deleted.status_code == 204, deleted.text
            assert added.status_code in (201, 400), added.text
    members = "SELECT user_id::text FROM memberships WHERE project_id = %(id)s"
    assert rows(database, members, {"id": project_id}) == [{"user_id": alice.id}]


def test_lines_become_subtasks_while_others_move_their_task(server: Server, alice: Person) -> None:
    headers = {"Authorization": f"Bearer {alice.tokens['access_token']}"}
    task = make_task(alice)
    items = [make_item(alice, task_id=task["id"]) for _ in range(PAIRS)]
    with crowd(server, 2 * PAIRS) as clients:
        works = []
        for item, promoting, moving in zip(items, clients[:PAIRS], clients[PAIRS:], strict=True):
            path = f"/items/{item['id']}/promote"
            works.append(partial(promoting.post, path, json={}, headers=headers))
            path = f"/tasks/{task['id']}/move"
            works.append(partial(moving.post, path, json={"parent_id": None}, headers=headers))
        assert statuses(at_once(works)) == {201: PAIRS, 200: PAIRS}


def test_time_goes_where_its_task_goes_at_that_moment(server: Server, alice: Person) -> None:
    headers = {"Authorization": f"Bearer {alice.tokens['access_token']}"}
    old, new = make_project(alice), make_project(alice)
    with crowd(server, 2) as (recording, moving):
        for day in range(1, PAIRS + 1):
            task = make_task(alice, project_id=old["id"])
            span = {
                "started_at": f"2026-03-{day:02}T09:00Z",
                "ended_at": f"2026-03-{day:02}T10:00Z",
            }
            body, target = span | {"task_id": task["id"]}, {"project_id": new["id"]}
            path = f"/tasks/{task['id']}/move"
            works = [
                partial(recording.post, "/time-entries", json=body, headers=headers),
                partial(moving.post, path, json=target, headers=headers),
            ]
            assert statuses(at_once(works)) == {201: 1, 200: 1}
    assert {entry["project_id"] for entry in entries_of(alice)} == {new["id"]}
