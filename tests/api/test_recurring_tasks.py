"""Tasks that recur: what is completed or skipped makes the next."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from tests.archives import export, send_archive
from tests.changes import (
    change,
    change_all,
    events_of,
    read,
    room_of,
    state_after,
    state_of,
    throw_away,
)
from tests.crowd import crowd
from tests.factories import Person, add_member, sign_up
from tests.records import Record, done, ids, make_entry, make_item, make_task, moment, refusal
from tests.server import Server
from tests.sql import connect, number
from tests.waiting import wait_until

DAILY = {"recurrence": "FREQ=DAILY"}
HOLD_SCOPE = "SELECT pg_advisory_xact_lock(hashtextextended(%(id)s, 0))"
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


def at(days: int, hour: int = 9) -> datetime:
    """An hour of a day before or after today, in UTC."""
    today = datetime.now(UTC).replace(hour=hour, minute=0, second=0, microsecond=0)
    return today + timedelta(days=days)


def make(person: Person, days: int = 2, **fields: Any) -> Record:
    return make_task(person, **({"due_at": at(days).isoformat()} | DAILY | fields))


def complete(person: Person, task: Record) -> Record:
    return change(person, task, status="completed")


def next_of(person: Person, task: Record) -> Record:
    return read(person, {"id": read(person, task)["next_id"]})


def due(task: Record) -> datetime:
    return moment(task["due_at"])


def test_completing_makes_the_next_as_a_task_of_its_own(
    alice: Person, bob: Person, project: Record
) -> None:
    add_member(alice, project, bob, "editor")
    parent = make_task(alice, project_id=project["id"])
    task = make(
        alice,
        title="Water",
        description="All of them",
        labels=["home"],
        priority="high",
        project_id=project["id"],
        assignee_id=bob.id,
        parent_id=parent["id"],
        metadata={"note": "of this one"},
    )
    for name in ("Roses", "Ferns"):
        item = make_item(alice, name, task_id=task["id"])
    done(alice.patch(f"/items/{item['id']}", {"status": "done"}))
    make_entry(alice, task_id=task["id"])
    completed = complete(bob, task)
    following = next_of(alice, completed)
    same = ["title", "description", "labels", "priority", "project_id", "assignee_id", "parent_id"]
    same += ["recurrence", "created_by"]
    assert {name: following[name] for name in same} == {name: task[name] for name in same}
    assert (following["status"], due(following), following["metadata"]) == ("pending", at(3), {})
    lines = done(alice.get(f"/items?task_id={following['id']}"))
    assert [(line["name"], line["status"]) for line in lines] == [
        ("Roses", "open"),
        ("Ferns", "open"),
    ]
    assert done(alice.get(f"/time-entries?task_id={following['id']}")) == []
    assert state_after(events_of(alice, room_of(project))) == state_of(alice, project)


def test_completing_again_makes_no_other(alice: Person) -> None:
    task = make(alice)
    first = complete(alice, task)
    assert complete(alice, task) == first
    change(alice, task, status="pending")
    assert complete(alice, task)["next_id"] == first["next_id"]
    done(alice.delete(f"/tasks/{first['next_id']}"))
    change(alice, task, status="pending")
    complete(alice, task)
    assert ids(alice.get("/tasks")) == [task["id"]]


def test_many_who_complete_it_at_once_make_one_next(alice: Person, server: Server) -> None:
    parent = make_task(alice)
    task = make(alice, parent_id=parent["id"])
    with crowd(server, 8) as clients, ThreadPoolExecutor(len(clients)) as threads:
        for client in clients:
            client.headers["Authorization"] = f"Bearer {alice.tokens['access_token']}"
        path = f"/tasks/{task['id']}"
        answers = list(
            threads.map(lambda each: each.patch(path, json={"status": "completed"}), clients)
        )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["next_id"] for answer in answers}) == 1
    assert len(ids(alice.get("/tasks"))) == 3


def test_the_next_is_not_in_the_past(alice: Person) -> None:
    late = next_of(alice, complete(alice, make(alice, days=-10)))
    now = datetime.now(UTC)
    assert now < due(late) <= now + timedelta(days=1)
    assert due(late).hour == 9
    early = next_of(alice, complete(alice, make(alice, days=10)))
    assert due(early) == at(11)


def test_moving_one_does_not_move_the_series(alice: Person) -> None:
    task = make(alice)
    change(alice, task, due_at=at(2, hour=17).isoformat())
    following = next_of(alice, complete(alice, task))
    assert due(following) == at(3)
    change(alice, following, due_at=None)
    assert due(next_of(alice, complete(alice, following))) == at(4)


def test_another_rule_begins_another_series(alice: Person) -> None:
    task = make(alice)
    change(alice, task, due_at=at(2, hour=17).isoformat(), recurrence="FREQ=DAILY;INTERVAL=2")
    following = next_of(alice, complete(alice, task))
    assert due(following) == at(4, hour=17)
    change(alice, following, recurrence="FREQ=DAILY;INTERVAL=2")
    assert read(alice, following)["version"] == following["version"]
    ended = change(alice, following, recurrence=None)
    assert (ended["series"], complete(alice, following)["next_id"]) == (None, None)


def test_another_series_has_a_next_of_its_own(alice: Person) -> None:
    task = make(alice)
    first = complete(alice, task)
    done(alice.delete(f"/tasks/{first['next_id']}"))
    change(alice, task, status="pending", recurrence="FREQ=DAILY;INTERVAL=2")
    assert due(next_of(alice, complete(alice, task))) == at(4)


def test_subtasks_wait_for_their_place_before_they_are_held(alice: Person, database: str) -> None:
    parent = make_task(alice)
    body = {"status": "completed"}
    for go_on in (
        lambda task_id: alice.patch(f"/tasks/{task_id}", body),
        lambda task_id: alice.post(f"/tasks/{task_id}/skip"),
        lambda task_id: alice.post(
            "/tasks/bulk", {"changes": [{"kind": "update", "id": task_id, "task": body}]}
        ),
    ):
        task = {"id": make(alice, parent_id=parent["id"])["id"]}
        with connect(database) as other, ThreadPoolExecutor(1) as threads:
            with other.transaction():
                other.execute(HOLD_SCOPE, {"id": alice.id})
                answer = threads.submit(go_on, task["id"])
                wait_until(lambda: number(database, WAITING) == 1)
                other.execute("SELECT FROM tasks WHERE id = %(id)s FOR UPDATE NOWAIT", task)
            assert answer.result().status_code == 200
        assert next_of(alice, task)["parent_id"] == parent["id"]


def test_skipping_cancels_one_and_makes_the_next(alice: Person) -> None:
    task = make(alice)
    answer = done(alice.post(f"/tasks/{task['id']}/skip"))
    skipped, following = answer["skipped"], answer["next"]
    assert (skipped["status"], skipped["next_id"]) == ("cancelled", following["id"])
    assert (following["status"], due(following)) == ("pending", at(3))
    assert refusal(alice.post(f"/tasks/{task['id']}/skip")) == (409, "task_closed")
    once = make_task(alice)
    assert refusal(alice.post(f"/tasks/{once['id']}/skip")) == (400, "task_not_recurring")


def test_a_series_ends_with_its_count(alice: Person) -> None:
    task = make(alice, recurrence="FREQ=DAILY;COUNT=2")
    following = next_of(alice, complete(alice, task))
    assert done(alice.post(f"/tasks/{following['id']}/skip"))["next"] is None
    assert complete(alice, following)["next_id"] is None


def test_the_rule_goes_by_the_clock_of_who_set_it(app: Flask, database: str) -> None:
    person = sign_up(app, "Carol", "Europe/Berlin")
    # The night before clocks go forward, in a year to come.
    task = make_task(person, due_at="2030-03-30T09:00:00+01:00", **DAILY)
    assert task["series"]["timezone"] == "Europe/Berlin"
    assert next_of(person, complete(person, task))["due_at"] == "2030-03-31T07:00:00Z"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"recurrence": "FREQ=MINUTELY"}, (422, "invalid_input")),
        ({"recurrence": "never"}, (422, "invalid_input")),
        ({"due_at": None}, (400, "recurrence_without_due_date")),
        ({"recurrence": "FREQ=DAILY;COUNT=1"}, (400, "recurrence_never")),
        ({"recurrence": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, (400, "recurrence_never")),
    ],
)
def test_what_cannot_recur_is_refused(
    alice: Person, fields: Record, expected: tuple[int, str]
) -> None:
    body = {"title": "Water", "due_at": at(2).isoformat()} | DAILY | fields
    assert refusal(alice.post("/tasks", body)) == expected
    task = make_task(alice)
    del body["title"]
    assert refusal(alice.patch(f"/tasks/{task['id']}", body)) == expected


def test_bulk_changes_go_on_with_each_series(alice: Person) -> None:
    tasks = [make(alice) for _ in range(3)]
    changes = [
        {"kind": "update", "id": task["id"], "task": {"status": "completed"}} for task in tasks
    ]
    completed = change_all(alice, *changes, *changes)
    assert [task["next_id"] for task in completed[:3] if task] == [
        task["next_id"] for task in completed[3:] if task
    ]
    assert len(ids(alice.get("/tasks"))) == 6


def test_what_comes_back_from_the_trash_goes_on(alice: Person) -> None:
    task = make(alice)
    operation = throw_away(alice, f"/tasks/{task['id']}")
    done(alice.post(f"/trash/{operation}/restore"))
    assert due(next_of(alice, complete(alice, task))) == at(3)


def test_an_archive_keeps_series(app: Flask, alice: Person, database: str) -> None:
    completed = complete(alice, make(alice))
    other = sign_up(app, "Other")
    done(send_archive(other, export(alice)))
    copies = {task["status"]: task for task in done(other.get("/tasks"))}
    assert copies["completed"]["next_id"] == copies["pending"]["id"]
    assert copies["pending"]["series"] == next_of(alice, completed)["series"]
    assert due(next_of(other, complete(other, copies["pending"]))) == at(4)
    change(other, copies["completed"], status="pending")
    complete(other, copies["completed"])
    assert len(ids(other.get("/tasks"))) == 3
