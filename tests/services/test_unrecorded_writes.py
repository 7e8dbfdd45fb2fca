"""Writes that change nothing leave no event."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.services.world import NINE, TEN, World, ok, upload


@pytest.fixture
def world(app: Flask, database: str) -> World:
    return World.make(app, database)


REFUSED: dict[str, tuple[int, Callable[[World], TestResponse]]] = {
    "a task without a title": (422, lambda world: world.alice.post("/tasks", {"title": ""})),
    "a task elsewhere": (
        404,
        lambda world: world.alice.post("/tasks", {"title": "x", "project_id": world.alice.id}),
    ),
    "a task for a stranger": (
        400,
        lambda world: world.alice.post("/tasks", {"title": "x", "assignee_id": world.bob.id}),
    ),
    "an old version of a task": (
        412,
        lambda world: world.alice.patch(
            f"/tasks/{world.task['id']}", {"title": "x"}, If_Match='"v9"'
        ),
    ),
    "an editor who renames the project": (
        403,
        lambda world: world.bob.patch(f"/projects/{world.project['id']}", {"name": "x"}),
    ),
    "the last owner who leaves": (
        409,
        lambda world: world.alice.delete(f"{world.people}/{world.alice.id}"),
    ),
    "a member once more": (
        409,
        lambda world: world.alice.post(world.people, {"user_id": world.bob.id}),
    ),
    "an item beside one of another list": (
        400,
        lambda world: world.alice.patch(
            f"/items/{world.item['id']}", {"after_id": world.task["id"]}
        ),
    ),
    "a checklist's item for another project": (
        400,
        lambda world: world.alice.post(
            f"/items/{world.item['id']}/promote", {"project_id": world.bob.id}
        ),
    ),
    "an editor who changes somebody's comment": (
        403,
        lambda world: world.bob.patch(f"/comments/{world.comment['id']}", {"body": "x"}),
    ),
    "an old version of a comment": (
        412,
        lambda world: world.alice.delete(f"/comments/{world.comment['id']}", If_Match='"v9"'),
    ),
    "an agent as the owner of a project": (
        400,
        lambda world: world.alice.patch(f"{world.people}/{world.agent['id']}", {"role": "owner"}),
    ),
    "an agent of somebody else": (
        403,
        lambda world: world.bob.patch(f"/agents/{world.agent['id']}", {"name": "x"}),
    ),
    "an agent of somebody else that is deleted": (
        403,
        lambda world: world.bob.delete(f"/agents/{world.agent['id']}"),
    ),
    "an old version of an agent": (
        412,
        lambda world: world.alice.delete(f"/agents/{world.agent['id']}", If_Match='"v9"'),
    ),
    "time recorded twice": (
        409,
        lambda world: world.alice.post("/time-entries", {"started_at": NINE, "ended_at": TEN}),
    ),
    "a file for somebody else's project": (
        404,
        lambda world: upload(world, "clockify-1.csv", project_id=world.bob.id),
    ),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_write_that_is_refused_records_nothing(world: World, reason: str) -> None:
    status, attempt = REFUSED[reason]
    known = world.events()
    assert attempt(world).status_code == status
    assert world.events() == known


def test_stopping_when_no_timer_runs_records_nothing(world: World) -> None:
    known = world.events()
    assert ok(world.alice.post("/timer/stop")) == {"stopped": None}
    assert world.events() == known


def test_a_rehearsed_import_records_nothing(world: World) -> None:
    known = world.events()
    assert ok(upload(world, "clockify-1.csv", dry_run="true"))["created"] == 2
    assert world.events() == known


def test_importing_the_same_file_again_records_nothing(world: World) -> None:
    ok(upload(world, "clockify-1.csv"))
    known = world.events()
    assert ok(upload(world, "clockify-1.csv"))["matched"] == 2
    assert world.events() == known


SAME: dict[str, Callable[[World], tuple[str, dict[str, Any]]]] = {
    "user": lambda _: ("/users/me", {"name": "Alice"}),
    "project": lambda world: (
        f"/projects/{world.project['id']}",
        {"name": "Website", "settings": {"billable": False}},
    ),
    "agent": lambda world: (
        f"/agents/{world.agent['id']}",
        {"kind": "ci", "is_active": True, "agent_metadata": {"none": None}},
    ),
    "member": lambda world: (f"{world.people}/{world.bob.id}", {"role": "editor"}),
    "task": lambda world: (f"/tasks/{world.task['id']}", {"title": "Write", "labels": []}),
    "item": lambda world: (f"/items/{world.item['id']}", {"name": "Think", "status": "open"}),
    "comment": lambda world: (f"/comments/{world.comment['id']}", {"body": "Slowly\nor not"}),
    "time entry": lambda world: (
        f"/time-entries/{world.entry['id']}",
        {"started_at": NINE, "note": "Slowly"},
    ),
}


@pytest.mark.parametrize("name", SAME)
@pytest.mark.parametrize("empty", [True, False])
def test_a_change_to_what_is_there_already_records_nothing(
    world: World, name: str, *, empty: bool
) -> None:
    known = world.events()
    path, same = SAME[name](world)
    first = world.alice.patch(path, {})
    assert ok(world.alice.patch(path, {} if empty else same)) == first.get_json()
    assert world.events() == known
