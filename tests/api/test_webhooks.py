"""Webhooks: what happens in a project reaches other services, signed, in order, in the end."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from structlog.testing import CapturingLogger

from services.db_client import db
from services.webhook_planner import webhook_planner
from services.webhook_sender import NEXT, webhook_sender
from services.webhooks.caller import TIMED_OUT, Answer, webhook_caller
from services.worker import worker
from tests.factories import Person, add_member
from tests.plans import Explainer
from tests.receiver import Received, Receiver, Reply, receiving
from tests.records import Record, done, make_comment, make_project, make_task, refusal
from tests.sql import connect, number, rows
from tests.waiting import wait_until

RETRIES = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture(autouse=True)
def idle(database: str) -> None:
    """What others asked for is not to be done here."""
    rows(database, "DELETE FROM procrastinate_jobs")


@pytest.fixture
def webhook(alice: Person, project: Record, receiver: Receiver) -> Record:
    """A webhook of Alice's project, told of everything."""
    return make_webhook(alice, project, receiver.url)


def make_webhook(owner: Person, project: Record, url: str, **fields: Any) -> Record:
    path = f"/projects/{project['id']}/webhooks"
    made: Record = done(owner.post(path, {"url": url} | fields))
    return made


def change(owner: Person, webhook: Record, **fields: Any) -> Record:
    changed: Record = done(owner.patch(f"/webhooks/{webhook['id']}", fields))
    return changed


def delete(owner: Person, webhook: Record) -> None:
    done(owner.delete(f"/webhooks/{webhook['id']}"))


def deliveries(owner: Person, webhook: Record) -> list[Record]:
    """Return what a webhook was sent, oldest first."""
    listed: list[Record] = done(owner.get(f"/webhooks/{webhook['id']}/deliveries"))
    return listed[::-1]


def make_due(database: str, webhook: Record) -> None:
    """Let time pass until the next attempt."""
    rows(
        database,
        "UPDATE deliveries SET next_attempt_at = now() WHERE webhook_id = %(id)s"
        " AND status = 'pending'",
        webhook,
    )
    rows(
        database,
        "UPDATE procrastinate_jobs SET scheduled_at = now() WHERE args->>'webhook_id' = %(id)s",
        webhook,
    )
    worker.run_once()


def ask(owner: Person, path: str, body: Any = None) -> Any:
    """Ask for something to be sent, and let it be done."""
    answer = owner.post(path, body)
    assert answer.status_code == 202, answer.text
    worker.run_once()
    return answer.get_json()


def test_events_arrive_in_order_signed_and_whole(
    alice: Person, project: Record, webhook: Record, receiver: Receiver
) -> None:
    task = make_task(alice, project_id=project["id"], title="Write")
    make_comment(alice, task, "Slowly")
    make_task(alice)  # of nobody else
    worker.run_once()
    room = f"project:{project['id']}"
    events = done(alice.get(f"/rooms/{room}/events"))[-2:]
    assert [each.message["data"] for each in receiver.requests] == [each["data"] for each in events]
    first = receiver.requests[0]
    assert first.is_signed_by(webhook["secret"])
    assert not first.is_signed_by("whsec_" + "A" * 32)
    assert first.message["timestamp"] == events[0]["at"]
    names = ("type", "room", "seq", "actor", "subject", "version")
    assert {name: first.message[name] for name in names} == {
        name: events[0][name] for name in names
    }
    log = deliveries(alice, webhook)
    assert [each["id"] for each in log] == receiver.ids
    assert {(each["status"], each["answer_status"], each["attempts"]) for each in log} == {
        ("delivered", 204, 1)
    }


def test_a_secret_is_shown_once_and_two_of_them_sign_after_a_rotation(
    alice: Person, project: Record, webhook: Record, receiver: Receiver, database: str
) -> None:
    path = f"/webhooks/{webhook['id']}"
    assert "secret" not in done(alice.get(path))
    stored = rows(database, "SELECT secret FROM webhooks WHERE id = %(id)s", webhook)
    assert webhook["secret"] not in stored[0]["secret"]
    rotated = done(alice.post(f"{path}/rotate"))
    ask(alice, f"{path}/ping")
    rows(
        database,
        "UPDATE webhooks SET old_secret_until = now() - interval '1 s' WHERE id = %(id)s",
        webhook,
    )
    ask(alice, f"{path}/ping")
    by_both, by_the_new_one = receiver.requests
    assert by_both.is_signed_by(webhook["secret"])
    assert by_both.is_signed_by(rotated["secret"])
    assert by_the_new_one.is_signed_by(rotated["secret"])
    assert not by_the_new_one.is_signed_by(webhook["secret"])
    assert by_both.message["type"] == "webhook.ping"


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> CapturingLogger:
    """What is logged of calls."""
    log = CapturingLogger()
    monkeypatch.setattr("services.webhook_sender.logger", log)
    return log


def test_what_fails_is_tried_again_while_others_go_ahead(
    alice: Person,
    project: Record,
    webhook: Record,
    receiver: Receiver,
    database: str,
    log: CapturingLogger,
) -> None:
    receiver.reply = lambda each: Reply(503 if each.message["data"]["title"] == "A" else 200)
    for title in "AB":
        make_task(alice, project_id=project["id"], title=title)
    worker.run_once()
    assert [call.kwargs.get("reason") for call in log.calls] == ["the answer is 503", None]
    receiver.reply = lambda _: Reply(200, body=b"thanks\x00" * 200)
    make_due(database, webhook)
    failed, delivered, again = receiver.requests
    assert (failed.id, failed.body) == (again.id, again.body)
    assert failed.id != delivered.id
    first, _ = deliveries(alice, webhook)
    assert (first["status"], first["attempts"]) == ("delivered", 2)
    assert first["answer"].startswith("thanksthanks")
    assert len(first["answer"]) <= 1_000


def test_a_receiver_that_never_answers_well_is_given_up_after_ten_attempts(
    alice: Person, project: Record, webhook: Record, receiver: Receiver, database: str
) -> None:
    receiver.reply = lambda _: Reply(302, {"Location": receiver.url})
    make_task(alice, project_id=project["id"])
    worker.run_once()
    waits = []
    for _ in RETRIES:
        (state,) = rows(
            database,
            "SELECT extract(epoch FROM next_attempt_at - last_attempt_at)::float AS wait"
            " FROM deliveries WHERE webhook_id = %(id)s",
            webhook,
        )
        waits.append(state["wait"])
        make_due(database, webhook)
    assert all(
        planned <= wait < planned * 1.3 + 1 for planned, wait in zip(RETRIES, waits, strict=True)
    )
    assert (len(receiver.ids), len(set(receiver.ids))) == (10, 1)
    (delivery,) = deliveries(alice, webhook)
    assert (delivery["status"], delivery["answer_status"]) == ("failed", 302)
    off = done(alice.get(f"/webhooks/{webhook['id']}"))
    assert (off["active"], off["disabled_because"]) == (False, "failing")
    (notice,) = done(alice.get("/notifications"))
    assert (notice["kind"], notice["subject_id"]) == ("webhook_disabled", webhook["id"])
    assert notice["project_id"] == project["id"]


def test_a_receiver_says_when_to_come_back_and_when_never(
    alice: Person, project: Record, webhook: Record, receiver: Receiver, database: str
) -> None:
    waits = []
    dates = ("Fri, 01 Jan 2100 00:00:00 GMT", "Fri Jan  1 00:00:00 2100")
    nonsense = ("soon", "-60", f"Fri, 01 Jan {'9' * 20} 00:00:00 GMT")
    for asked in ("3600", "99999999", *dates, *nonsense):
        receiver.reply = lambda _, asked=asked: Reply(429, {"Retry-After": asked})  # type: ignore[misc]
        make_task(alice, project_id=project["id"])
        worker.run_once()
        (state,) = rows(
            database,
            "SELECT extract(epoch FROM next_attempt_at - last_attempt_at)::float AS wait"
            " FROM deliveries WHERE webhook_id = %(id)s ORDER BY seq DESC LIMIT 1",
            webhook,
        )
        waits.append(round(state["wait"], -1))
    assert waits == [3_600, 86_400, 86_400, 86_400, 10, 10, 10]
    receiver.reply = lambda _: Reply(410)
    make_task(alice, project_id=project["id"])
    worker.run_once()
    off = done(alice.get(f"/webhooks/{webhook['id']}"))
    assert (off["active"], off["disabled_because"]) == (False, "gone")
    assert {each["status"] for each in deliveries(alice, webhook)} == {"failed"}


def test_an_address_that_is_gone_does_not_switch_off_the_one_given_meanwhile(
    app: Flask, alice: Person, project: Record, webhook: Record, receiver: Receiver
) -> None:
    other = replace(alice, client=app.test_client())

    def move_and_be_gone(_received: Received) -> Reply:
        change(other, webhook, url=f"{receiver.url}&moved=1")
        return Reply(410)

    receiver.reply = move_and_be_gone
    make_task(alice, project_id=project["id"])
    worker.run_once()
    assert done(alice.get(f"/webhooks/{webhook['id']}"))["active"]
    (delivery,) = deliveries(alice, webhook)
    assert (delivery["status"], delivery["answer_status"]) == ("failed", 410)


def test_one_that_is_off_is_told_nothing_until_somebody_replays_it(
    alice: Person, project: Record, webhook: Record, receiver: Receiver, database: str
) -> None:
    path = f"/webhooks/{webhook['id']}"
    change(alice, webhook, active=False, event_types=["task.created"])
    followed = "SELECT count(*) FROM rooms WHERE id = 'project:' || %(id)s AND followed"
    assert number(database, followed, project) == 0
    task = make_task(alice, project_id=project["id"])
    make_comment(alice, task, "Slowly")
    assert refusal(alice.post(f"{path}/replay", {"since": 0, "until": 9})) == (
        409,
        "webhook_disabled",
    )
    change(alice, webhook, active=True)
    assert number(database, followed, project) == 1
    done(alice.patch(f"/tasks/{task['id']}", {"title": "Read"}))
    make_task(alice, project_id=project["id"])
    worker.run_once()
    (only,) = receiver.requests
    assert ask(alice, f"{path}/replay", {"since": 0, "until": 1_000}) == {"count": 2}
    assert [each.message["type"] for each in receiver.requests] == ["task.created"] * 3
    assert receiver.ids[2] == only.id
    assert receiver.seqs[1] < receiver.seqs[2]
    ask(alice, f"/deliveries/{only.id}/redeliver")
    assert receiver.ids[3] == only.id
    assert refusal(alice.post(f"{path}/replay", {"since": 5, "until": 5}))[0] == 422


def test_what_is_large_comes_without_its_data(
    alice: Person, project: Record, webhook: Record, receiver: Receiver
) -> None:
    make_task(alice, project_id=project["id"], description="x" * 19_900)
    worker.run_once()
    (received,) = receiver.requests
    assert len(received.body) < 20_000
    assert (received.message["data"], received.message["truncated"]) == (None, True)
    assert received.is_signed_by(webhook["secret"])


def test_a_project_in_the_trash_says_nothing_and_goes_on_when_it_is_back(
    alice: Person, project: Record, webhook: Record, receiver: Receiver, database: str
) -> None:
    make_task(alice, project_id=project["id"])
    done(alice.delete(f"/projects/{project['id']}"))
    worker.run_once()
    assert receiver.requests == []
    assert alice.get(f"/webhooks/{webhook['id']}").status_code == 404
    (operation,) = done(alice.get("/trash"))
    done(alice.post(f"/trash/{operation['id']}/restore"))
    worker.run_once()
    types = [each.message["type"] for each in receiver.requests]
    assert types == ["task.created", "project.deleted", "project.restored"]


def test_what_was_due_while_a_project_was_in_the_trash_is_sent_when_it_is_back(
    alice: Person, project: Record, receiver: Receiver, database: str
) -> None:
    webhook = make_webhook(alice, project, receiver.url, event_types=["task.created"])
    receiver.reply = lambda _: Reply(503)
    make_task(alice, project_id=project["id"])
    worker.run_once()
    receiver.reply = lambda _: Reply()
    done(alice.delete(f"/projects/{project['id']}"))
    make_due(database, webhook)
    (operation,) = done(alice.get("/trash"))
    done(alice.post(f"/trash/{operation['id']}/restore"))
    worker.run_once()
    rows(
        database,
        "UPDATE deliveries SET next_attempt_at = now() - interval '1 h' WHERE webhook_id = %(id)s",
        webhook,
    )
    webhook_sender.wake_overdue()
    webhook_sender.wake_overdue()
    waiting = "SELECT count(*) FROM procrastinate_jobs WHERE lock = 'webhook:' || %(id)s"
    assert number(database, waiting, webhook) == 1
    worker.run_once()
    assert [each["status"] for each in deliveries(alice, webhook)] == ["delivered"]


def test_a_project_that_is_purged_takes_its_webhooks_along(
    app: Flask, alice: Person, project: Record, webhook: Record, database: str
) -> None:
    done(alice.delete(f"/projects/{project['id']}"))
    rows(
        database,
        "UPDATE operations SET deleted_at = 'epoch' WHERE scope_id = %(id)s",
        project,
    )
    assert app.test_cli_runner().invoke(args=["purge"]).exit_code == 0
    assert number(database, "SELECT count(*) FROM webhooks WHERE id = %(id)s", webhook) == 0


def test_what_was_sent_long_ago_is_purged(
    app: Flask, alice: Person, project: Record, webhook: Record, receiver: Receiver, database: str
) -> None:
    for _ in range(2):
        make_task(alice, project_id=project["id"])
    worker.run_once()
    old = (
        "UPDATE deliveries SET created_at = now() - interval '31 days',"
        " last_attempt_at = now() - interval '31 days' WHERE id = %(id)s"
    )
    rows(database, old, {"id": receiver.ids[0]})
    result = app.test_cli_runner().invoke(args=["purge"])
    assert "deliveries: " in result.output
    assert [each["id"] for each in deliveries(alice, webhook)] == receiver.ids[1:]


@pytest.mark.parametrize("let_go", [lambda a, w: change(a, w, active=False), delete])
def test_nobody_in_the_project_waits_while_much_is_called_off(
    app: Flask,
    alice: Person,
    project: Record,
    webhook: Record,
    database: str,
    let_go: Callable[[Person, Record], Any],
) -> None:
    make_task(alice, project_id=project["id"])
    webhook_planner.plan(f"project:{project['id']}")
    other = replace(alice, client=app.test_client())
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with connect(database) as connection, connection.transaction(), ThreadPoolExecutor() as threads:
        connection.execute("SELECT FROM deliveries WHERE webhook_id = %(id)s FOR UPDATE", webhook)
        gone = threads.submit(let_go, other, webhook)
        wait_until(lambda: number(database, waiting) == 1)
        make_task(alice, project_id=project["id"])
        assert number(database, waiting) == 1
        connection.execute("ROLLBACK AND CHAIN")
        gone.result()


def test_a_webhook_that_is_deleted_is_told_nothing_more(
    alice: Person, project: Record, webhook: Record, receiver: Receiver
) -> None:
    make_task(alice, project_id=project["id"])
    done(alice.delete(f"/webhooks/{webhook['id']}"))
    worker.run_once()
    assert receiver.requests == []


def test_owners_see_in_the_audit_log_who_did_what_to_webhooks(
    alice: Person, bob: Person, project: Record, webhook: Record
) -> None:
    add_member(alice, project, bob, "owner")
    path = f"/webhooks/{webhook['id']}"
    change(bob, webhook, event_types=["task.created"])
    done(bob.post(f"{path}/rotate"))
    done(bob.delete(path))
    entries = done(alice.get(f"/audit?project_id={project['id']}"))
    told = [(each["action"], each["actor_id"]) for each in entries if "webhook" in each["action"]]
    assert told == [
        ("webhook.deleted", bob.id),
        ("webhook.rotated", bob.id),
        ("webhook.updated", bob.id),
        ("webhook.created", alice.id),
    ]


def test_secrets_are_encrypted_anew(
    app: Flask, alice: Person, webhook: Record, receiver: Receiver, database: str
) -> None:
    done(alice.post(f"/webhooks/{webhook['id']}/rotate"))
    query = "SELECT secret, old_secret FROM webhooks WHERE id = %(id)s"
    (before,) = rows(database, query, webhook)
    assert app.test_cli_runner().invoke(args=["rotate-secrets"]).exit_code == 0
    (after,) = rows(database, query, webhook)
    assert {*before.values()} & {*after.values()} == set()
    ask(alice, f"/webhooks/{webhook['id']}/ping")
    assert receiver.requests[0].is_signed_by(webhook["secret"])


def test_what_is_next_is_found_without_reading_all_that_waits(
    webhook: Record, database: str
) -> None:
    many = """
        INSERT INTO deliveries (id, webhook_id, seq, type, next_attempt_at)
        SELECT gen_random_uuid(), %(id)s, n, 'task.created', now()
        FROM generate_series(1, 20000) AS n
    """
    rows(database, many, webhook)
    rows(database, "ANALYZE deliveries")
    for plan in Explainer(database).plans_of(db.prepare(NEXT), id=webhook["id"]):
        assert plan.rows_read < 100, plan
    rows(database, "DELETE FROM deliveries WHERE webhook_id = %(id)s", webhook)  # not for others


def test_a_project_has_so_many_webhooks_and_no_more(alice: Person, receiver: Receiver) -> None:
    project = make_project(alice)
    for _ in range(20):
        make_webhook(alice, project, receiver.url)
    answer = alice.post(f"/projects/{project['id']}/webhooks", {"url": receiver.url})
    assert refusal(answer) == (409, "too_many_webhooks")


def test_a_receiver_that_times_out_again_and_again_is_left_alone_for_a_while(
    alice: Person,
    project: Record,
    webhook: Record,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    log: CapturingLogger,
) -> None:
    asked: list[str] = []

    def time_out(url: str, *_: Any) -> Answer:
        asked.append(url)
        return Answer(15_000, error=TIMED_OUT)

    monkeypatch.setattr(webhook_caller, "post", time_out)
    for _ in range(5):
        make_task(alice, project_id=project["id"])
    worker.run_once()
    assert len(asked) == 3
    rest = "SELECT ceil(extract(epoch FROM resting_until - now()))::int FROM webhooks WHERE id"
    assert 50 <= number(database, f"{rest} = %(id)s", webhook) <= 60
    rows(database, "UPDATE webhooks SET resting_until = now() WHERE id = %(id)s", webhook)
    make_due(database, webhook)
    last = log.calls[-1]
    assert (last.method_name, last.kwargs["status"], last.kwargs["reason"]) == (
        "warning",
        None,
        TIMED_OUT,
    )
    assert webhook["url"] not in repr(log.calls)
    assert len(asked) == 4
    assert 110 <= number(database, f"{rest} = %(id)s", webhook) <= 120
    monkeypatch.undo()
    ask(alice, f"/webhooks/{webhook['id']}/ping")  # whoever asks for something does not wait
    make_due(database, webhook)
    assert {each["status"] for each in deliveries(alice, webhook)} == {"delivered"}
