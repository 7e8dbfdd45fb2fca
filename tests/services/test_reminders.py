"""Reminders: of each task and due time once, and of a timer that runs on."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from config import settings
from services.reminder_service import reminder_service
from services.worker import worker
from tests.archives import export, send_archive
from tests.changes import change
from tests.factories import Person, add_member, sign_up
from tests.processes import stop
from tests.records import Record, ago, done, make_project, make_task, start_timer
from tests.sql import number, rows
from tests.waiting import wait_until

MANY = """
    INSERT INTO tasks (id, title, created_by, due_at, position)
    SELECT gen_random_uuid(), 'Task', %(me)s, now() - interval '1 minute', 'i0V'
    FROM generate_series(1, %(many)s)
"""
# Both at once, which their lock forbids otherwise.
LOOK_TWICE = """
    INSERT INTO procrastinate_jobs (queue_name, task_name, args)
    SELECT 'default', 'reminders.scan', '{"timestamp": 0}' FROM generate_series(1, 2)
"""
NOT_DONE = """
    SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'reminders.scan'
"""
TOLD = """
    SELECT count(*) AS told, count(DISTINCT subject_id) AS tasks FROM notifications
    WHERE user_id = %(me)s AND kind = 'overdue'
"""
BACKDATE = "UPDATE time_entries SET started_at = now() - %(age)s::interval WHERE id = %(id)s"


def ahead(**length: float) -> str:
    return (datetime.now(UTC) + timedelta(**length)).isoformat()


def told(person: Person) -> list[str]:
    """What somebody was reminded of so far, oldest first."""
    reminder_service.scan()
    worker.run_once()
    found = done(person.get("/notifications?limit=200"))
    kinds = ("due_soon", "overdue", "timer_long")
    return [each["kind"] for each in reversed(found) if each["kind"] in kinds]


def test_a_task_is_told_of_before_and_when_it_is_due(alice: Person, database: str) -> None:
    task = make_task(alice, due_at=ahead(hours=25))
    assert told(alice) == []
    soon = change(alice, task, due_at=ahead(hours=23))
    assert told(alice) == ["due_soon"]
    assert told(alice) == ["due_soon"]
    assert change(alice, task, title="Other")["version"] == soon["version"] + 1
    change(alice, task, due_at=ago(minutes=1))
    assert told(alice) == ["due_soon", "overdue"]
    change(alice, task, due_at=ahead(hours=2))
    assert told(alice) == ["due_soon", "overdue", "due_soon"]


def test_what_is_done_away_or_put_aside_is_not_told_of(alice: Person, project: Record) -> None:
    place = {"project_id": project["id"]}
    for status in ("completed", "cancelled"):
        make_task(alice, due_at=ago(hours=1), status=status)
    done(alice.delete(f"/tasks/{make_task(alice, due_at=ago(hours=1))['id']}"))
    make_task(alice, due_at=ago(hours=1), **place)
    done(alice.patch(f"/projects/{project['id']}", {"archived": True}))
    deleted = make_project(alice)
    make_task(alice, due_at=ago(hours=1), project_id=deleted["id"])
    done(alice.delete(f"/projects/{deleted['id']}"))
    assert told(alice) == []


def test_who_is_to_do_it_is_told_or_else_who_made_it(
    app: Flask, alice: Person, bob: Person, project: Record
) -> None:
    carol = sign_up(app, "Carol")
    add_member(alice, project, bob, "editor")
    add_member(alice, project, carol, "owner")
    agent = done(carol.post("/agents", {"name": "Builder", "kind": "ci"}))
    add_member(carol, project, Person(carol.client, agent["id"]), "editor")
    for assignee_id in (bob.id, agent["id"], None):
        place = {"project_id": project["id"], "assignee_id": assignee_id}
        make_task(alice, due_at=ago(hours=1), **place)
    assert [told(each) for each in (alice, bob, carol)] == [["overdue"]] * 3


def test_who_made_it_is_told_where_nobody_is_left_to_do_it(
    alice: Person, bob: Person, project: Record
) -> None:
    add_member(alice, project, bob, "editor")
    make_task(alice, due_at=ago(hours=1), project_id=project["id"], assignee_id=bob.id)
    done(alice.delete(f"/projects/{project['id']}/members/{bob.id}"))
    assert [told(each) for each in (alice, bob)] == [["overdue"], []]


def test_a_timer_that_runs_for_long_is_told_of_once(alice: Person, database: str) -> None:
    entry = start_timer(alice, note="Thinking")
    rows(database, BACKDATE, {"age": "7 hours 59 minutes", "id": entry["id"]})
    assert told(alice) == []
    rows(database, BACKDATE, {"age": "8 hours", "id": entry["id"]})
    assert told(alice) == ["timer_long"]
    assert told(alice) == ["timer_long"]
    assert done(alice.get("/notifications?limit=1"))[0]["title"] == "Thinking"


def start_worker() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "flask", "--app", "main", "worker"]
    return subprocess.Popen(command, env=os.environ, cwd=settings.project_dir)


def test_what_is_imported_with_a_past_due_time_is_not_told_of(app: Flask, alice: Person) -> None:
    make_task(alice, due_at=ago(hours=1))
    make_task(alice, due_at=ahead(hours=1))
    other = sign_up(app, "Other")
    done(send_archive(other, export(alice)))
    assert told(other) == ["due_soon"]


def test_two_who_look_at_once_tell_once_of_each_task(
    alice: Person, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.reminder_service.PORTION", 10)
    rows(database, MANY, {"me": alice.id, "many": 300})
    with ThreadPoolExecutor(2) as threads:
        for look in [threads.submit(reminder_service.scan) for _ in range(2)]:
            look.result()
    reminder_service.scan()  # what one of them held when the other looked last
    assert rows(database, TOLD, {"me": alice.id}) == [{"told": 300, "tasks": 300}]


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_two_workers_tell_once_of_ten_thousand_tasks(alice: Person, database: str) -> None:
    many = 10_000
    rows(database, MANY, {"me": alice.id, "many": many})
    rows(database, LOOK_TWICE)
    workers = [start_worker() for _ in range(2)]
    try:
        wait_until(lambda: number(database, NOT_DONE) == 0, 600)
    finally:
        for process in workers:
            stop(process)
    assert rows(database, TOLD, {"me": alice.id}) == [{"told": many, "tasks": many}]
