"""What is done to a task while somebody moves it: it waits, then finds the task where it is."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from werkzeug.test import TestResponse

from tests.changes import ask_to_move, read
from tests.factories import Person
from tests.records import (
    NINE,
    TEN,
    Record,
    done,
    make_entry,
    make_item,
    make_project,
    make_task,
    refusal,
)
from tests.sql import connect, number, rows
from tests.waiting import wait_until

BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE %(holder)s = ANY(pg_blocking_pids(pid))"
LOCK = "SELECT FROM tasks WHERE id = %(task_id)s FOR UPDATE"
MOVE_TASK = """
    UPDATE tasks SET project_id = %(project_id)s, version = version + 1 WHERE id = %(task_id)s
"""
MOVE_TIME = """
    UPDATE time_entries SET project_id = %(project_id)s, version = version + 1
    WHERE task_id = %(task_id)s
"""

Ask = Callable[[], TestResponse]


@pytest.fixture
def shop(alice: Person) -> Record:
    """Another project of Alice's."""
    return make_project(alice, name="Shop")


@pytest.fixture
def task(alice: Person, project: Record) -> Record:
    """A task of Alice's project."""
    return make_task(alice, project_id=project["id"])


def while_it_moves(database: str, task: Record, target: Record, ask: Ask) -> TestResponse:
    """Ask for something that must wait for a move of the task; return what came of it."""
    ids = {"task_id": task["id"], "project_id": target["id"]}
    with connect(database) as mover, ThreadPoolExecutor(1) as thread:
        with mover.transaction():
            for statement in (LOCK, MOVE_TASK, MOVE_TIME):
                mover.execute(statement, ids)
            asked = thread.submit(ask)
            holder = {"holder": mover.info.backend_pid}
            wait_until(lambda: asked.done() or number(database, BLOCKED, holder) == 1)
        return asked.result()


def test_a_change_of_a_task_that_moves_is_made(
    database: str, alice: Person, shop: Record, task: Record
) -> None:
    def ask() -> TestResponse:
        return alice.patch(f"/tasks/{task['id']}", {"title": "Read"})

    changed = done(while_it_moves(database, task, shop, ask))
    assert (changed["title"], changed["project_id"], changed["version"]) == ("Read", shop["id"], 3)


def test_a_task_that_moves_is_not_deleted_unseen(
    database: str, alice: Person, shop: Record, task: Record
) -> None:
    answer = while_it_moves(database, task, shop, lambda: alice.delete(f"/tasks/{task['id']}"))
    assert refusal(answer) == (409, "task_moved")
    assert read(alice, task)["project_id"] == shop["id"]


@pytest.mark.parametrize("kind", ["items", "comments"])
def test_what_is_said_of_a_task_that_moves_is_told_where_it_is_then(
    database: str, alice: Person, shop: Record, task: Record, kind: str
) -> None:
    def ask() -> TestResponse:
        if kind == "items":
            return alice.post("/items", {"name": "Think", "task_id": task["id"]})
        return alice.post(f"/tasks/{task['id']}/comments", {"body": "Slowly"})

    made = done(while_it_moves(database, task, shop, ask))
    told = done(alice.get(f"/rooms/project:{shop['id']}/events"))
    assert (told[-1]["type"], told[-1]["subject"]) == (f"{kind[:-1]}.created", made["id"])


def test_a_line_of_a_task_that_moves_is_ticked_off(
    database: str, alice: Person, shop: Record, task: Record
) -> None:
    item = make_item(alice, task_id=task["id"])

    def ask() -> TestResponse:
        return alice.patch(f"/items/{item['id']}", {"status": "done"})

    assert done(while_it_moves(database, task, shop, ask))["status"] == "done"


def test_time_that_is_recorded_on_a_task_that_moves_goes_along(
    database: str, alice: Person, shop: Record, task: Record
) -> None:
    span = {"started_at": NINE, "ended_at": TEN, "task_id": task["id"]}
    entry = done(while_it_moves(database, task, shop, lambda: alice.post("/time-entries", span)))
    assert (entry["task_id"], entry["project_id"]) == (task["id"], shop["id"])


def test_a_timer_that_is_started_on_a_task_that_moves_goes_along(
    database: str, alice: Person, shop: Record, task: Record
) -> None:
    about = {"task_id": task["id"]}
    answer = done(while_it_moves(database, task, shop, lambda: alice.post("/timer/start", about)))
    assert answer["started"]["project_id"] == shop["id"]


def test_a_timer_that_is_resumed_on_a_task_that_moves_goes_along(
    database: str, alice: Person, shop: Record, task: Record
) -> None:
    path = f"/time-entries/{make_entry(alice, task_id=task['id'])['id']}/continue"
    answer = done(while_it_moves(database, task, shop, lambda: alice.post(path)))
    assert answer["started"]["project_id"] == shop["id"]


def test_an_entry_that_is_put_on_a_task_that_moves_goes_along(
    database: str, alice: Person, shop: Record, task: Record
) -> None:
    entry = make_entry(alice)

    def ask() -> TestResponse:
        return alice.patch(f"/time-entries/{entry['id']}", {"task_id": task["id"]})

    assert done(while_it_moves(database, task, shop, ask))["project_id"] == shop["id"]


@pytest.mark.parametrize("way", ["stop", "start"])
def test_a_timer_that_runs_on_a_task_that_moves_is_stopped(
    database: str, alice: Person, shop: Record, task: Record, way: str
) -> None:
    done(alice.post("/timer/start", {"task_id": task["id"]}))
    stopped = done(while_it_moves(database, task, shop, lambda: alice.post(f"/timer/{way}", {})))
    assert stopped["stopped"]["project_id"] == shop["id"]


def test_time_of_a_task_that_moves_is_corrected(
    database: str, alice: Person, shop: Record, task: Record
) -> None:
    entry = make_entry(alice, task_id=task["id"])

    def ask() -> TestResponse:
        return alice.patch(f"/time-entries/{entry['id']}", {"note": "Slowly"})

    corrected = done(while_it_moves(database, task, shop, ask))
    assert (corrected["note"], corrected["project_id"]) == ("Slowly", shop["id"])


def test_time_is_corrected_by_who_may_where_it_is_then(
    database: str, alice: Person, bob: Person, project: Record, task: Record
) -> None:
    """Alice owns the project that the time leaves, and is a viewer where it goes."""
    shop = make_project(bob, name="Shop")
    done(bob.post(f"/projects/{shop['id']}/members", {"user_id": alice.id, "role": "viewer"}))
    entry = make_entry(alice, task_id=task["id"])

    def ask() -> TestResponse:
        return alice.patch(f"/time-entries/{entry['id']}", {"note": "Slowly"})

    assert while_it_moves(database, task, shop, ask).status_code == 403
    assert done(bob.get(f"/time-entries/{entry['id']}"))["note"] == ""


def test_a_second_move_waits_for_the_first(
    database: str, alice: Person, project: Record, shop: Record, task: Record
) -> None:
    entry = make_entry(alice, task_id=task["id"])
    answer = while_it_moves(
        database, task, shop, lambda: ask_to_move(alice, task, project_id=project["id"])
    )
    assert answer.status_code in (200, 409), answer.text
    places = "SELECT project_id::text FROM time_entries WHERE id = %(id)s"
    assert rows(database, places, {"id": entry["id"]}) == [
        {"project_id": read(alice, task)["project_id"]}
    ]
