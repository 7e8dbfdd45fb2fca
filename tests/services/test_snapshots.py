"""A snapshot and the events after it are a fresh snapshot: for every type of event there is."""

from collections.abc import Callable
from functools import cache

import pytest
from flask import Flask

from models.event import EventType
from services.worker import worker
from tests import clockify
from tests.agents import claim_one, put_back
from tests.archives import export, send_archive, small_archive
from tests.factories import PASSWORD, Person, as_agent, log_in, make_admin, sign_up
from tests.records import Record, make_comment, make_project, make_task
from tests.rooms import Follower
from tests.services.test_recorded_events import DOINGS
from tests.services.world import World, ok, upload
from tests.sql import rows

Doing = Callable[[World], object]
Follow = Callable[[Doing], set[str]]

LET_GROW_OLD = "UPDATE operations SET deleted_at = deleted_at - interval '31 days'"


def undo(person: Person) -> None:
    """Bring back what somebody deleted last."""
    operation = ok(person.get("/trash?limit=1"))[0]
    ok(person.post(f"/trash/{operation['id']}/restore"))


def somebody_signs_up(world: World) -> None:
    world.others.append(sign_up(world.app, "Carol"))


def an_address_is_verified(world: World) -> None:
    somebody_signs_up(world)
    clockify.verify(world.app, world.others[0])


def imported_placeholder(world: World, project: Record, carol: Person) -> Record:
    """Let time come in that Carol recorded elsewhere; return who stands for her here."""
    file = clockify.export(clockify.line(carol.email))
    ok(clockify.send_file(world.alice, file, project_id=project["id"]))
    members: list[Record] = ok(world.alice.get(f"/projects/{project['id']}/members"))
    return next(member for member in members if member["email"] == carol.email)


def somebody_takes_over_their_placeholder(world: World) -> None:
    """It stands in three rooms: a member, no member any more, and in Alice's personal task."""
    somebody_signs_up(world)
    carol = world.others[0]
    shop = make_project(world.alice, name="Shop")
    stands_for_carol = imported_placeholder(world, world.project, carol)
    imported_placeholder(world, shop, carol)
    tasks = [make_task(world.alice, project_id=shop["id"]) for _ in range(2)]
    for task in tasks:
        make_comment(world.alice, task, f"@{carol.email}, look!")
    ok(world.alice.patch(f"/tasks/{tasks[0]['id']}", {"assignee_id": stands_for_carol["user_id"]}))
    ok(world.alice.post(f"/tasks/{tasks[1]['id']}/move", {"project_id": None}))
    ok(world.alice.delete(f"/projects/{shop['id']}/members/{stands_for_carol['user_id']}"))
    clockify.verify(world.app, carol)


def an_agent_renames_itself(world: World) -> None:
    agent = as_somebody_signed_in(world)
    version = ok(agent.get("/users/me"))["version"]
    ok(agent.patch("/users/me", {"name": "Fixer"}, If_Match=f'"v{version}"'))


def a_project_comes_back(world: World) -> None:
    ok(world.alice.delete(f"/projects/{world.project['id']}"))
    undo(world.alice)


def a_member_is_renamed_while_the_project_is_in_the_trash(world: World) -> None:
    ok(world.alice.delete(f"/projects/{world.project['id']}"))
    ok(world.bob.patch("/users/me", {"name": "Bobby"}))
    undo(world.alice)


def an_item_comes_back(world: World) -> None:
    ok(world.alice.delete(f"/items/{world.item['id']}"))
    undo(world.alice)


def a_comment_comes_back(world: World) -> None:
    ok(world.alice.delete(f"/comments/{world.comment['id']}"))
    undo(world.alice)


def time_comes_back(world: World) -> None:
    ok(world.alice.delete(f"/time-entries/{world.entry['id']}"))
    undo(world.alice)


def time_is_recorded_in_another_zone(world: World) -> None:
    span = {"started_at": "2026-03-02T18:00:00+05:30", "ended_at": "2026-03-02T20:00:00.5-03:00"}
    ok(world.alice.post("/time-entries", span | {"task_id": world.task["id"]}))


def a_file_names_new_projects(world: World) -> None:
    carol = {"Email": "", "User": "Carol"}
    lines = [clockify.line("", Project=name, **carol) for name in ("Shop", "Wiki")]
    ok(clockify.send_file(world.alice, clockify.export(*lines)))


def tasks_are_imported(world: World) -> None:
    ok(upload(world, "ticktick-1.csv", format="ticktick"))


def an_archive_is_imported(world: World) -> None:
    ok(send_archive(world.alice, small_archive("Copy")))


def somebody_elses_agent_is_imported(world: World) -> None:
    ok(world.alice.patch(f"{world.people}/{world.bob.id}", {"role": "owner"}))
    agent = ok(world.bob.post("/agents", {"name": "Tester", "kind": "ci"}))
    ok(world.bob.post(world.people, {"user_id": agent["id"]}))
    somebody_signs_up(world)
    ok(send_archive(world.others[0], export(world.alice)))


def the_trash_is_emptied(world: World) -> None:
    for path in (f"/tasks/{world.task['id']}", f"/time-entries/{world.entry['id']}"):
        ok(world.alice.delete(path))
    rows(world.database, f"{LET_GROW_OLD} WHERE deleted_by = %(id)s", {"id": world.alice.id})
    result = world.app.test_cli_runner().invoke(args=["purge"])
    assert result.exit_code == 0, result.output


def a_member_deletes_their_account(world: World) -> None:
    ok(world.alice.patch(f"{world.people}/{world.bob.id}", {"role": "owner"}))
    agent = ok(world.bob.post("/agents", {"name": "Tester", "kind": "ci"}))
    ok(world.bob.post(world.people, {"user_id": agent["id"]}))
    ok(world.bob.post("/timer/start", {"project_id": world.project["id"]}))
    ok(world.bob.send("DELETE", "/users/me", headers={}, json={"password": PASSWORD}))


def a_member_is_disabled_and_enabled(world: World) -> None:
    admin = make_admin(world.app, "Admin")
    ok(world.bob.post("/timer/start", {"project_id": world.project["id"]}))
    for is_active in (False, True):
        ok(admin.patch(f"/users/{world.bob.id}", {"is_active": is_active}))
    log_in(world.bob)


def people_are_told(world: World) -> None:
    """Of what happened while the world was made, of a task, and of what they read at once."""
    ok(world.alice.patch(f"/tasks/{world.task['id']}", {"assignee_id": world.bob.id}))
    worker.run_once()
    _, invited = ok(world.bob.get("/notifications"))
    ok(world.bob.post(f"/notifications/{invited['id']}/read"))


def a_task_moves_away_from_an_agent(world: World) -> None:
    agent = as_somebody_signed_in(world)
    lease = claim_one(agent)
    there = make_project(world.alice, name="Shop")
    ok(world.alice.post(f"/projects/{there['id']}/members", {"user_id": agent.id}))
    ok(world.alice.post(f"/tasks/{lease['task_id']}/move", {"project_id": there["id"]}))


def a_task_in_the_trash_is_taken_from_an_agent(world: World) -> None:
    claim_one(as_somebody_signed_in(world))
    ok(world.alice.delete(f"/tasks/{world.task['id']}"))
    undo(world.alice)


def an_agent_is_deleted_at_work(world: World) -> None:
    claim_one(as_somebody_signed_in(world))
    ok(world.alice.delete(f"/agents/{world.agent['id']}"))


def a_lease_runs_out(world: World) -> None:
    lease = claim_one(as_somebody_signed_in(world))
    statement = "UPDATE leases SET expires_at = now() WHERE id = %(id)s"
    rows(world.database, statement, {"id": lease["id"]})
    put_back()


FURTHER: list[Doing] = [
    a_task_moves_away_from_an_agent,
    a_task_in_the_trash_is_taken_from_an_agent,
    an_agent_is_deleted_at_work,
    a_lease_runs_out,
    people_are_told,
    a_member_deletes_their_account,
    a_member_is_disabled_and_enabled,
    somebody_signs_up,
    an_address_is_verified,
    somebody_takes_over_their_placeholder,
    an_agent_renames_itself,
    a_project_comes_back,
    a_member_is_renamed_while_the_project_is_in_the_trash,
    an_item_comes_back,
    a_comment_comes_back,
    time_comes_back,
    time_is_recorded_in_another_zone,
    a_file_names_new_projects,
    tasks_are_imported,
    an_archive_is_imported,
    somebody_elses_agent_is_imported,
    the_trash_is_emptied,
]
ALL = [do for _, do in DOINGS] + FURTHER


def as_somebody_signed_in(world: World) -> Person:
    """Return Alice's agent with a token."""
    return as_agent(world.alice, world.agent["id"])


@pytest.fixture(scope="module")
def follow(app: Flask, database: str) -> Follow:
    """Do something in a world where everybody follows their rooms; return the types met."""

    @cache
    def follow(do: Doing) -> set[str]:
        world = World.make(app, database)
        members = [world.alice, world.bob, as_somebody_signed_in(world)]
        followers = [Follower(person) for person in members]
        for follower in followers:
            follower.start()
        do(world)
        followers += [Follower(person) for person in world.others]
        for follower in followers:
            follower.follow()
            follower.compare()
        return {met for follower in followers for met in follower.met}

    return follow


@pytest.mark.parametrize("do", ALL)
def test_a_snapshot_and_the_events_after_it_are_a_fresh_snapshot(follow: Follow, do: Doing) -> None:
    follow(do)


def test_every_type_of_event_was_met(follow: Follow) -> None:
    assert {met for do in ALL for met in follow(do)} == set(EventType)
