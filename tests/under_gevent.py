"""What tests/test_gevent.py runs in a process of its own, patched like a worker of gunicorn.

`python -m tests.under_gevent` calls every scenario and prints what they found out as JSON.
"""

import runpy
from pathlib import Path

# The master imports what its configuration needs; a worker is a copy of it, patched after that.
runpy.run_path(str(Path(__file__).parents[1] / "gunicorn.conf.py"))

from gevent import monkey  # noqa: E402 - see above

monkey.patch_all()

import json  # noqa: E402 - everything else is imported by the worker
import random  # noqa: E402
import socket  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
import traceback  # noqa: E402
import tracemalloc  # noqa: E402
from collections.abc import Callable, Sequence  # noqa: E402
from contextlib import suppress  # noqa: E402
from functools import partial  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402

from config import settings  # noqa: E402
from services.db_client import DatabaseClient, find_database_url  # noqa: E402
from services.live.live_socket import LiveSocket  # noqa: E402
from services.password_service import PasswordService  # noqa: E402
from tests.sql import run  # noqa: E402
from utils.errors import UnavailableError  # noqa: E402
from utils.offload import offload  # noqa: E402
from utils.trace_context import begin_errand, current_errand  # noqa: E402

SLEEPERS = HASHES = POOL_SIZE = 5
PRODUCTION_MEMORY_KIB = 19_456
GREENLETS, QUERIES = 10, 50
LARGE = 30_000_000
PATIENCE = 1.0
INTERRUPTED_WITHIN = (0.05, 5.0)  # soon, and late enough for an answer where the machine is busy

Facts = dict[str, Any]


SCENARIOS: dict[str, Callable[[], Facts]] = {}


def scenario(function: Callable[[], Facts]) -> Callable[[], Facts]:
    SCENARIOS[function.__name__] = function
    return function


def client_with(pool_size: int) -> DatabaseClient:
    options = settings.model_copy(update={"database_pool_size": pool_size})
    return DatabaseClient(find_database_url, options)


def production_passwords() -> PasswordService:
    return PasswordService(
        settings.model_copy(update={"password_memory_kib": PRODUCTION_MEMORY_KIB})
    )


def together(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run each in a greenlet of its own; an error of one is raised here."""
    greenlets = [gevent.spawn(work) for work in works]
    gevent.joinall(greenlets, raise_error=True)
    return [greenlet.get() for greenlet in greenlets]


def ticks_during(work: Callable[[], object]) -> int:
    """Return how often another greenlet, which counts milliseconds, gets its turn meanwhile."""
    ticks = 0

    def tick() -> None:
        nonlocal ticks
        while True:
            gevent.sleep(0.001)
            ticks += 1

    ticker = gevent.spawn(tick)
    gevent.sleep(0)
    work()
    ticker.kill()
    return ticks


@scenario
def sleep_in_the_database() -> Facts:
    client = client_with(SLEEPERS)
    together([partial(client.reading, lambda: run(client, "SELECT 1"))] * SLEEPERS)
    begin = time.monotonic()
    together([partial(client.reading, lambda: run(client, "SELECT pg_sleep(1)"))] * SLEEPERS)
    return {"seconds": time.monotonic() - begin}


@scenario
def connect_to_a_silent_database() -> Facts:
    """The kernel takes the connection; nobody reads what is sent."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql+psycopg://nobody@127.0.0.1:{silent.getsockname()[1]}/nowhere"
        options = settings.model_copy(update={"database_connect_seconds": 2})
        client = DatabaseClient(lambda: url, options)
        codes = []

        def attempt() -> None:
            try:
                client.reading(lambda: run(client, "SELECT 1"))
            except UnavailableError as error:
                codes.append(error.code)

        return {"ticks": ticks_during(attempt), "codes": codes}


@scenario
def send_much() -> Facts:
    client = client_with(1)
    query = "SELECT length(%s)"
    return {"length": client.reading(lambda: run(client, query, "x" * LARGE))}


@scenario
def hash_passwords() -> Facts:
    passwords = production_passwords()
    works = [partial(passwords.hash_new, f"the password of {n}") for n in range(HASHES)]
    return {"ticks": ticks_during(lambda: together(works))}


@scenario
def check_passwords_of_nobody() -> Facts:
    """Unknown accounts have no hash; checking takes as long as it does for known ones."""
    passwords = production_passwords()
    works = [partial(passwords.matches, f"a guess of {n}", None) for n in range(HASHES)]
    return {"ticks": ticks_during(lambda: together(works))}


@scenario
def compute_for_longer_than_answers_may_take() -> Facts:
    client = client_with(1)
    stand_still = monkey.get_original("time", "sleep")

    def ask() -> Any:
        client.current.driver.patience = PATIENCE  # type: ignore[attr-defined]  # ours have it
        run(client, "SELECT 'before'")  # whose answer is the last that the loop knows of
        stand_still(2 * PATIENCE)
        return run(client, "SELECT 'answer' FROM pg_sleep(0.1)")

    return {"answer": client.reading(ask)}


@scenario
def interrupt_a_query() -> Facts:
    """Interrupt a query, then ask for something else on the only connection."""
    client = client_with(1)
    before = client.reading(lambda: run(client, "SELECT 'before'"))
    with suppress(gevent.Timeout), gevent.Timeout(0.1):
        client.reading(lambda: run(client, "SELECT 'interrupted' FROM pg_sleep(60)"))
    return {"answers": [before, client.reading(lambda: run(client, "SELECT 'after'"))]}


@scenario
def interrupt_anywhere() -> Facts:
    """Interrupt many units of work at any moment; each asks for a number of its own."""
    client = client_with(POOL_SIZE)
    chance = random.Random(1)

    def ask(number: int) -> str:
        unit = chance.choice([client.reading, client.transaction])

        def work() -> int:
            found: int = run(
                client, "SELECT %s::int FROM pg_sleep(%s)", number, chance.uniform(0, 0.004)
            )
            return found

        try:
            with gevent.Timeout(chance.uniform(0, chance.choice(INTERRUPTED_WITHIN))):
                return "right" if unit(work) == number else "wrong"
        except gevent.Timeout:
            return "interrupted"

    def ask_often(first: int) -> list[str]:
        return [ask(first + count) for count in range(QUERIES)]

    asked = together([partial(ask_often, QUERIES * n) for n in range(GREENLETS)])
    outcomes = [outcome for each in asked for outcome in each]
    query = "SELECT %s::int FROM pg_sleep(0.1)"
    last = [partial(client.reading, partial(run, client, query, n)) for n in range(POOL_SIZE)]
    return {
        "outcomes": {name: outcomes.count(name) for name in sorted(set(outcomes))},
        "answers_of_the_whole_pool": together(last),
    }


def slow_readers(number: int) -> list[tuple[LiveSocket, socket.socket]]:
    """Return sockets to readers who read nothing, and their ends."""
    pairs = [socket.socketpair() for _ in range(number)]
    return [(LiveSocket(ours, LARGE), theirs) for ours, theirs in pairs]


@scenario
def send_to_a_slow_reader() -> Facts:
    ((ours, theirs),) = slow_readers(1)
    others: list[str] = []
    gevent.spawn(others.append, "ran")
    ours.send(b"x" * LARGE)
    ran_meanwhile = list(others)
    gevent.sleep(0)
    theirs.close()
    return {"meanwhile": ran_meanwhile, "afterwards": others}


@scenario
def send_much_to_many_slow_readers() -> Facts:
    readers = slow_readers(20)
    frames = b"x" * LARGE
    tracemalloc.start()
    for ours, _ in readers:
        ours.send(frames)
        ours.send(b"a small one")
    gevent.sleep(0.01)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    for _, theirs in readers:
        theirs.close()
    return {"bytes": peak}


@scenario
def read_slowly() -> Facts:
    """Frames of all sizes, of which the reader takes a little at a time."""
    ((ours, theirs),) = slow_readers(1)
    frames = [bytes([number]) * size for number, size in enumerate([9, 300_000, 1, 2, 90_000] * 6)]
    for frame in frames:
        ours.send(frame)
    expected, found = b"".join(frames), b""
    while len(found) < len(expected):
        found += theirs.recv(10_000)
    return {"intact": found == expected, "all_sent": ours.wait_until_sent(1)}


@scenario
def work_in_a_thread() -> Facts:
    """Two requests that leave work to threads, of which each has its own errand."""

    def ask() -> tuple[str, str]:
        asked = begin_errand(None)
        found = offload(current_errand)
        return asked.request_id, found.request_id if found else ""

    return {"pairs": together([ask] * 2)}


def facts_of(function: Callable[[], Facts]) -> Facts:
    """Call a scenario; one that fails does not keep the others from running."""
    try:
        return function()
    except Exception:  # noqa: BLE001 - it fails the tests that ask for it
        return {"failure": traceback.format_exc()}


if __name__ == "__main__":
    chosen = sys.argv[1:] or SCENARIOS
    sys.stdout.write(json.dumps({name: facts_of(SCENARIOS[name]) for name in chosen}))
