"""Whoever floods the service is told to stop, and nobody else notices."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from flask import Flask

from config import settings
from tests.factories import Person, sign_up
from tests.server import Server
from tests.test_slow_clients import OTHERS, ROUNDS, p99

pytestmark = pytest.mark.faults

ASKED = 40
READS_PER_HOUR = 500  # more than those ask who keep to it, and soon less than the other does
SOCKETS_OF_ONE = 20
FLOODING = "4029"
STILL_OPEN, CAME_TOO_LATE = "0", "-1"
SECONDS = 120.0

Ends = dict[str, int]  # how often something ended in which way


@pytest.fixture
def limited(database: str, tmp_path: Path) -> Iterator[Server]:
    """A server at which one alone can have only so much."""
    log = tmp_path / "server.log"
    limits = {
        "RATE_LIMIT_READS": f"{READS_PER_HOUR} per hour",
        "SOCKETS_PER_USER": str(SOCKETS_OF_ONE),
    }
    with Server.running(log, **limits) as running:
        yield running
    assert "Traceback" not in log.read_text()


@contextmanager
def flooding(server: Server, person: Person, ends: list[Ends]) -> Iterator[None]:
    """Let somebody flood it meanwhile; add what became of requests, messages and sockets."""
    command = [sys.executable, "-m", "tests.flooder", server.url, person.tokens["access_token"]]
    with subprocess.Popen(
        command,
        cwd=settings.project_dir,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) > 0  # when to come again
        yield
        told, _ = process.communicate(timeout=SECONDS)
        ends += json.loads(told)


def test_who_floods_is_refused_and_nobody_else_notices(
    app: Flask, limited: Server, record_property: Callable[[str, object], None]
) -> None:
    people = [sign_up(app, "Alice") for _ in range(OTHERS)]
    mallory = sign_up(app, "Mallory")
    ends: list[Ends] = []
    with ExitStack() as stack:
        clients = [
            stack.enter_context(limited.client(each.tokens["access_token"])) for each in people
        ]
        p99(clients, ASKED)  # to warm up
        for _ in range(ROUNDS):
            alone = p99(clients, ASKED)
            ends.clear()
            with flooding(limited, mallory, ends):
                beside = p99(clients, ASKED)
            if beside < 2 * alone:
                break
    statuses, talks, hoards = ends
    record_property(
        "tried",
        f"one user floods with requests ({statuses}), messages ({talks}) and sockets ({hoards}): "
        f"p99 of others {beside:.1f} ms beside it and {alone:.1f} ms alone",
    )
    assert statuses.keys() <= {"200", "429"}
    assert statuses.get("200", 0) <= 2 * READS_PER_HOUR  # two workers count apart
    assert FLOODING in talks
    assert talks.keys() <= {FLOODING, CAME_TOO_LATE}
    assert hoards[STILL_OPEN] <= 2 * SOCKETS_OF_ONE
    assert hoards.keys() == {STILL_OPEN, FLOODING}
    assert beside < 2 * alone
