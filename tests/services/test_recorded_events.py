"""Which events each write records: for every route that writes, exactly its own."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from config import settings
from tests.factories import PASSWORD, Person, email_of, log_in, sign_up
from tests.services.world import ELEVEN, TEN, Recorded, World, ok, upload

Doing = Callable[[World], list[Recorded]]


@pytest.fixture
def world(app: Flask, database: str) -> World:
    return World.make(app, database)


DOINGS: list[tuple[str, Doing]] = []


def doing(endpoint: str) -> Callable[[Doing], Doing]:
    """Register what shows the events of a route; it returns those that should be there."""

    def register(do: Doing) -> Doing:
        DOINGS.append((endpoint, do))
        return do

    return register


def without_role(project: dict[str, Any]) -> dict[str, Any]:
    """The role is the reader's own."""
    return {name: value for name, value in project.items() if name != "role"}


@doing("users.sign_up")
def sign_up_as_carol(world: World) -> list[Recorded]:
    account = {"email": email_of("Carol"), "password": PASSWORD, "name": "Carol"}
    carol = ok(Person(world.app.test_client()).post("/users", account))
    by_carol = {"room": f"user:{carol['id']}", "actor_id": carol["id"]}
    (recorded,) = world.events(carol["id"])[len(world.events()) :]
    assert recorded == world.recorded("user.created", carol) | by_carol
    return []


@doing("users.update_me")
def rename_herself(world: World) -> list[Recorded]:
    user = ok(world.alice.patch("/users/me", {"name": "Alicia"}))
    member = ok(world.alice.get(f"{world.people}/{world.alice.id}"))
    for_project, for_herself = world.recorded_for("member.updated", member)
    account = world.recorded("user.updated", user, f"user:{world.alice.id}")
    return [for_project, account, for_herself]


@doing("projects.create_project")
def make_a_project(world: World) -> list[Recorded]:
    project = without_role(ok(world.alice.post("/projects", {"name": "Shop"})))
    return [world.recorded("project.created", project, f"project:{project['id']}")]


@doing("projects.update_project")
def change_a_project(world: World) -> list[Recorded]:
    changes = {"settings": {"billable": True}}
    project = ok(world.alice.patch(f"/projects/{world.project['id']}", changes))
    return [world.recorded("project.updated", without_role(project))]


@doing("projects.delete_project")
def delete_a_project(world: World) -> list[Recorded]:
    ok(world.alice.delete(f"/projects/{world.project['id']}"))
    return [world.deleted("project.deleted", without_role(world.project))]


@doing("members.add_member")
def add_somebody(world: World) -> list[Recorded]:
    carol = sign_up(world.app, "Carol")
    member = ok(world.alice.post(world.people, {"email": carol.email, "role": "viewer"}))
    return world.recorded_for("member.added", member)


@doing("members.update_member")
def change_a_role(world: World) -> list[Recorded]:
    member = ok(world.alice.patch(f"{world.people}/{world.bob.id}", {"role": "viewer"}))
    return world.recorded_for("member.updated", member)


@doing("members.remove_member")
def remove_somebody(world: World) -> list[Recorded]:
    member = ok(world.alice.get(f"{world.people}/{world.bob.id}"))
    ok(world.alice.delete(f"{world.people}/{world.bob.id}"))
    return world.recorded_for("member.removed", member)


@doing("tasks.create_task")
def make_a_task(world: World) -> list[Recorded]:
    body = {"title": "Test", "project_id": world.project["id"], "metadata": {"a": {"b": [1]}}}
    return [world.recorded("task.created", ok(world.alice.post("/tasks", body)))]


@doing("tasks.create_task")
def make_a_personal_task(world: World) -> list[Recorded]:
    task = ok(world.alice.post("/tasks", {"title": "Rest"}))
    return [world.recorded("task.created", task, f"user:{world.alice.id}")]


@doing("tasks.update_task")
def change_a_task(world: World) -> list[Recorded]:
    task = ok(world.alice.patch(f"/tasks/{world.task['id']}", {"status": "completed"}))
    return [world.recorded("task.updated", task)]


@doing("tasks.delete_task")
def delete_a_task(world: World) -> list[Recorded]:
    ok(world.alice.delete(f"/tasks/{world.task['id']}"))
    return [world.deleted("task.deleted", world.task)]


@doing("time_entries.create_time_entry")
def record_time(world: World) -> list[Recorded]:
    body = {"started_at": TEN, "ended_at": ELEVEN, "task_id": world.task["id"]}
    return [world.recorded("time_entry.created", ok(world.alice.post("/time-entries", body)))]


@doing("time_entries.update_time_entry")
def correct_an_entry(world: World) -> list[Recorded]:
    entry = ok(world.alice.patch(f"/time-entries/{world.entry['id']}", {"ended_at": ELEVEN}))
    return [world.recorded("time_entry.updated", entry)]


@doing("time_entries.update_time_entry")
def move_an_entry(world: World) -> list[Recorded]:
    entry = ok(world.alice.patch(f"/time-entries/{world.entry['id']}", {"project_id": None}))
    return [
        world.recorded("time_entry.moved", entry),
        world.recorded("time_entry.updated", entry, f"user:{world.alice.id}"),
    ]


@doing("time_entries.delete_time_entry")
def delete_an_entry(world: World) -> list[Recorded]:
    ok(world.alice.delete(f"/time-entries/{world.entry['id']}"))
    return [world.deleted("time_entry.deleted", world.entry)]


@doing("time_entries.continue_time_entry")
def continue_an_entry(world: World) -> list[Recorded]:
    answer = ok(world.alice.post(f"/time-entries/{world.entry['id']}/continue"))
    return [world.recorded("time_entry.started", answer["started"])]


@doing("timer.start_timer")
def start_the_timer(world: World) -> list[Recorded]:
    answer = ok(world.alice.post("/timer/start", {"task_id": world.task["id"]}))
    return [world.recorded("time_entry.started", answer["started"])]


@doing("timer.start_timer")
def start_the_timer_again(world: World) -> list[Recorded]:
    first = start_the_timer(world)
    answer = ok(world.alice.post("/timer/start", {"project_id": world.project["id"]}))
    stopped = world.recorded("time_entry.stopped", answer["stopped"])
    return [*first, stopped, world.recorded("time_entry.started", answer["started"])]


@doing("timer.stop_timer")
def stop_the_timer(world: World) -> list[Recorded]:
    started = start_the_timer(world)
    stopped = ok(world.alice.post("/timer/stop"))["stopped"]
    return [*started, world.recorded("time_entry.stopped", stopped)]


@doing("imports.import_time")
def import_a_file(world: World) -> list[Recorded]:
    known = len(world.events())
    ok(upload(world, "clockify-1.csv", dry_run="false"))
    added, made, *imported = world.events()[known:]
    member = ok(world.alice.get(f"{world.people}/{added['subject_id']}"))
    task = ok(world.alice.get(f"/tasks/{made['subject_id']}"))
    entries = [ok(world.alice.get(f"/time-entries/{each['subject_id']}")) for each in imported]
    assert (member["email"], task["title"]) == ("peter.test@email.test", "Task 1")
    assert [entry["source"] for entry in entries] == ["import"] * 2
    return [
        world.recorded("member.added", member),
        world.recorded("task.created", task),
        *(world.recorded("time_entry.imported", entry) for entry in entries),
    ]


@doing("auth.log_in")
def sign_in(world: World) -> list[Recorded]:
    log_in(world.alice)
    return []


@doing("auth.refresh")
def renew_the_token(world: World) -> list[Recorded]:
    token = {"refresh_token": world.alice.tokens["refresh_token"]}
    ok(Person(world.app.test_client()).post("/auth/refresh", token))
    return []


@doing("auth.log_out")
def sign_out(world: World) -> list[Recorded]:
    ok(world.alice.post("/auth/logout"))
    return []


@pytest.mark.parametrize(("endpoint", "do"), DOINGS)
def test_a_write_records_exactly_its_events(world: World, endpoint: str, do: Doing) -> None:
    known = len(world.events())
    expected = do(world)
    assert world.events()[known:] == expected


def test_the_events_of_every_route_that_writes_are_tested(app: Flask) -> None:
    writing = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(settings.api_prefix)
        and (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}
    }
    assert {endpoint for endpoint, _ in DOINGS} == writing
