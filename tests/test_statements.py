"""What changes of tasks say to the database."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import event

from services.db_client import db
from tests.factories import Person
from tests.plans import recorded_reads
from tests.records import Record, done, make_comment, make_task
from tests.sql import number
from tests.statements import RUNS_UNTIL_PREPARED

Change = Callable[[Person, Record], Any]

FEW, MANY = 3, 12
WAIT = psycopg.Connection.wait


@pytest.fixture
def statements(database: str) -> Iterator[list[str]]:
    """What the ORM of this process executes."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        found.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield found
    event.remove(db.engine, "before_cursor_execute", note)


def delete_in_bulk(person: Person, tasks: list[Record]) -> str:
    """Delete tasks together; return what restores them."""
    changes = [{"kind": "delete", "id": task["id"]} for task in tasks]
    operation: str = done(person.post("/tasks/bulk", {"changes": changes}))["operation_id"]
    return operation


def rename(person: Person, task: Record) -> None:
    done(person.patch(f"/tasks/{task['id']}", {"title": "Rewrite"}))


def move(person: Person, task: Record) -> None:
    done(person.post(f"/tasks/{task['id']}/move", {"project_id": None}))


def delete_and_restore(person: Person, task: Record) -> None:
    done(person.post(f"/trash/{delete_in_bulk(person, [task])}/restore"))


@pytest.mark.parametrize("change", [rename, move, delete_and_restore])
def test_a_change_of_a_task_reads_none_of_the_words_that_are_searched(
    statements: list[str], alice: Person, project: Record, change: Change
) -> None:
    task = make_task(alice, project_id=project["id"])
    make_comment(alice, task, "Slowly")
    statements.clear()
    change(alice, task)
    assert any(each.startswith("UPDATE tasks") for each in statements)
    assert not [each for each in statements if "search" in each or "discussion" in each]


def test_restoring_asks_as_little_for_many_tasks_as_for_few(
    statements: list[str], alice: Person, project: Record
) -> None:
    asked = []
    for count in (FEW, MANY):
        tasks = [make_task(alice, project_id=project["id"]) for _ in range(count)]
        operation = delete_in_bulk(alice, tasks)
        statements.clear()
        with recorded_reads() as prepared:
            done(alice.post(f"/trash/{operation}/restore"))
        asked.append([each for each in statements if each.startswith("SELECT")])
        asked[-1] += [text for text, _ in prepared]
    assert asked[0] == asked[1]


@pytest.fixture
def exchanges(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One for each statement that this process sends, whoever writes it."""
    found: list[None] = []

    def wait(*args: Any) -> Any:
        found.append(None)
        return WAIT(*args)

    monkeypatch.setattr(psycopg.Connection, "wait", wait)
    return found


def test_webhooks_cost_a_write_no_statement_of_their_own(
    exchanges: list[None], database: str, alice: Person, project: Record
) -> None:
    def cost() -> int:
        exchanges.clear()
        make_task(alice, project_id=project["id"])
        return len(exchanges)

    plans = "SELECT count(*) FROM procrastinate_jobs WHERE args->>'room' = 'project:' || %(id)s"
    for _ in range(RUNS_UNTIL_PREPARED):
        make_task(alice, project_id=project["id"])
    without = cost()
    assert number(database, plans, project) == 0
    for _ in range(FEW):
        done(alice.post(f"/projects/{project['id']}/webhooks", {"url": "https://hooks.invalid"}))
    assert cost() == without
    assert number(database, plans, project) == 1
