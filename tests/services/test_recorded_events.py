"""Which events each write records: for every route that writes, exactly its own."""

from collections.abc import Callable
from operator import itemgetter
from typing import Any

import pytest
from flask import Flask

from config import settings
from services.worker import worker
from tests.factories import PASSWORD, Person, email_of, sign_up
from tests.services import (
    recorded_comments,
    recorded_leases,
    recorded_mail,
    recorded_notifications,
    recorded_series,
)
from tests.services.recorded_nothing import SILENT
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


def in_order_of_rooms(before: list[Recorded], *recorded: Recorded) -> list[Recorded]:
    """One write tells its rooms in the order of their ids."""
    return [*before, *sorted(recorded, key=itemgetter("room"))]


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


@doing("users.delete_me")
def leave_for_good(world: World) -> list[Recorded]:
    """Their own room is gone, and the log of the others does not tell who it was."""
    carol = sign_up(world.app, "Carol")
    member = ok(world.alice.post(world.people, {"user_id": carol.id}))
    ok(carol.send("DELETE", "/users/me", headers={}, json={"password": PASSWORD}))
    somebody = member | {"name": "deleted user", "email": None}
    by_carol = [each for each in world.events(carol.id) if each["actor_id"] == carol.id]
    assert by_carol == [world.recorded("member.removed", somebody) | {"actor_id": carol.id}]
    return [world.recorded("member.added", somebody)]


@doing("accounts.update_account")
def promote_somebody(world: World) -> list[Recorded]:
    result = world.app.test_cli_runner().invoke(args=["make-admin", world.alice.email])
    assert result.exit_code == 0, result.output
    own = world.recorded("user.updated", ok(world.alice.get("/users/me")), f"user:{world.alice.id}")
    ok(world.alice.patch(f"/users/{world.bob.id}", {"role": "admin"}))
    user = ok(world.bob.get("/users/me"))
    return [own, world.recorded("user.updated", user, f"user:{world.bob.id}")]


@doing("agents.create_agent")
def make_an_agent(world: World) -> list[Recorded]:
    body = {"name": "Tester", "kind": "ci", "agent_metadata": {"a": {"b": [1]}}}
    agent = ok(world.alice.post("/agents", body))
    return [world.recorded("agent.created", agent, f"user:{world.alice.id}")]


def changed_user(world: World, agent: dict[str, Any]) -> Recorded:
    """Return what an agent itself is told, as the user that it is."""
    same = {name: agent[name] for name in ("id", "name", "created_at", "updated_at", "version")}
    account = {"email": None, "kind": "agent", "role": "member", "timezone": "UTC"}
    user = same | account | {"verified": False}
    return world.recorded("user.updated", user, f"user:{agent['id']}")


def changed_agent(world: World, agent: dict[str, Any]) -> list[Recorded]:
    """One event for its owner, and one for itself."""
    for_owner = world.recorded("agent.updated", agent, f"user:{world.alice.id}")
    return [for_owner, changed_user(world, agent)]


@doing("agents.update_agent")
def switch_an_agent_off(world: World) -> list[Recorded]:
    agent = ok(world.alice.patch(f"/agents/{world.agent['id']}", {"is_active": False}))
    return changed_agent(world, agent)


@doing("agents.update_agent")
def rename_an_agent(world: World) -> list[Recorded]:
    agent = ok(world.alice.patch(f"/agents/{world.agent['id']}", {"name": "Deployer"}))
    member = ok(world.alice.get(f"{world.people}/{agent['id']}"))
    for_project, for_itself = world.recorded_for("member.updated", member)
    for_owner, account = changed_agent(world, agent)
    return [for_project, for_owner, for_itself, account]


@doing("agents.delete_agent")
def delete_an_agent(world: World) -> list[Recorded]:
    member = ok(world.alice.get(f"{world.people}/{world.agent['id']}"))
    ok(world.alice.delete(f"/agents/{world.agent['id']}"))
    for_project, for_itself = world.recorded_for("member.removed", member)
    gone = world.deleted("agent.deleted", world.agent | {"is_active": False})
    for_owner = gone | {"room": f"user:{world.alice.id}"}
    return [for_project, for_owner, for_itself, changed_user(world, gone["data"])]


@doing("members.add_member")
def add_ones_agent(world: World) -> list[Recorded]:
    ok(world.alice.delete(f"{world.people}/{world.agent['id']}"))
    removed = world.events()[-2:]
    member = ok(world.alice.post(world.people, {"user_id": world.agent["id"]}))
    return [*removed, *world.recorded_for("member.added", member)]


@doing("members.remove_member")
def remove_somebody_with_their_agent(world: World) -> list[Recorded]:
    ok(world.alice.patch(f"{world.people}/{world.bob.id}", {"role": "owner"}))
    known = world.events()[-2:]
    members = [
        ok(world.alice.get(f"{world.people}/{user_id}"))
        for user_id in (world.alice.id, world.agent["id"])
    ]
    ok(world.alice.delete(f"{world.people}/{world.alice.id}"))
    (gone, own), (agent_gone, agent_own) = (
        world.recorded_for("member.removed", member) for member in members
    )
    return [*known, gone, agent_gone, own, agent_own]


@doing("projects.create_project")
def make_a_project(world: World) -> list[Recorded]:
    project = without_role(ok(world.alice.post("/projects", {"name": "Shop"})))
    room = f"project:{project['id']}"
    member = ok(world.alice.get(f"/projects/{project['id']}/members/{world.alice.id}"))
    added = world.recorded("member.added", member)
    own = added | {"room": f"user:{world.alice.id}"}
    return [world.recorded("project.created", project, room), added | {"room": room}, own]


@doing("projects.update_project")
def change_a_project(world: World) -> list[Recorded]:
    changes = {"settings": {"billable": True}}
    project = ok(world.alice.patch(f"/projects/{world.project['id']}", changes))
    return [world.recorded("project.updated", without_role(project))]


@doing("projects.delete_project")
def delete_a_project(world: World) -> list[Recorded]:
    members = ok(world.alice.get(world.people))
    ok(world.alice.delete(f"/projects/{world.project['id']}"))
    own = [world.recorded_for("member.removed", member)[1] for member in members]
    gone = world.deleted("project.deleted", without_role(world.project))
    return in_order_of_rooms([], gone, *own)


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


@doing("items.create_item")
def capture_a_line(world: World) -> list[Recorded]:
    item = ok(world.alice.post("/items", {"name": "Rest"}))
    return [world.recorded("item.created", item, f"user:{world.alice.id}")]


@doing("items.create_item")
def add_to_a_checklist(world: World) -> list[Recorded]:
    body = {"name": "Rest", "task_id": world.task["id"]}
    return [world.recorded("item.created", ok(world.alice.post("/items", body)))]


@doing("items.update_item")
def tick_off(world: World) -> list[Recorded]:
    item = ok(world.alice.patch(f"/items/{world.item['id']}", {"status": "done"}))
    return [world.recorded("item.updated", item)]


@doing("items.update_item")
def move_in_a_checklist(world: World) -> list[Recorded]:
    added = add_to_a_checklist(world)
    beside = {"after_id": added[0]["subject_id"]}
    item = ok(world.alice.patch(f"/items/{world.item['id']}", beside))
    return [*added, world.recorded("item.updated", item)]


@doing("items.delete_item")
def delete_an_item(world: World) -> list[Recorded]:
    ok(world.alice.delete(f"/items/{world.item['id']}"))
    return [world.deleted("item.deleted", world.item)]


@doing("items.promote_item")
def make_a_subtask_of_an_item(world: World) -> list[Recorded]:
    task = ok(world.alice.post(f"/items/{world.item['id']}/promote", {}))
    item = ok(world.alice.get(f"/items/{world.item['id']}"))
    return [world.recorded("task.created", task), world.recorded("item.updated", item)]


@doing("items.promote_item")
def make_a_task_of_a_line(world: World) -> list[Recorded]:
    captured = capture_a_line(world)
    path = f"/items/{captured[0]['subject_id']}"
    task = ok(world.alice.post(f"{path}/promote", {"project_id": world.project["id"]}))
    done = world.recorded("item.updated", ok(world.alice.get(path)), f"user:{world.alice.id}")
    return [*captured, world.recorded("task.created", task), done]


doing("comments.create_comment")(recorded_comments.say_something)
doing("comments.update_comment")(recorded_comments.say_it_better)
doing("comments.delete_comment")(recorded_comments.take_it_back)


doing("tasks.update_task")(recorded_series.complete_one)
doing("tasks.skip_task")(recorded_series.skip_one)
for route, by_agent in recorded_leases.DOINGS:
    doing(route)(by_agent)


@doing("tasks.move_task")
def put_a_task_first(world: World) -> list[Recorded]:
    other = make_a_task(world)
    moved = ok(
        world.alice.post(f"/tasks/{other[0]['subject_id']}/move", {"before_id": world.task["id"]})
    )
    return [*other, world.recorded("task.updated", moved)]


@doing("tasks.move_task")
def move_a_task_with_all_that_belongs_to_it(world: World) -> list[Recorded]:
    shop = make_a_project(world)
    room = shop[0]["room"]
    entry = ok(
        world.alice.patch(f"/time-entries/{world.entry['id']}", {"task_id": world.task["id"]})
    )
    task = ok(
        world.alice.post(f"/tasks/{world.task['id']}/move", {"project_id": shop[0]["subject_id"]})
    )
    after = ok(world.alice.get(f"/time-entries/{entry['id']}"))
    return in_order_of_rooms(
        [*shop, world.recorded("time_entry.updated", entry)],
        world.recorded("task.updated", task, room),
        world.departed("task.moved", task),
        world.recorded("item.updated", world.item, room),
        world.recorded("comment.updated", world.comment, room),
        world.departed("time_entry.moved", after),
        world.recorded("time_entry.updated", after, room),
    )


@doing("tasks.change_tasks")
def change_many_tasks(world: World) -> list[Recorded]:
    answer = ok(
        world.alice.post(
            "/tasks/bulk",
            {
                "changes": [
                    {"kind": "create", "task": {"title": "A", "project_id": world.project["id"]}},
                    {"kind": "update", "id": world.task["id"], "task": {"title": "B"}},
                    {"kind": "move", "id": world.task["id"], "to": {"project_id": None}},
                    {"kind": "delete", "id": world.task["id"]},
                ]
            },
        )
    )
    made, changed, moved, _ = answer["tasks"]
    own = f"user:{world.alice.id}"
    gone = world.deleted("task.deleted", moved) | {"room": own}
    return in_order_of_rooms(
        [],
        world.recorded("task.created", made),
        world.recorded("task.updated", changed),
        world.recorded("task.updated", moved, own),
        world.departed("task.moved", moved),
        world.recorded("item.updated", world.item, own),
        world.recorded("comment.updated", world.comment, own),
        gone,
    )


@doing("trash.restore")
def restore_a_task(world: World) -> list[Recorded]:
    deleted = delete_a_task(world)
    operation = ok(world.alice.get("/trash"))[0]
    ok(world.alice.post(f"/trash/{operation['id']}/restore"))
    task = ok(world.alice.get(f"/tasks/{world.task['id']}"))
    assert task["version"] == world.task["version"] + 2
    return [
        *deleted,
        world.recorded("task.restored", task),
        world.recorded("item.restored", world.item),
        world.recorded("comment.restored", world.comment),
    ]


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
        world.departed("time_entry.moved", entry),
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


for endpoint, elsewhere in {
    "mail.send_verification": recorded_mail.ask_for_the_letter_again,
    "mail.verify_email": recorded_mail.verify_the_address,
    "mail.change_email": recorded_mail.change_the_address,
    "mail.change_password": recorded_mail.change_the_password,
    "mail.request_reset": recorded_mail.reset_the_password,
    "mail.reset_password": recorded_mail.reset_the_password,
    "notifications.send_message": recorded_notifications.write_to_herself,
    "notifications.read_notification": recorded_notifications.read_a_notification,
    "notifications.read_all_notifications": recorded_notifications.read_all,
}.items():
    doing(endpoint)(elsewhere)


@pytest.mark.parametrize(("endpoint", "do"), DOINGS)
def test_a_write_records_exactly_its_events(world: World, endpoint: str, do: Doing) -> None:
    if endpoint.startswith("mail."):
        worker.run_once()  # else it told of how the world was made, together with the letters
    known = len(world.events())
    expected = do(world)
    assert world.events()[known:] == expected


@pytest.mark.parametrize(("endpoint", "do"), SILENT.items())
def test_no_room_hears_of_how_somebody_signs_in(
    world: World, endpoint: str, do: Callable[[World], object]
) -> None:
    known = len(world.events())
    do(world)
    assert world.events()[known:] == [], endpoint


def test_the_events_of_every_route_that_writes_are_tested(app: Flask) -> None:
    writing = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(settings.api_prefix)
        and (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}
    }
    assert {endpoint for endpoint, _ in DOINGS} | set(SILENT) == writing
