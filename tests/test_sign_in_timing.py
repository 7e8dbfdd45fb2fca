"""How long signing in takes tells nothing: for accounts that there are and for others alike.

Hashes are cheap in tests, so that what remains is what could tell accounts apart: all the rest.
"""

import random
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from flask import Flask

from tests.factories import email_of, sign_up
from tests.server import Client, Server
from tests.sql import DURABLE_COMMITS, LAZY_COMMITS, rows

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

TRIALS = 200  # for each
WARM_UP = 20
ROUNDS = 5
MEDIANS_APART = 0.10
# Of the rank test: beyond this are 1 of 1,000 comparisons of what is the same.
Z_MAX = 3.29


@pytest.fixture
def patient_server(database: str, tmp_path: Path) -> Iterator[Server]:
    """One worker that lets anybody guess on and on: refusals are another matter.

    It waits for the disk as it does in earnest, for no audit of known accounts but with all else.
    """
    rows(database, DURABLE_COMMITS)
    options = {"ATTEMPTS_PER_ACCOUNT": "100000", "WEB_CONCURRENCY": "1"}
    with Server.running(tmp_path / "server.log", **options) as running:
        yield running
    rows(database, LAZY_COMMITS)


def milliseconds(client: Client, email: str) -> float:
    start = time.perf_counter()
    answer = client.post("/auth/login", json={"email": email, "password": "not this one"})
    took = (time.perf_counter() - start) * 1_000
    assert answer.status_code == 401
    return took


def z_of_ranks(one: Sequence[float], other: Sequence[float]) -> float:
    """Return how far the ranks of two samples are apart (Mann-Whitney), in deviations."""
    ranked = sorted([(value, True) for value in one] + [(value, False) for value in other])
    ranks = sum(rank for rank, (_, is_one) in enumerate(ranked, 1) if is_one)
    n, m = len(one), len(other)
    u = ranks - n * (n + 1) / 2
    return float((u - n * m / 2) / (n * m * (n + m + 1) / 12) ** 0.5)


def describe(name: str, sample: Sequence[float]) -> str:
    p10, p50, p90 = (statistics.quantiles(sample, n=10)[index] for index in (0, 4, 8))
    return f"{name:9}{len(sample)} trials: p10 {p10:.2f} ms, median {p50:.2f} ms, p90 {p90:.2f} ms"


def compare(server: Server, known: list[str], unknown: list[str]) -> dict[str, list[float]]:
    """Return how long signing in takes for both kinds of addresses, asked for by turns."""
    turns = [(name, number) for name in ("known", "unknown") for number in range(TRIALS)]
    random.shuffle(turns)
    took: dict[str, list[float]] = {"known": [], "unknown": []}
    with server.client() as client:
        for _ in range(WARM_UP):
            milliseconds(client, email_of("anybody"))
        for name, number in turns:
            emails = known if name == "known" else unknown
            took[name].append(milliseconds(client, emails[number % len(emails)]))
    return took


def tells_apart(took: dict[str, list[float]]) -> bool:
    """Tell whether medians or ranks differ; print what they are."""
    z = z_of_ranks(took["known"], took["unknown"])
    print()  # noqa: T201 - people are to see it
    for name, sample in took.items():
        print(describe(name, sample))  # noqa: T201 - likewise
    print(f"ranks are {z:+.2f} deviations apart")  # noqa: T201 - likewise
    medians = [statistics.median(sample) for sample in took.values()]
    return max(medians) / min(medians) >= 1 + MEDIANS_APART or abs(z) >= Z_MAX


@pytest.mark.parametrize("addresses", ["the same", "a new one each time"])
def test_known_and_unknown_accounts_take_the_same_time(
    patient_server: Server,
    app: Flask,
    addresses: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    is_fixed = addresses == "the same"
    known = [sign_up(app, "Known").email for _ in range(1 if is_fixed else TRIALS)]
    unknown = [email_of("known") for _ in known]
    # What else the machine does shows in a round; a difference shows in each.
    with capsys.disabled():
        assert not all(tells_apart(compare(patient_server, known, unknown)) for _ in range(ROUNDS))


def test_the_rank_test_tells_a_difference() -> None:
    """It must find what an attacker would: half a millisecond among noise of one."""
    noise = random.Random(1)
    slow, fast = ([noise.gauss(mean, 1.0) for _ in range(TRIALS)] for mean in (5.5, 5.0))
    assert abs(z_of_ranks(slow, fast)) > Z_MAX
    assert abs(z_of_ranks(fast, [noise.gauss(5.0, 1.0) for _ in range(TRIALS)])) < Z_MAX
