"""Whatever happens on the lines to PostgreSQL and to Redis, nothing that was acknowledged is lost.

People write, repeat what was not answered, and follow live, while faults come in a random order.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import pytest
from flask import Flask
from redis import Redis

from tests.crowd import at_once
from tests.drill import ON_ANY_LINE, Drill, Fault, seed_of_today
from tests.factories import sign_up
from tests.proxy import DatabaseProxy, Proxy, Way, Weather
from tests.server import Server
from tests.sql import number
from tests.test_live_delivery import REDIS, redis_answers
from tests.waiting import wait_until
from tests.worker import working

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

SOON_SECONDS = 5.0
REFUSED_SECONDS = 25.0  # to find a silent line out, to test it and to connect anew; and be slow
MORE_THAN_THE_POOL = 40

Tried = Callable[[str, object], None]


def cut_at_commits(proxy: Proxy) -> None:
    """Let everything pass but that something is committed."""
    proxy.on_answer = lambda piece: b"COMMIT\0" not in piece


def go_silent_at_a_commit(proxy: Proxy) -> None:
    """Let nothing pass any more as soon as something is committed."""

    def look(piece: bytes) -> bool:
        if b"COMMIT\0" in piece:
            proxy.weather = Weather(swallows=frozenset(Way))
        return True

    proxy.on_answer = look


TO_THE_DATABASE = [
    *ON_ANY_LINE,
    Fault("cut at commits", (3, 4), cut_at_commits),
    Fault("silent from a commit on", (3, 8), go_silent_at_a_commit),
]


@contextmanager
def drilling(
    database: str, folder: Path, proxy: Proxy, app: Flask, **environment: str
) -> Iterator[Drill]:
    """Two web workers and a job worker behind a proxy; no defect of theirs goes unnoticed."""
    log, worker_log = folder / "server.log", folder / "worker.log"
    with (
        Server.running(log, **environment) as server,
        working(database, worker_log, **environment),
        Drill.at(server, proxy, sign_up(app, "Alice"), sign_up(app, "Bob")) as drill,
    ):
        yield drill
    for each in (log, worker_log):
        assert "Traceback" not in each.read_text()


def report(drill: Drill, seed: int, wrong: list[str]) -> str:
    """Tell what was tried, and what was lost."""
    refusals = [a for each in drill.suffered.values() for a in each.answers if a.status == 503]
    backs = ", ".join(
        f"{name} {each.back:.1f}/{each.told:.1f}" for name, each in drill.suffered.items()
    )
    return (
        f"seed {seed}: {drill.acknowledged} writes acknowledged, {drill.repeats} repeated, "
        f"{len(refusals)} refused within {max((a.seconds for a in refusals), default=0):.1f} s; "
        f"seconds until all was well and told: {backs}; {len(wrong)} lost or half there"
    )


def assert_all_was_well_soon(drill: Drill) -> None:
    """A busy machine takes its time for nothing, too; it shows in one round or another."""
    soon = SOON_SECONDS + 2 * drill.suffered.pop("nothing").told
    assert median(each.back for each in drill.suffered.values()) < soon
    assert median(each.told for each in drill.suffered.values()) < soon


def assert_all_jobs_are_done(drill: Drill, database: str) -> None:
    """Each task was given to somebody, who is to be told once."""
    told = "SELECT count(*) FROM notifications WHERE user_id = %(id)s AND kind = 'assigned'"
    made = "SELECT count(*) FROM tasks WHERE assignee_id = %(id)s"
    bob = {"id": drill.other.id}
    wait_until(lambda: number(database, told, bob) == number(database, made, bob))


def assert_the_pool_is_whole(drill: Drill) -> None:
    """More people than there are connections get what they ask for, all at once."""
    token = drill.owner.tokens["access_token"]
    crowd = [drill.server.client(token) for _ in range(MORE_THAN_THE_POOL)]
    answers = at_once([lambda each=each: each.get("/projects") for each in crowd])  # type: ignore[misc]  # a default of its own
    assert {answer.status_code for answer in answers} == {200}
    for each in crowd:
        each.close()


def test_whatever_happens_on_the_way_to_the_database_nothing_is_lost(
    app: Flask, database: str, tmp_path: Path, record_property: Tried
) -> None:
    seed = seed_of_today()
    with (
        DatabaseProxy.before(database) as proxy,
        drilling(database, tmp_path, proxy, app, DATABASE_URL=proxy.url) as drill,
    ):
        drill.suffer_all(TO_THE_DATABASE, random.Random(seed))
        wrong = drill.wrong(database)
        record_property("tried", report(drill, seed, wrong))
        assert wrong == []
        assert_all_jobs_are_done(drill, database)
        assert_the_pool_is_whole(drill)
    for suffered in drill.suffered.values():
        for answer in suffered.answers:
            assert answer.status in (201, 409, 503)
            if answer.status != 201:
                assert answer.says_when
                assert answer.seconds < REFUSED_SECONDS
    assert_all_was_well_soon(drill)


@pytest.mark.skipif(not redis_answers(), reason="no Redis answers on 127.0.0.1:6379")
def test_whatever_happens_on_the_way_to_redis_work_goes_on_and_nothing_is_lost(
    app: Flask, database: str, tmp_path: Path, record_property: Tried
) -> None:
    seed = seed_of_today()
    target = Redis.from_url(REDIS).connection_pool.connection_kwargs
    with (
        Proxy((target["host"], target["port"])).opened() as proxy,
        drilling(
            database,
            tmp_path,
            proxy,
            app,
            REDIS_URL=f"redis://127.0.0.1:{proxy.port}/0",
            RATE_LIMIT_WRITES="1000000 per hour",
        ) as drill,
    ):
        drill.suffer_all(ON_ANY_LINE, random.Random(seed))
        wrong = drill.wrong(database)
        record_property("tried", report(drill, seed, wrong))
        assert wrong == []
        assert_all_jobs_are_done(drill, database)
    for suffered in drill.suffered.values():
        assert {answer.status for answer in suffered.answers} == {201}
    assert_all_was_well_soon(drill)
