"""A fault at every statement of a write: all of it is there afterwards, or nothing.

A statement is one exchange with the database, for which psycopg calls `Connection.wait`.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.archives import small_archive
from tests.factories import Person, sign_up
from tests.records import done, ids, make_comment, make_entry, make_item, make_project, make_task
from tests.services import writes_of_agents
from tests.services.writes import Write
from tests.sql import rows
from tests.statements import RUNS_UNTIL_PREPARED
from tests.ticktick import backup, checklist, task

pytestmark = pytest.mark.faults

CLOCKIFY = (Path(__file__).parents[1] / "data" / "clockify-1.csv").read_text()
WAIT = psycopg.Connection.wait

Parts = dict[str, int]


@dataclass
class Fault:
    """Fails once, after so many statements; with `answered` the database has done that one."""

    successes: int
    answered: bool
    statements: int = 0

    @property
    def happened(self) -> bool:
        return self.statements > self.successes

    def wait(self, connection: psycopg.Connection[Any], statement: Any, *args: Any) -> Any:
        """Stand in for `Connection.wait`."""
        self.statements += 1
        fails = self.statements == self.successes + 1
        if fails and not self.answered:
            raise psycopg.OperationalError("the statement was not sent")
        answer = WAIT(connection, statement, *args)
        if fails:
            raise psycopg.OperationalError("the answer got lost")
        return answer


@dataclass(frozen=True)
class Outcome:
    succeeded: bool
    parts: Parts


def switch_the_timer(person: Person, key: str) -> TestResponse:
    return person.post("/timer/start", {"note": key}, Idempotency_Key=key)


def make_a_task(person: Person, key: str) -> TestResponse:
    return person.post("/tasks", {"title": key}, Idempotency_Key=key)


MADE: dict[str, str] = {}  # the id of what a person has made before the write


def prepare(path: str, **body: str) -> Callable[[Person], None]:
    """Return what makes something for the write to be about."""

    def make(person: Person) -> None:
        MADE[person.id] = person.post(path, body).get_json()["id"]

    return make


def say_something(person: Person, key: str) -> TestResponse:
    path = f"/tasks/{MADE[person.id]}/comments"
    return person.post(path, {"body": f"@Alice {key}"}, Idempotency_Key=key)


def take_an_agent_on(person: Person) -> None:
    """Make a project with somebody to whom tasks can be given."""
    prepare("/agents", name="Builder", kind="ci")(person)
    project = make_project(person)
    MADE[f"project of {person.id}"] = project["id"]
    done(person.post(f"/projects/{project['id']}/members", {"user_id": MADE[person.id]}))


def give_a_task_away(person: Person, key: str) -> TestResponse:
    project_id, agent_id = MADE[f"project of {person.id}"], MADE[person.id]
    body = {"title": key, "project_id": project_id, "assignee_id": agent_id}
    return person.post("/tasks", body, Idempotency_Key=key)


def make_a_task_of_a_line(person: Person, key: str) -> TestResponse:
    return person.post(f"/items/{MADE[person.id]}/promote", {}, Idempotency_Key=key)


def make_a_discussed_task_of_a_project(person: Person) -> None:
    """Make one with a part, a comment, a line and time."""
    project = make_project(person)
    top = make_task(person, project_id=project["id"])
    make_task(person, project_id=project["id"], parent_id=top["id"])
    make_comment(person, top, "Slowly")
    make_item(person, task_id=top["id"])
    make_entry(person, task_id=top["id"])
    MADE[person.id] = top["id"]


def make_it_personal(person: Person, key: str) -> TestResponse:
    body = {"project_id": None}
    return person.post(f"/tasks/{MADE[person.id]}/move", body, Idempotency_Key=key)


def make_a_followed_project(person: Person) -> None:
    """Make one with a webhook."""
    MADE[person.id] = make_project(person)["id"]
    hooks = f"/projects/{MADE[person.id]}/webhooks"
    done(person.post(hooks, {"url": "https://hooks.invalid"}))


def make_a_task_that_others_hear_of(person: Person, key: str) -> TestResponse:
    body = {"title": key, "project_id": MADE[person.id]}
    return person.post("/tasks", body, Idempotency_Key=key)


def make_a_part(person: Person) -> None:
    MADE[person.id] = make_task(person, title="Part", parent_id=make_task(person)["id"])["id"]


def change_many(person: Person, key: str) -> TestResponse:
    part = {"id": MADE[person.id]}
    changes = [
        {"kind": "create", "task": {"title": key}},
        {"kind": "update", "task": {"description": key}} | part,
        {"kind": "move", "to": {"parent_id": None}} | part,
        {"kind": "delete"} | part,
    ]
    return person.post("/tasks/bulk", {"changes": changes}, Idempotency_Key=key)


def delete_a_task_with_a_part(person: Person) -> None:
    top = make_task(person)
    make_task(person, parent_id=top["id"])
    done(person.delete(f"/tasks/{top['id']}"))
    (MADE[person.id],) = ids(person.get("/trash"))


def restore(person: Person, key: str) -> TestResponse:
    return person.post(f"/trash/{MADE[person.id]}/restore", Idempotency_Key=key)


def make_an_agent(person: Person, key: str) -> TestResponse:
    return person.post("/agents", {"name": key, "kind": "ci"}, Idempotency_Key=key)


def import_a_file(person: Person, key: str) -> TestResponse:
    """Import for a person whom nobody has heard of before."""
    content = CLOCKIFY.replace("peter.test@email.test", f"{key}@example.org").encode()
    form = {"format": "clockify", "file": (BytesIO(content), "clockify.csv")}
    return person.send("POST", "/imports", headers={"Idempotency_Key": key}, data=form)


def import_tasks(person: Person, key: str) -> TestResponse:
    content = backup(task("Shop", **{"List Name": key}), checklist("▫Milk"))
    form = {"format": "ticktick", "file": (BytesIO(content), "backup.csv")}
    return person.send("POST", "/imports", headers={"Idempotency_Key": key}, data=form)


def import_an_archive(person: Person, key: str) -> TestResponse:
    """Import one thing of each kind."""
    form = {"format": "stint", "file": (BytesIO(small_archive(key)), "stint.zip")}
    return person.send("POST", "/imports", headers={"Idempotency_Key": key}, data=form)


WRITES = writes_of_agents.WRITES | {
    "a task": Write(
        make_a_task,
        """
        SELECT
            (SELECT count(*) FROM tasks WHERE title = %(key)s) AS tasks,
            (SELECT count(*) FROM events WHERE data->>'title' = %(key)s) AS events,
            (SELECT count(*) FROM idempotency_records WHERE key = %(key)s) AS answers
        """,
    ),
    "a task that a webhook tells of": Write(
        make_a_task_that_others_hear_of,
        """
        SELECT
            (SELECT count(*) FROM tasks WHERE title = %(key)s) AS tasks,
            (SELECT count(*) FROM events WHERE data->>'title' = %(key)s) AS events,
            (SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'webhooks.plan'
                AND args->>'room' IN (SELECT 'project:' || id FROM projects
                    WHERE created_by = %(me)s)) AS plans,
            (SELECT count(*) FROM idempotency_records WHERE key = %(key)s) AS answers
        """,
        before=make_a_followed_project,
    ),
    "a timer that stops another": Write(
        switch_the_timer,
        """
        SELECT
            (SELECT count(*) FROM time_entries WHERE note = %(key)s) AS running,
            (SELECT count(*) FROM events WHERE data->>'note' = %(key)s) AS started,
            (SELECT count(*) FROM time_entries
                WHERE user_id = %(me)s AND ended_at IS NOT NULL) AS stopped,
            (SELECT count(*) FROM events
                WHERE actor_id = %(me)s AND type = 'time_entry.stopped') AS stops,
            (SELECT count(*) FROM idempotency_records WHERE key = %(key)s) AS answers
        """,
        before=lambda person: person.post("/timer/start", {"note": "The first"}),
    ),
    "a comment": Write(
        say_something,
        """
        SELECT
            (SELECT count(*) FROM comments
                WHERE body = '@Alice ' || %(key)s AND mentions = ARRAY[%(me)s::uuid]) AS comments,
            (SELECT count(*) FROM tasks
                WHERE created_by = %(me)s AND length(discussion) > 0) AS discussed,
            (SELECT count(*) FROM events WHERE actor_id = %(me)s AND type = 'comment.created')
                AS events,
            (SELECT count(*) FROM idempotency_records WHERE key = %(key)s) AS answers
        """,
        before=prepare("/tasks", title="Write"),
    ),
    "a task that is given to somebody": Write(
        give_a_task_away,
        """
        SELECT
            (SELECT count(*) FROM tasks WHERE title = %(key)s) AS tasks,
            (SELECT count(*) FROM events WHERE data->>'title' = %(key)s) AS events,
            (SELECT count(*) FROM procrastinate_jobs WHERE args->>'kind' = 'assigned'
                AND args->>'actor_id' = %(me)s::text) AS jobs,
            (SELECT count(*) FROM idempotency_records WHERE key = %(key)s) AS answers
        """,
        before=take_an_agent_on,
    ),
    "a task made of a line": Write(
        make_a_task_of_a_line,
        """
        SELECT
            (SELECT count(*) FROM tasks WHERE created_by = %(me)s) AS tasks,
            (SELECT count(*) FROM items
                WHERE created_by = %(me)s AND promoted_task_id IS NOT NULL) AS promoted,
            (SELECT count(*) FROM events WHERE actor_id = %(me)s
                AND type IN ('task.created', 'item.updated')) AS events,
            (SELECT count(*) FROM idempotency_records WHERE key = %(key)s) AS answers
        """,
        before=prepare("/items", name="Write"),
    ),
    "a task that leaves its project": Write(
        make_it_personal,
        """
        SELECT
            (SELECT count(*) FROM tasks
                WHERE created_by = %(me)s AND project_id IS NULL) AS tasks,
            (SELECT count(*) FROM time_entries
                WHERE user_id = %(me)s AND project_id IS NULL) AS entries,
            (SELECT count(*) FROM events WHERE actor_id = %(me)s AND type LIKE '%%.moved')
                AS told_where_it_was,
            (SELECT count(*) FROM events WHERE room = 'user:' || %(me)s AND type IN (
                'task.updated', 'item.updated', 'comment.updated', 'time_entry.updated'))
                AS told_where_it_is,
            (SELECT count(*) FROM idempotency_records WHERE key = %(key)s) AS answers
        """,
        before=make_a_discussed_task_of_a_project,
    ),
    "many changes": Write(
        change_many,
        """
        WITH part AS (SELECT * FROM tasks WHERE created_by = %(me)s AND title = 'Part')
        SELECT
            (SELECT count(*) FROM tasks WHERE title = %(key)s) AS created,
            (SELECT count(*) FROM part WHERE description = %(key)s) AS updated,
            (SELECT count(*) FROM part WHERE parent_id IS NULL) AS moved,
            (SELECT count(*) FROM part JOIN operations ON operations.id = operation_id) AS deleted,
            (SELECT count(*) FROM events WHERE actor_id = %(me)s AND (
                data->>'title' = %(key)s OR data->>'description' = %(key)s)) AS events,
            (SELECT count(*) FROM idempotency_records WHERE key = %(key)s) AS answers
        """,
        before=make_a_part,
    ),
    "a deletion undone": Write(
        restore,
        """
        SELECT
            (SELECT count(*) FROM tasks
                WHERE created_by = %(me)s AND deleted_at IS NULL) AS tasks,
            (SELECT 1 - count(*) FROM operations WHERE deleted_by = %(me)s) AS operations_gone,
            (SELECT count(*) FROM events WHERE actor_id = %(me)s AND type = 'task.restored')
                AS events,
            (SELECT count(*) FROM idempotency_records WHERE key = %(key)s) AS answers
        """,
        before=delete_a_task_with_a_part,
    ),
    "an agent": Write(
        make_an_agent,
        """
        SELECT
            (SELECT count(*) FROM users WHERE name = %(key)s AND owner_id = %(me)s) AS agents,
            (SELECT count(*) FROM rooms JOIN users ON rooms.id = 'user:' || users.id
                WHERE name = %(key)s) AS rooms,
            (SELECT count(*) FROM events WHERE data->>'name' = %(key)s) AS events,
            (SELECT count(*) FROM idempotency_records WHERE key = %(key)s) AS answers
        """,
    ),
    "an import": Write(
        import_a_file,
        """
        WITH made AS (SELECT id FROM projects WHERE created_by = %(me)s)
        SELECT
            (SELECT count(*) FROM made) AS projects,
            (SELECT count(*) FROM rooms WHERE id IN (SELECT 'project:' || id FROM made)) AS rooms,
            (SELECT count(*) FROM users WHERE placeholder_email = %(key)s || '@example.org')
                AS people,
            (SELECT count(*) FROM memberships WHERE project_id IN (SELECT * FROM made)) AS members,
            (SELECT count(*) FROM tasks WHERE project_id IN (SELECT * FROM made)) AS tasks,
            (SELECT count(*) FROM time_entries WHERE project_id IN (SELECT * FROM made)) AS entries,
            (SELECT count(*) FROM events WHERE actor_id = %(me)s AND room LIKE 'project:%%')
                AS events,
            (SELECT count(*) FROM idempotency_records WHERE key = %(key)s) AS answers
        """,
    ),
    "an import of tasks": Write(
        import_tasks,
        """
        SELECT
            (SELECT count(*) FROM projects WHERE name = %(key)s) AS projects,
            (SELECT count(*) FROM tasks WHERE created_by = %(me)s) AS tasks,
            (SELECT count(*) FROM items WHERE created_by = %(me)s) AS items,
            (SELECT count(*) FROM events WHERE actor_id = %(me)s
                AND type IN ('project.created', 'task.created', 'item.created')) AS events,
            (SELECT count(*) FROM idempotency_records WHERE key = %(key)s) AS answers
        """,
    ),
    "an archive": Write(
        import_an_archive,
        """
        SELECT
            (SELECT count(*) FROM projects WHERE name = %(key)s) AS projects,
            (SELECT count(*) FROM users WHERE name = %(key)s) AS users,
            (SELECT count(*) FROM memberships WHERE project_id IN (
                SELECT id FROM projects WHERE name = %(key)s)) AS members,
            (SELECT count(*) FROM tasks WHERE title = %(key)s
                AND discussion = to_tsvector('simple', %(key)s)) AS tasks,
            (SELECT count(*) FROM items WHERE name = %(key)s) AS items,
            (SELECT count(*) FROM comments WHERE body = %(key)s) AS comments,
            (SELECT count(*) FROM time_entries WHERE note = %(key)s) AS entries,
            (SELECT count(*) FROM events WHERE actor_id = %(me)s AND type <> 'user.created')
                AS events,
            (SELECT count(*) FROM idempotency_records WHERE key = %(key)s) AS answers
        """,
    ),
}

EVERYTHING = writes_of_agents.EVERYTHING | {
    "a task": {"tasks": 1, "events": 1, "answers": 1},
    "a task that a webhook tells of": {"tasks": 1, "events": 1, "plans": 1, "answers": 1},
    "a timer that stops another": {
        "running": 1, "started": 1, "stopped": 1, "stops": 1, "answers": 1
    },
    "a comment": {"comments": 1, "discussed": 1, "events": 1, "answers": 1},
    "a task that is given to somebody": {"tasks": 1, "events": 1, "jobs": 1, "answers": 1},
    "a task made of a line": {"tasks": 1, "promoted": 1, "events": 2, "answers": 1},
    "a task that leaves its project": {
        "tasks": 2, "entries": 1, "told_where_it_was": 3, "told_where_it_is": 5, "answers": 1
    },
    "many changes": {
        "created": 1, "updated": 1, "moved": 1, "deleted": 1, "events": 4, "answers": 1
    },
    "a deletion undone": {"tasks": 2, "operations_gone": 1, "events": 2, "answers": 1},
    "an agent": {"agents": 1, "rooms": 1, "events": 1, "answers": 1},
    "an import": {
        "projects": 2, "rooms": 2, "people": 1, "members": 4, "tasks": 1, "entries": 2,
        "events": 9, "answers": 1,
    },
    "an import of tasks": {"projects": 1, "tasks": 2, "items": 1, "events": 4, "answers": 1},
    "an archive": {
        "projects": 1, "users": 2, "members": 2, "tasks": 1, "items": 1, "comments": 1,
        "entries": 1, "events": 9, "answers": 1,
    },
}  # fmt: skip


@pytest.fixture
def with_faults(
    app: Flask, database: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Write, bool], list[Outcome]]:
    """Writes with a fault at the first statement, then at the second, ... and last without one."""
    bystander = sign_up(app, "Bob")

    def attempt(write: Write, fault: Fault) -> Outcome:
        person, key = sign_up(app, "Alice"), f"key-{uuid.uuid4()}"
        write.before(person)
        for _ in range(RUNS_UNTIL_PREPARED):  # on the connection that comes after the one at fault
            make_task(bystander)
        with monkeypatch.context() as patches:
            patches.setattr(psycopg.Connection, "wait", lambda *args: fault.wait(*args))
            answer = write.send(person, key)
        assert answer.status_code in (200, 201, 503), answer.text
        (parts,) = rows(database, write.parts, {"me": person.id, "key": key})
        return Outcome(answer.status_code != 503, parts)

    def attempts(write: Write, answered: bool) -> list[Outcome]:  # noqa: FBT001 - from a parameter
        outcomes: list[Outcome] = []
        while True:
            fault = Fault(len(outcomes), answered)
            outcomes.append(attempt(write, fault))
            if not fault.happened:
                return outcomes

    return attempts


@pytest.mark.parametrize("name", WRITES)
def test_a_write_of_which_a_statement_is_not_sent_leaves_nothing(
    with_faults: Callable[[Write, bool], list[Outcome]],
    name: str,
    record_property: Callable[[str, object], None],
) -> None:
    nothing = dict.fromkeys(EVERYTHING[name], 0)
    outcomes = with_faults(WRITES[name], False)
    assert outcomes[-1] == Outcome(True, EVERYTHING[name])
    assert Outcome(False, nothing) in outcomes
    for outcome in outcomes:
        assert outcome.parts == (EVERYTHING[name] if outcome.succeeded else nothing)
    record_property("tried", f"{name}, failing at each of {len(outcomes) - 1} statements: 0 halves")


@pytest.mark.parametrize("name", WRITES)
def test_a_write_of_which_an_answer_gets_lost_leaves_all_or_nothing(
    with_faults: Callable[[Write, bool], list[Outcome]],
    name: str,
    record_property: Callable[[str, object], None],
) -> None:
    everything, nothing = EVERYTHING[name], dict.fromkeys(EVERYTHING[name], 0)
    outcomes = with_faults(WRITES[name], True)
    assert all(outcome.parts in (everything, nothing) for outcome in outcomes)
    # Only of the commit can it be done without anybody being told.
    untold = [outcome for outcome in outcomes if not outcome.succeeded]
    assert [outcome.parts for outcome in untold].count(everything) == 1
    record_property("tried", f"{name}, each of {len(outcomes) - 1} answers lost: 0 halves")
