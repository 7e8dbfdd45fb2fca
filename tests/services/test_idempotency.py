"""Idempotency-Key: a write that is repeated happens once and is answered as the first time."""

import hashlib
import json
import socket
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from config import settings
from tests.factories import PASSWORD, Person, email_of
from tests.server import Server
from tests.sql import connect, number, rows
from tests.waiting import wait_until

NINE, TEN = "2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z"

RECORDS = "SELECT * FROM idempotency_records WHERE key = %(key)s"
AGE = """
    UPDATE idempotency_records SET created_at = now() - %(age)s::interval WHERE key = %(key)s
"""
LOCK_ROOM = "SELECT FROM rooms WHERE id = %(room)s FOR UPDATE"
BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE %(holder)s = ANY(pg_blocking_pids(pid))"

Write = Callable[[Person, str], TestResponse]


@pytest.fixture
def key() -> str:
    return str(uuid.uuid4())


def make_task(person: Person, key: str, title: str = "Write") -> TestResponse:
    return person.post("/tasks", {"title": title}, Idempotency_Key=key)


def replayed(answer: TestResponse) -> bool:
    return answer.headers.get("Idempotency-Replayed") == "true"


def prepare_change(person: Person) -> Write:
    path = f"/tasks/{person.post('/tasks', {'title': 'Write'}).get_json()['id']}"
    return lambda who, key: who.patch(path, {"title": "Read"}, Idempotency_Key=key)


def prepare_deletion(person: Person) -> Write:
    path = f"/tasks/{person.post('/tasks', {'title': 'Write'}).get_json()['id']}"
    return lambda who, key: who.delete(path, Idempotency_Key=key)


def prepare_timer(person: Person) -> Write:
    person.post("/timer/start", {"note": "The first"})
    return lambda who, key: who.post("/timer/start", {"note": "Next"}, Idempotency_Key=key)


def prepare_import(_person: Person) -> Write:
    """A form is the same when all its bytes are."""
    table = (
        "Project,User,Start Date,Start Time,End Date,End Time\n"
        "Shop,Ada,03/04/2024,09:00:00 AM,03/04/2024,10:00:00 AM\n"
    )
    parts = [("format", "clockify"), ('file"; filename="a.csv', table)]
    body = "".join(
        f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
        for name, text in parts
    )
    form = {"data": f"{body}--edge--\r\n", "content_type": "multipart/form-data; boundary=edge"}
    return lambda who, key: who.send("POST", "/imports", headers={"Idempotency_Key": key}, **form)


WRITES: dict[str, tuple[int, Callable[[Person], Write]]] = {
    "create": (201, lambda _: make_task),
    "change": (200, prepare_change),
    "delete": (204, prepare_deletion),
    "timer": (200, prepare_timer),
    "import": (200, prepare_import),
}


@pytest.mark.parametrize("name", WRITES)
def test_a_repeated_write_gets_the_first_answer(alice: Person, key: str, name: str) -> None:
    status, prepare = WRITES[name]
    write = prepare(alice)
    first, again = write(alice, key), write(alice, key)
    assert (first.status_code, replayed(first)) == (status, False)
    assert (again.status_code, replayed(again)) == (status, True)
    assert again.data == first.data
    assert again.headers.get("ETag") == first.headers.get("ETag")
    assert again.headers.get("Content-Type") == first.headers.get("Content-Type")


@pytest.mark.parametrize("name", WRITES)
def test_a_repeated_write_happens_once(alice: Person, key: str, name: str, database: str) -> None:
    write = WRITES[name][1](alice)
    count_events = "SELECT count(*) FROM events WHERE actor_id = %(me)s"
    write(alice, key)
    known = number(database, count_events, {"me": alice.id})
    write(alice, key)
    assert number(database, count_events, {"me": alice.id}) == known


def test_a_replayed_answer_has_a_request_id_of_its_own(alice: Person, key: str) -> None:
    first, again = make_task(alice, key), make_task(alice, key)
    assert replayed(again)
    assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]


def test_the_first_answer_is_replayed_although_things_have_changed(alice: Person, key: str) -> None:
    first = make_task(alice, key)
    alice.delete(f"/tasks/{first.get_json()['id']}")
    assert make_task(alice, key).data == first.data


ANOTHER: dict[str, Callable[[Person, str, dict[str, Any]], TestResponse]] = {
    "another body": lambda person, key, _: make_task(person, key, "Read"),
    "another method": lambda person, key, task: person.patch(
        f"/tasks/{task['id']}", {"title": "Write"}, Idempotency_Key=key
    ),
    "no body": lambda person, key, task: person.delete(f"/tasks/{task['id']}", Idempotency_Key=key),
}


@pytest.mark.parametrize("difference", ANOTHER)
def test_a_key_is_good_for_one_request_only(alice: Person, key: str, difference: str) -> None:
    task = make_task(alice, key).get_json()
    reused = ANOTHER[difference](alice, key, task)
    assert (reused.status_code, reused.get_json()["code"]) == (422, "idempotency_key_reused")
    assert alice.get("/tasks").get_json() == [task]


def test_a_key_that_deleted_one_thing_does_not_stand_for_deleting_another(
    alice: Person, key: str
) -> None:
    first, other = (make_task(alice, str(uuid.uuid4())).get_json()["id"] for _ in range(2))
    alice.delete(f"/tasks/{first}", Idempotency_Key=key)
    assert alice.delete(f"/tasks/{other}", Idempotency_Key=key).status_code == 422
    assert alice.get(f"/tasks/{other}").status_code == 200


def test_two_people_may_use_the_same_key(alice: Person, bob: Person, key: str) -> None:
    first, other = make_task(alice, key), make_task(bob, key)
    assert (other.status_code, replayed(other)) == (201, False)
    assert other.get_json()["created_by"] == bob.id
    assert other.get_json()["id"] != first.get_json()["id"]


def test_signing_up_again_with_the_key_gets_the_same_account(anonymous: Person, key: str) -> None:
    account = {"email": email_of("Carol"), "password": PASSWORD, "name": "Carol"}
    first = anonymous.post("/users", account, Idempotency_Key=key)
    again = anonymous.post("/users", account, Idempotency_Key=key)
    assert (again.status_code, again.data, replayed(again)) == (201, first.data, True)


def test_a_write_that_failed_may_be_repeated_with_its_key(alice: Person, key: str) -> None:
    span = {"started_at": NINE, "ended_at": TEN}
    in_the_way = alice.post("/time-entries", span).get_json()
    assert alice.post("/time-entries", span, Idempotency_Key=key).status_code == 409
    alice.delete(f"/time-entries/{in_the_way['id']}")
    repeated = alice.post("/time-entries", span, Idempotency_Key=key)
    assert (repeated.status_code, replayed(repeated)) == (201, False)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/tasks", {"title": ""}, 422),
        ("/tasks", {"title": "Write", "project_id": str(uuid.uuid4())}, 404),
        ("/time-entries", {"started_at": TEN, "ended_at": NINE}, 400),
    ],
)
def test_a_refusal_is_not_recorded(
    alice: Person, database: str, key: str, path: str, body: Any, status: int
) -> None:
    assert alice.post(path, body, Idempotency_Key=key).status_code == status
    assert rows(database, RECORDS, {"key": key}) == []


def test_an_answer_is_replayed_for_nearly_a_day(alice: Person, database: str, key: str) -> None:
    first = make_task(alice, key)
    rows(database, AGE, {"key": key, "age": "23 hours 59 minutes"})
    assert make_task(alice, key).data == first.data


def test_after_a_day_the_key_is_free_again(alice: Person, database: str, key: str) -> None:
    make_task(alice, key)
    rows(database, AGE, {"key": key, "age": "24 hours 1 second"})
    later = make_task(alice, key, "Read")
    assert (later.status_code, replayed(later)) == (201, False)
    assert make_task(alice, key, "Read").data == later.data


def test_a_repeat_while_the_write_is_at_work_is_asked_to_come_back(
    app: Flask, alice: Person, database: str, key: str
) -> None:
    elsewhere = replace(alice, client=app.test_client())
    with ThreadPoolExecutor(1) as thread, connect(database) as holder:
        with holder.transaction():
            holder.execute(LOCK_ROOM, {"room": f"user:{alice.id}"})
            writing = thread.submit(make_task, elsewhere, key)
            pid = {"holder": holder.info.backend_pid}
            wait_until(lambda: number(database, BLOCKED, pid) == 1)
            repeated = make_task(alice, key)
        first = writing.result()
    assert (repeated.status_code, repeated.get_json()["code"]) == (409, "request_in_progress")
    assert int(repeated.headers["Retry-After"]) > 0
    assert make_task(alice, key).data == first.data


def test_a_write_whose_client_hung_up_is_answered_when_repeated(
    server: Server, alice: Person, database: str, key: str
) -> None:
    body, address = json.dumps({"title": "Write"}).encode(), urlsplit(server.url)
    request = (
        f"POST {settings.api_prefix}/tasks HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: Bearer {alice.tokens['access_token']}\r\nIdempotency-Key: {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(request.encode() + body)
    wait_until(lambda: rows(database, RECORDS, {"key": key}) != [])
    with server.client(alice.tokens["access_token"]) as client:
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        repeated = client.post("/tasks", data=body, headers=headers)
    assert (repeated.status_code, repeated.headers["Idempotency-Replayed"]) == (201, "true")
    assert [task["id"] for task in alice.get("/tasks").get_json()] == [repeated.json()["id"]]


def test_signing_in_ignores_the_key(alice: Person, database: str, key: str) -> None:
    login = {"email": alice.email, "password": PASSWORD}
    answers = [alice.post("/auth/login", login, Idempotency_Key=key) for _ in range(2)]
    assert [(answer.status_code, replayed(answer)) for answer in answers] == [(200, False)] * 2
    assert answers[0].get_json()["access_token"] != answers[1].get_json()["access_token"]
    assert rows(database, RECORDS, {"key": key}) == []


def test_renewing_a_token_ignores_the_key(alice: Person, database: str, key: str) -> None:
    spent = {"refresh_token": alice.tokens["refresh_token"]}
    answers = [alice.post("/auth/refresh", spent, Idempotency_Key=key) for _ in range(2)]
    assert [(answer.status_code, replayed(answer)) for answer in answers] == [(200, False)] * 2
    assert rows(database, RECORDS, {"key": key}) == []


def test_reading_ignores_the_key(alice: Person, key: str) -> None:
    assert alice.get("/tasks", Idempotency_Key=key).get_json() == []
    make_task(alice, "another")
    assert len(alice.get("/tasks", Idempotency_Key=key).get_json()) == 1


def test_a_recorded_sign_up_does_not_give_the_password_away(
    anonymous: Person, database: str, key: str
) -> None:
    account = {"email": email_of("Carol"), "password": PASSWORD, "name": "Carol"}
    body = json.dumps(account).encode()
    path = f"{settings.api_prefix}/users"
    anonymous.client.post(
        path, data=body, content_type="application/json", headers={"Idempotency-Key": key}
    )
    (record,) = rows(database, RECORDS, {"key": key})
    questions = [body, PASSWORD.encode(), b"\0".join([b"POST", f"{path}?".encode(), body])]
    guesses = {
        hashlib.new(name, question).digest()
        for name in ("md5", "sha1", "sha256", "sha512", "sha3_256", "blake2b")
        for question in questions
    }
    assert record["fingerprint"] not in guesses
    assert PASSWORD not in str(record)


@pytest.mark.parametrize("length", [1, 255])
def test_a_key_has_up_to_255_characters(alice: Person, length: int) -> None:
    assert make_task(alice, "k" * length).status_code == 201


@pytest.mark.parametrize("key", ["", "k" * 256, "tab\tbed", "caf\xe9\x80"])
def test_a_key_that_cannot_be_kept_is_refused(alice: Person, key: str) -> None:
    answer = make_task(alice, key)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid_idempotency_key")
