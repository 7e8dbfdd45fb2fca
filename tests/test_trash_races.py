"""What happens to the trash at the same moment, through both workers of the real server."""

from collections import Counter
from collections.abc import Iterator
from functools import partial

import pytest
import requests
from flask import Flask

from tests.changes import throw_away
from tests.crowd import at_once, crowd
from tests.factories import Person
from tests.records import Record, done, event_types, make_item, make_project, make_task
from tests.server import Client, Server
from tests.sql import connect, rows

MANY = 10
ROUNDS = 8

OLD = "UPDATE operations SET deleted_at = deleted_at - interval '31 days' WHERE id = %(id)s"


@pytest.fixture
def clients(server: Server, alice: Person) -> Iterator[list[Client]]:
    """Connections of Alice's, half of them at each worker."""
    with crowd(server, MANY) as opened:
        for client in opened:
            client.headers["Authorization"] = f"Bearer {alice.tokens['access_token']}"
        yield opened


def statuses(answers: list[requests.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def test_one_of_many_who_restore_at_once_does_it(
    clients: list[Client], alice: Person, project: Record
) -> None:
    task = make_task(alice, project_id=project["id"])
    make_item(alice, task_id=task["id"])
    operation = throw_away(alice, f"/tasks/{task['id']}")
    path = f"/trash/{operation}/restore"
    answers = at_once([partial(client.post, path) for client in clients])
    assert statuses(answers) == {200: 1, 404: MANY - 1}
    assert done(alice.get(f"/tasks/{task['id']}"))["version"] == 3
    types = event_types(alice, f"project:{project['id']}")
    assert types[-2:] == ["task.restored", "item.restored"]
    assert types.count("task.restored") == 1


def test_a_subtask_that_comes_back_while_its_parent_goes_is_never_below_it_alone(
    clients: list[Client], alice: Person, project: Record
) -> None:
    place = {"project_id": project["id"]}
    for _ in range(ROUNDS):
        parent = make_task(alice, **place)
        part = make_task(alice, parent_id=parent["id"], **place)
        operation = throw_away(alice, f"/tasks/{part['id']}")
        restored, deleted = at_once(
            [
                partial(clients[0].post, f"/trash/{operation}/restore"),
                partial(clients[1].delete, f"/tasks/{parent['id']}"),
            ]
        )
        assert (restored.status_code, deleted.status_code) == (200, 204)
        (of_parent,) = done(alice.get(f"/trash?project_id={project['id']}&limit=1"))
        if restored.json()["problems"]:
            assert of_parent["counts"] == {"task": 1}
            assert done(alice.get(f"/tasks/{part['id']}"))["parent_id"] is None
        else:
            assert of_parent["counts"] == {"task": 2}
            assert alice.get(f"/tasks/{part['id']}").status_code == 404


def test_a_task_that_comes_back_while_its_project_goes_is_in_one_trash_or_the_other(
    clients: list[Client], alice: Person
) -> None:
    for _ in range(ROUNDS):
        project = make_project(alice)
        task = make_task(alice, project_id=project["id"])
        operation = throw_away(alice, f"/tasks/{task['id']}")
        restored, deleted = at_once(
            [
                partial(clients[0].post, f"/trash/{operation}/restore"),
                partial(clients[1].delete, f"/projects/{project['id']}"),
            ]
        )
        assert (restored.status_code, deleted.status_code) == (200, 204)
        of_project, *of_task = done(alice.get(f"/trash?project_id={project['id']}"))
        done(alice.post(f"/trash/{of_project['id']}/restore"))
        if restored.json()["problems"]:
            assert [problem["code"] for problem in restored.json()["problems"]] == ["project_gone"]
            assert [each["id"] for each in of_task] == [operation]
            done(alice.post(f"/trash/{operation}/restore"))
        assert done(alice.get(f"/tasks/{task['id']}"))["version"] == 3
        types = event_types(alice, f"project:{project['id']}")
        assert types.index("project.deleted") < types.index("project.restored")


def test_a_line_that_comes_back_while_its_task_goes_comes_back_with_that(
    clients: list[Client], alice: Person, project: Record
) -> None:
    for _ in range(ROUNDS):
        task = make_task(alice, project_id=project["id"])
        item = make_item(alice, task_id=task["id"])
        operation = throw_away(alice, f"/items/{item['id']}")
        restored, deleted = at_once(
            [
                partial(clients[0].post, f"/trash/{operation}/restore"),
                partial(clients[1].delete, f"/tasks/{task['id']}"),
            ]
        )
        assert (restored.status_code, deleted.status_code) == (200, 204)
        codes = [problem["code"] for problem in restored.json()["problems"]]
        assert codes in ([], ["task_gone"])
        (of_task,) = [
            each for each in done(alice.get("/trash?limit=2")) if "task" in each["counts"]
        ]
        done(alice.post(f"/trash/{of_task['id']}/restore"))
        if codes:
            done(alice.post(f"/trash/{operation}/restore"))
        assert done(alice.get(f"/items/{item['id']}"))["version"] == 3


def test_what_is_being_restored_is_left_alone_by_the_purge(
    app: Flask, database: str, alice: Person
) -> None:
    task = make_task(alice)
    operation = throw_away(alice, f"/tasks/{task['id']}")
    rows(database, OLD, {"id": operation})
    stored = "SELECT title FROM tasks WHERE id = %(id)s"
    with connect(database) as restoring, restoring.transaction():
        restoring.execute("SELECT FROM operations WHERE id = %s FOR UPDATE", [operation])
        assert app.test_cli_runner().invoke(args=["purge"]).exit_code == 0
        assert rows(database, stored, task) == [{"title": "Write"}]
    assert app.test_cli_runner().invoke(args=["purge"]).exit_code == 0
    assert rows(database, stored, task) == []
