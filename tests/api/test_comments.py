"""Comments over the API: writing, mentions, and finding tasks by what was said about them."""

from functools import partial
from typing import Any

import pytest
from flask import Flask

from services.comment_service import comment_service
from services.db_client import db
from services.item_service import item_service
from tests.crowd import at_once, crowd
from tests.factories import Person, add_member, sign_up
from tests.records import (
    Record,
    done,
    event_types,
    ids,
    make_comment,
    make_item,
    make_project,
    make_task,
    refusal,
)
from tests.server import Client, Server
from tests.sql import rows

MANY = 20
A_THOUSAND_OLD_ONES = """
    INSERT INTO comments (id, task_id, created_by, body)
    SELECT format('00000000-0000-7000-8000-%%s', lpad(number::text, 12, '0'))::uuid,
        %(task_id)s, %(me)s, 'old' || number
    FROM generate_series(1, 1000) AS number
"""
OPERATION = """
    SELECT operations.scope_id::text, operations.title, operations.counts
    FROM operations JOIN comments ON comments.operation_id = operations.id
    WHERE comments.id = %(id)s
"""


def change(person: Person, comment: Record, **fields: Any) -> Record:
    changed: Record = done(person.patch(f"/comments/{comment['id']}", fields))
    return changed


def said(person: Person, task: Record) -> list[str]:
    """Return what was said about a task, in the order of its list."""
    return [comment["body"] for comment in done(person.get(f"/tasks/{task['id']}/comments"))]


@pytest.fixture
def task(alice: Person, project: Record) -> Record:
    """A task of Alice's project."""
    return make_task(alice, project_id=project["id"])


def test_a_comment_is_stored_as_it_is_written(alice: Person, task: Record) -> None:
    body = "  # Plan\n\n<b>*First*</b>\n"
    comment = make_comment(alice, task, body)
    made_by_the_server = {name: comment[name] for name in ("id", "created_at", "updated_at")}
    assert comment == made_by_the_server | {
        "task_id": task["id"],
        "created_by": alice.id,
        "body": body,
        "mentions": [],
        "version": 1,
    }
    assert done(alice.get(f"/comments/{comment['id']}")) == comment


def test_comments_are_listed_oldest_first(alice: Person, task: Record) -> None:
    for body in ("One", "Two", "Three"):
        make_comment(alice, task, body)
    make_comment(alice, make_task(alice), "Elsewhere")
    assert said(alice, task) == ["One", "Two", "Three"]


@pytest.mark.parametrize("body", [{}, {"body": ""}, {"body": " \n"}, {"body": "x" * 10_001}])
def test_a_comment_that_says_nothing_or_too_much_is_refused(
    alice: Person, task: Record, body: Record
) -> None:
    assert refusal(alice.post(f"/tasks/{task['id']}/comments", body)) == (422, "invalid_input")


def test_null_is_no_body(alice: Person, task: Record) -> None:
    comment = make_comment(alice, task, "One")
    answer = alice.patch(f"/comments/{comment['id']}", {"body": None})
    assert refusal(answer) == (422, "invalid_input")


def test_the_discussion_of_a_task_without_comments_is_empty_and_of_no_task_not_there(
    alice: Person, bob: Person, task: Record
) -> None:
    assert said(alice, task) == []
    assert bob.get(f"/tasks/{task['id']}/comments").status_code == 404
    assert alice.get(f"/tasks/{alice.id}/comments").status_code == 404


# Who may


def test_viewers_read_and_editors_write(
    alice: Person, bob: Person, project: Record, task: Record
) -> None:
    add_member(alice, project, bob, "viewer")
    make_comment(alice, task, "One")
    assert said(bob, task) == ["One"]
    path = f"/tasks/{task['id']}/comments"
    assert refusal(bob.post(path, {"body": "Two"})) == (403, "forbidden")
    done(alice.patch(f"/projects/{project['id']}/members/{bob.id}", {"role": "editor"}))
    assert make_comment(bob, task, "Two")["created_by"] == bob.id


def test_only_its_author_changes_a_comment(
    alice: Person, bob: Person, project: Record, task: Record
) -> None:
    add_member(alice, project, bob, "editor")
    comment = make_comment(bob, task, "One")
    assert refusal(alice.patch(f"/comments/{comment['id']}", {"body": "x"})) == (403, "forbidden")
    assert change(bob, comment, body="Two")["body"] == "Two"


def test_an_author_who_is_a_viewer_now_may_only_take_a_comment_back(
    alice: Person, bob: Person, project: Record, task: Record
) -> None:
    add_member(alice, project, bob, "editor")
    path = f"/comments/{make_comment(bob, task, 'One')['id']}"
    done(alice.patch(f"/projects/{project['id']}/members/{bob.id}", {"role": "viewer"}))
    assert refusal(bob.patch(path, {"body": "x"})) == (403, "forbidden")
    assert bob.delete(path).status_code == 204


def test_an_owner_deletes_comments_of_others_and_an_editor_does_not(
    alice: Person, bob: Person, project: Record, task: Record
) -> None:
    add_member(alice, project, bob, "editor")
    of_alice, of_bob = make_comment(alice, task, "One"), make_comment(bob, task, "Two")
    assert refusal(bob.delete(f"/comments/{of_alice['id']}")) == (403, "forbidden")
    assert alice.delete(f"/comments/{of_bob['id']}").status_code == 204
    assert said(alice, task) == ["One"]


def test_what_is_said_about_a_personal_task_is_nobody_elses(alice: Person, bob: Person) -> None:
    task = make_task(alice)
    path = f"/comments/{make_comment(alice, task, 'One')['id']}"
    answers = [
        bob.get(path),
        bob.patch(path, {"body": "x"}),
        bob.delete(path),
        bob.post(f"/tasks/{task['id']}/comments", {"body": "x"}),
    ]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert "comment.created" in event_types(alice, f"user:{alice.id}")


def test_comments_are_gone_with_their_task(alice: Person, task: Record) -> None:
    path = f"/comments/{make_comment(alice, task, 'One')['id']}"
    done(alice.delete(f"/tasks/{task['id']}"))
    answers = [
        alice.get(path),
        alice.patch(path, {"body": "x"}),
        alice.delete(path),
        alice.get(f"/tasks/{task['id']}/comments"),
        alice.post(f"/tasks/{task['id']}/comments", {"body": "x"}),
    ]
    assert [answer.status_code for answer in answers] == [404] * 5


def test_an_archived_project_takes_no_new_comments(
    alice: Person, project: Record, task: Record
) -> None:
    comment = make_comment(alice, task, "One")
    done(alice.patch(f"/projects/{project['id']}", {"archived": True}))
    answer = alice.post(f"/tasks/{task['id']}/comments", {"body": "Two"})
    assert refusal(answer) == (409, "project_archived")
    assert change(alice, comment, body="Uno")["body"] == "Uno"


# Mentions; tests/utils/test_mentions.py tells what is one


def test_members_are_mentioned_by_name_and_address(
    app: Flask, alice: Person, bob: Person, project: Record, task: Record
) -> None:
    grace = sign_up(app, "Grace Hopper".replace(" ", "_"))
    done(grace.patch("/users/me", {"name": "Grace Hopper"}))
    for person, role in ((bob, "viewer"), (grace, "editor")):
        add_member(alice, project, person, role)
    comment = make_comment(alice, task, f"@grace hopper and @{bob.email}: look, @Alice")
    assert comment["mentions"] == sorted([alice.id, bob.id, grace.id])
    assert make_comment(alice, task, "@Grace, `@Bob`")["mentions"] == [grace.id]


def test_nobody_outside_is_mentioned(alice: Person, bob: Person, task: Record) -> None:
    assert make_comment(alice, task, f"@Bob @{bob.email}")["mentions"] == []


def test_in_a_personal_task_one_mentions_oneself(alice: Person, bob: Person) -> None:
    comment = make_comment(alice, make_task(alice), f"@Alice @Bob @{bob.email}")
    assert comment["mentions"] == [alice.id]


def test_somebody_removed_is_not_mentioned(
    alice: Person, bob: Person, project: Record, task: Record
) -> None:
    add_member(alice, project, bob, "editor")
    comment = make_comment(alice, task, "@Bob")
    assert comment["mentions"] == [bob.id]
    done(alice.delete(f"/projects/{project['id']}/members/{bob.id}"))
    assert change(alice, comment, body="@Bob?")["mentions"] == []


def test_another_text_mentions_others(
    alice: Person, bob: Person, project: Record, task: Record
) -> None:
    add_member(alice, project, bob, "editor")
    comment = make_comment(alice, task, "@Bob")
    assert change(alice, comment, body="@Alice")["mentions"] == [alice.id]


# Finding tasks by their comments


def found(person: Person, words: str) -> list[str]:
    return ids(person.get(f"/tasks?search={words}"))


def test_a_task_is_found_by_what_was_said_about_it(alice: Person, task: Record) -> None:
    make_comment(alice, task, "The zeppelin has landed")
    make_comment(alice, task, "Where?")
    assert found(alice, "zeppelin") == found(alice, "write zeppelin where") == [task["id"]]


def test_a_task_is_found_by_comments_as_they_are_now(alice: Person, task: Record) -> None:
    comment = make_comment(alice, task, "zeppelin")
    change(alice, comment, body="airship")
    assert (found(alice, "zeppelin"), found(alice, "airship")) == ([], [task["id"]])
    done(alice.delete(f"/comments/{comment['id']}"))
    assert (found(alice, "airship"), found(alice, "write")) == ([], [task["id"]])


def test_what_was_said_last_is_found_however_much_was_said(alice: Person, task: Record) -> None:
    for number in range(12):
        make_comment(alice, task, f"first{number} " + "x " * 4_900)
    make_comment(alice, task, "zeppelin")
    assert (found(alice, "zeppelin"), found(alice, "first11")) == ([task["id"]], [task["id"]])
    assert found(alice, "first0") == []


def test_the_last_thousand_comments_are_searched(
    database: str, alice: Person, task: Record
) -> None:
    rows(database, A_THOUSAND_OLD_ONES, {"task_id": task["id"], "me": alice.id})
    make_comment(alice, task, "zeppelin")
    assert found(alice, "zeppelin") == found(alice, "old2") == [task["id"]]
    assert found(alice, "old1") == []


def test_a_comment_does_not_change_its_task(alice: Person, task: Record) -> None:
    comment = make_comment(alice, task, "zeppelin")
    change(alice, comment, body="airship")
    done(alice.delete(f"/comments/{comment['id']}"))
    assert done(alice.get(f"/tasks/{task['id']}")) == task


def test_what_many_say_at_once_is_all_found(server: Server, alice: Person, task: Record) -> None:
    words = [f"word{number}" for number in range(MANY)]

    def say(client: Client, word: str) -> int:
        client.headers["Authorization"] = f"Bearer {alice.tokens['access_token']}"
        path = f"/tasks/{task['id']}/comments"
        return client.request("POST", path, json={"body": word}).status_code

    with crowd(server, MANY) as clients:
        says = [partial(say, *pair) for pair in zip(clients, words, strict=True)]
        assert at_once(says) == [201] * MANY
    assert sorted(said(alice, task)) == sorted(words)
    assert found(alice, "%20".join(words)) == [task["id"]]


# Deleting, and versions


def test_a_deleted_comment_is_gone_and_its_operation_known(
    database: str, alice: Person, project: Record, task: Record
) -> None:
    comment = make_comment(alice, task, "\nFirst line\nand a second")
    path = f"/comments/{comment['id']}"
    assert alice.delete(path).status_code == 204
    answers = [alice.get(path), alice.patch(path, {"body": "x"}), alice.delete(path)]
    assert [answer.status_code for answer in answers] == [404] * 3
    assert rows(database, OPERATION, {"id": comment["id"]}) == [
        {"scope_id": project["id"], "title": "First line", "counts": {"comment": 1}}
    ]


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_change_to_another_version_is_refused(alice: Person, task: Record, method: str) -> None:
    comment = make_comment(alice, task, "One")
    current = change(alice, comment, body="Newer")
    body = {"body": "Older"} if method == "PATCH" else None
    path, headers = f"/comments/{comment['id']}", {"If-Match": '"v1"'}
    answer = alice.send(method, path, headers=headers, json=body)
    assert refusal(answer) == (412, "version_mismatch")
    assert answer.get_json()["current"] == current
    assert alice.get(path).headers["ETag"] == '"v2"'


# For other services


def test_what_belongs_to_several_tasks_is_read_at_once(alice: Person, task: Record) -> None:
    others = [make_task(alice, project_id=make_project(alice)["id"]), make_task(alice)]
    tasks = [task, *others]
    items = [make_item(alice, task_id=each["id"]) for each in tasks]
    comments = [make_comment(alice, each, "One") for each in tasks]
    task_ids = [task["id"], others[0]["id"]]
    done(alice.delete(f"/items/{make_item(alice, task_id=task['id'])['id']}"))
    done(alice.delete(f"/comments/{make_comment(alice, task, 'Two')['id']}"))
    found_items = db.reading(lambda: item_service.of_tasks(task_ids))
    found_comments = db.reading(lambda: comment_service.of_tasks(task_ids))
    assert {item.id for item in found_items} == {item["id"] for item in items[:2]}
    assert {comment.id for comment in found_comments} == {each["id"] for each in comments[:2]}
    assert len(found_items) == len(found_comments) == 2
    assert db.reading(lambda: item_service.of_tasks([])) == []
