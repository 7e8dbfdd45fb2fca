"""Notifications: made by the worker, once, and for those alone whom they concern."""

from collections.abc import Iterator
from functools import partial
from typing import Any, LiteralString

import pytest
from flask import Flask

from models.notification import NotificationKind
from services.db_client import db
from services.notification_service import KEPT_DAYS, READ_AT_ONCE, notification_service
from services.worker import worker
from tests import clockify
from tests.changes import events_of
from tests.factories import Person, add_member, make_admin, sign_up
from tests.records import Record, done, make_comment, make_project, make_task
from tests.services.world import World, ok
from tests.sql import connect, rows
from tests.statements import RUNS_UNTIL_PREPARED, count_statements


@pytest.fixture
def world(app: Flask, database: str) -> World:
    made = World.make(app, database)
    worker.run_once()
    ok(made.bob.post("/notifications/read-all"))
    return made


def told(person: Person, question: str = "unread=true") -> list[Record]:
    """Return what somebody has not read, newest first, once the worker has done all."""
    worker.run_once()
    found: list[Record] = done(person.get(f"/notifications?{question}"))
    return found


def kinds(person: Person) -> list[str]:
    return [each["kind"] for each in told(person)]


def notify(world: World, *people: str, **fields: Any) -> None:
    """Tell people that Alice's task is overdue."""
    occasion = {"key": f"overdue {world.task['id']}", "subject_id": world.task["id"]} | fields
    db.transaction(
        partial(notification_service.notify, NotificationKind.OVERDUE, people, **occasion)
    )


def test_people_are_told_once_of_each_occasion(world: World) -> None:
    for _ in range(2):
        notify(world, world.alice.id, world.bob.id, actor_id=world.alice.id)
        worker.run_once()
    (notification,) = told(world.bob)
    assert notification["title"] == "Write"
    assert notification["project_id"] == world.project["id"]
    created = [
        event["data"]
        for event in events_of(world.bob, f"user:{world.bob.id}", 0)
        if event["type"] == "notification.created" and event["data"]["kind"] == "overdue"
    ]
    assert created == [notification]
    assert told(world.alice) == []


def test_whoever_cannot_see_or_read_it_is_not_told(app: Flask, world: World, database: str) -> None:
    carol, dora, admin = sign_up(app, "Carol"), sign_up(app, "Dora"), make_admin(app, "Admin")
    for person in (carol, dora):
        add_member(world.alice, world.project, person, "viewer")
    stranger, secret = sign_up(app, "Eve"), make_task(world.alice)
    people = [world.bob.id, carol.id, dora.id, stranger.id, world.agent["id"]]
    notify(world, *people)
    notify(world, *people, key="secret", subject_id=secret["id"])
    # What happens before the job runs counts.
    ok(world.alice.delete(f"{world.people}/{world.bob.id}"))
    ok(admin.patch(f"/users/{dora.id}", {"is_active": False}))
    worker.run_once()
    query = "SELECT user_id::text AS id FROM notifications WHERE kind = 'overdue' AND user_id = ANY"
    found = rows(database, f"{query}(%(people)s::uuid[])", {"people": people})
    assert [row["id"] for row in found] == [carol.id]


def test_people_hear_of_tasks_that_are_given_to_them(world: World) -> None:
    make_task(world.alice, project_id=world.project["id"], assignee_id=world.alice.id)
    make_task(world.alice, project_id=world.project["id"], assignee_id=world.agent["id"])
    given = make_task(world.alice, project_id=world.project["id"], assignee_id=world.bob.id)
    (notification,) = told(world.bob)
    assert (notification["kind"], notification["subject_id"]) == ("assigned", given["id"])
    assert notification["actor_id"] == world.alice.id
    path = f"/tasks/{world.task['id']}"
    ok(world.alice.patch(path, {"assignee_id": world.bob.id, "title": "Read"}))
    ok(world.alice.patch(path, {"title": "Read on"}))
    ok(world.bob.patch(path, {"assignee_id": None}))
    change = {"kind": "update", "id": world.task["id"], "task": {"assignee_id": world.bob.id}}
    ok(world.alice.post("/tasks/bulk", {"changes": [change]}))
    assert kinds(world.bob) == ["assigned"] * 3
    taken = make_task(world.alice, project_id=world.project["id"], assignee_id=world.bob.id)
    ok(world.alice.patch(f"/tasks/{taken['id']}", {"assignee_id": None}))
    assert kinds(world.bob) == ["assigned"] * 3
    assert told(world.alice) == []


def test_people_hear_once_of_a_comment_that_mentions_them(world: World) -> None:
    comment = make_comment(world.alice, world.task, "@Alice, slowly")
    path = f"/comments/{comment['id']}"
    assert kinds(world.bob) == []
    for body in ("@Bob, slowly", "Slowly", "@Bob, more slowly"):
        ok(world.alice.patch(path, {"body": body}))
        assert kinds(world.bob) == ["mentioned"]
    assert told(world.bob)[0]["subject_id"] == world.task["id"]
    taken_back = make_comment(
        world.alice, make_task(world.alice, project_id=world.project["id"]), "@Bob"
    )
    ok(world.alice.delete(f"/comments/{taken_back['id']}"))
    assert kinds(world.bob) == ["mentioned"]
    assert told(world.alice) == []


def test_people_hear_of_projects_that_they_are_added_to(app: Flask, alice: Person) -> None:
    carol, project = sign_up(app, "Carol"), make_project(alice, name="Shop")
    for _ in range(2):
        add_member(alice, project, carol, "viewer")
        ok(alice.delete(f"/projects/{project['id']}/members/{carol.id}"))
    add_member(alice, project, carol, "viewer")
    worker.run_once()  # the first two are for a project that she may see again
    assert {(each["kind"], each["title"]) for each in told(carol)} == {("invited", "Shop")}
    assert len(told(carol)) == 3


def test_whoever_an_import_adds_hears_of_it(app: Flask, world: World) -> None:
    carol = sign_up(app, "Carol")
    clockify.verify(app, carol)
    file = clockify.export(clockify.line(carol.email))
    ok(clockify.send_file(world.alice, file, project_id=world.project["id"]))
    assert [(each["kind"], each["title"]) for each in told(carol)] == [("invited", "Website")]


def test_telling_takes_one_statement_more_and_a_commit_of_its_own(world: World) -> None:
    """Its job is written behind the events, so that the COMMIT does not go along with these."""
    me, bob, place = world.alice.id, world.bob.id, {"project_id": world.project["id"]}

    def create(assignee_id: str) -> None:
        make_task(world.alice, assignee_id=assignee_id, **place)

    def change(assignee_id: str) -> None:
        tasks = [make_task(world.alice, **place) for _ in range(3)]
        changes = [
            {"kind": "update", "id": task["id"], "task": {"assignee_id": assignee_id}}
            for task in tasks
        ]
        ok(world.alice.post("/tasks/bulk", {"changes": changes}))

    for _ in range(RUNS_UNTIL_PREPARED):
        create(me)
    for write in (create, change):
        silent, telling = (count_statements(partial(write, each)) for each in (me, bob))
        assert telling == silent + 2
    silent, telling = (
        count_statements(partial(make_comment, world.alice, world.task, f"@{name} wait"))
        for name in ("Alice", "Bob")
    )
    assert telling == silent + 2


def test_what_is_old_is_purged_and_counts_as_read(world: World, database: str) -> None:
    notify(world, world.bob.id)
    (old,) = told(world.bob)
    age = "UPDATE notifications SET created_at = now() - make_interval(days => %(days)s)"
    rows(database, f"{age} WHERE id = %(id)s", {"days": KEPT_DAYS + 1, "id": old["id"]})
    with connect(database) as other, other.transaction():
        other.execute("SELECT FROM notifications WHERE id = %(id)s FOR UPDATE", old)
        while db.transaction(notification_service.purge)["notifications"]:
            pass
    assert old["id"] in [each["id"] for each in told(world.bob, "limit=200")]
    while db.transaction(notification_service.purge)["notifications"]:
        pass
    assert old["id"] not in [each["id"] for each in told(world.bob, "limit=200")]
    *_, last = events_of(world.bob, f"user:{world.bob.id}", 0)
    assert (last["type"], last["subject"]) == ("notification.read", old["id"])


def test_of_very_many_the_newest_are_read_at_once_and_the_others_by_the_worker(
    world: World, database: str
) -> None:
    many, room = 2 * READ_AT_ONCE + 1, f"user:{world.bob.id}"
    (head,) = rows(database, "SELECT seq FROM rooms WHERE id = %(room)s", {"room": room})
    rows(database, MANY_UNREAD, {"user": world.bob.id, "many": many})
    assert ok(world.bob.post("/notifications/read-all")) == {"count": many}
    assert [*_unread(database, world.bob)] == [*range(1, many - READ_AT_ONCE + 1)]
    notify(world, world.bob.id)
    (still_unread,) = told(world.bob)
    assert still_unread["kind"] == "overdue"
    assert [*_unread(database, world.bob)] == []
    told_of = rows(
        database,
        "SELECT type, subject_id FROM events WHERE room = %(room)s AND seq > %(seq)s",
        {"room": room, **head},
    )
    subjects = [event["subject_id"] for event in told_of if event["type"] == "notification.read"]
    assert len(subjects) == len(set(subjects)) == many


# The first is the oldest: their ids are in the order of n.
MANY_UNREAD: LiteralString = """
    INSERT INTO notifications (id, user_id, kind, key, title, shown, by_mail)
    SELECT ('0198c2f4-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, %(user)s, 'message',
           'many ' || n, n::text, true, false
    FROM generate_series(1, %(many)s) AS n
"""


def _unread(database: str, person: Person) -> Iterator[int]:
    query = """
        SELECT title FROM notifications
        WHERE user_id = %(user)s AND key LIKE 'many %%' AND read_at IS NULL ORDER BY id
    """
    return (int(row["title"]) for row in rows(database, query, {"user": person.id}))
