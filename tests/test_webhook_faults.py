"""Webhooks whose worker is killed in the middle of a delivery, again and again."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from flask import Flask

from services.program import STOP_SECONDS
from tests.api.test_webhooks import make_webhook
from tests.factories import Person
from tests.receiver import Received, Reply, receiving
from tests.records import Record, make_project, make_task
from tests.sql import number
from tests.waiting import wait_until
from tests.worker import working

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

KILLS = 10
ARRIVES_WITHIN = 60  # seconds


def test_every_event_arrives_under_one_id_though_its_worker_is_killed(
    alice: Person,
    project: Record,
    database: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    reached, released = Event(), Event()

    def hold_the_first(received: Received) -> Reply:
        """Keep whoever comes first after a kill waiting, so that it is killed on the way."""
        if not released.is_set():
            reached.set()
            released.wait(30)
        return Reply(204)

    with receiving() as receiver, working(database, tmp_path / "worker.log") as worker:
        webhook = make_webhook(alice, project, receiver.url)
        receiver.reply = hold_the_first
        for number in range(KILLS):
            reached.clear()
            released.clear()
            titles = {
                make_task(alice, project_id=project["id"], title=f"{number}")["id"]
                for _ in range(3)
            }
            assert reached.wait(ARRIVES_WITHIN)
            worker.kill()
            released.set()
            begin = time.monotonic()
            worker.start()
            wait_until(
                lambda ids=titles: ids <= {each.message["subject"] for each in receiver.requests},  # type: ignore[misc]  # a default of its own
                ARRIVES_WITHIN,
            )
            assert time.monotonic() - begin < ARRIVES_WITHIN
    ids_by_seq: dict[int, set[str]] = {}
    for each in receiver.requests:
        assert each.is_signed_by(webhook["secret"])
        ids_by_seq.setdefault(each.message["seq"], set()).add(each.id)
    assert len(ids_by_seq) == 3 * KILLS
    assert {len(ids) for ids in ids_by_seq.values()} == {1}
    first_seen = list(dict.fromkeys(receiver.seqs))
    assert first_seen == sorted(first_seen)
    assert len(receiver.requests) == 4 * KILLS  # each kill has one sent twice
    record_property(
        "tried",
        f"{KILLS} kills -9 of the job worker amid a delivery: {len(ids_by_seq)} events, each "
        "arrived under one id, 0 lost",
    )


def test_two_workers_send_what_many_write_once_and_in_order(
    app: Flask, alice: Person, project: Record, database: str, tmp_path: Path
) -> None:
    writers, each_writes = 8, 25

    def write(_number: int) -> None:
        writer = replace(alice, client=app.test_client())
        for _ in range(each_writes):
            make_task(writer, project_id=project["id"])

    one, other = tmp_path / "one.log", tmp_path / "other.log"
    with receiving() as receiver, working(database, one), working(database, other):
        make_webhook(alice, project, receiver.url)
        with ThreadPoolExecutor(writers) as threads:
            list(threads.map(write, range(writers)))
        wait_until(lambda: len(set(receiver.seqs)) == writers * each_writes, ARRIVES_WITHIN)
        assert receiver.seqs == sorted(set(receiver.seqs))
        assert len(set(receiver.ids)) == len(receiver.ids)


def test_a_worker_that_is_told_to_stop_leaves_the_rest_of_its_turn_to_the_next(
    alice: Person, project: Record, database: str, tmp_path: Path
) -> None:
    def take_a_second(_received: Received) -> Reply:
        time.sleep(1)
        return Reply()

    with receiving() as receiver, working(database, tmp_path / "worker.log") as worker:
        receiver.reply = take_a_second
        make_webhook(alice, project, receiver.url)
        for _ in range(15):
            make_task(alice, project_id=project["id"])
        wait_until(lambda: bool(receiver.requests), ARRIVES_WITHIN)
        worker.process.terminate()
        assert worker.process.wait(STOP_SECONDS) == 0
        sent = len(receiver.requests)
        assert sent < 8
        receiver.reply = lambda _: Reply()
        worker.start()
        wait_until(lambda: len(receiver.requests) == 15, ARRIVES_WITHIN)
        assert len(set(receiver.ids)) == 15


def test_receivers_that_do_not_answer_hold_up_nobody_else(
    alice: Person, project: Record, database: str, tmp_path: Path
) -> None:
    released = Event()

    def keep_waiting(_received: Received) -> Reply:
        released.wait(60)
        return Reply()

    few = {"WORKER_WEBHOOKS": "2", "WEBHOOK_SECONDS": "10"}
    with (
        receiving() as receiver,
        receiving() as hung,
        working(database, tmp_path / "worker.log", **few),
    ):
        hung.reply = keep_waiting
        for _ in range(4):
            make_webhook(alice, project, hung.url)
        for _ in range(5):
            make_task(alice, project_id=project["id"])
        late = "SELECT count(*) FROM webhooks WHERE project_id = %(id)s AND active AND timeouts > 0"
        wait_until(lambda: number(database, late, project) == 4, ARRIVES_WITHIN)
        other = make_project(alice)
        make_webhook(alice, other, receiver.url)
        make_task(alice, project_id=other["id"])
        wait_until(lambda: len(receiver.requests) == 1, 8)  # sooner than one is given up
        released.set()
