"""A rolling restart whose new worker takes its time to load; see also test_live_faults."""

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.crowd import worker_pids
from tests.server import Server
from tests.waiting import wait_until

pytestmark = pytest.mark.faults

LOADING_SECONDS = 5
GONE_SECONDS = 30
STOPPED_SECONDS = 30


@pytest.fixture
def hold(tmp_path: Path) -> Path:
    """While this file is there, no worker is done with loading."""
    return tmp_path / "hold"


@pytest.fixture
def late(database: str, tmp_path: Path, hold: Path) -> Iterator[Server]:
    # Of several workers the first to be loaded would answer for those that are not.
    environment = {"LOADED_WITHOUT": str(hold), "WEB_CONCURRENCY": "1"}
    with Server.running(tmp_path / "server.log", "tests.late:app", **environment) as server:
        yield server


def seconds_of_an_answer(server: Server) -> float:
    """Ask on a connection of its own, which no worker holds already."""
    begin = time.monotonic()
    answer = requests.get(f"{server.url}/health", headers={"Connection": "close"}, timeout=60)
    assert answer.status_code == 200
    return time.monotonic() - begin


def test_who_serves_goes_on_until_those_who_take_over_can(
    late: Server, hold: Path, record_property: Callable[[str, object], None]
) -> None:
    old, waits = set(worker_pids(late)), []
    hold.touch()
    late.process.send_signal(signal.SIGHUP)
    end = time.monotonic() + LOADING_SECONDS
    while time.monotonic() < end:
        waits.append(seconds_of_an_answer(late))  # by an old one: no other can
    assert old < set(worker_pids(late))
    hold.unlink()
    while old & set(worker_pids(late)):
        waits.append(seconds_of_an_answer(late))
    waits.append(seconds_of_an_answer(late))
    record_property(
        "tried",
        f"a rolling restart whose new worker loads for {LOADING_SECONDS} s: {len(waits)} requests "
        f"meanwhile, 0 failed, the longest took {max(waits):.2f} s",
    )


def test_a_server_told_to_stop_amid_a_rolling_restart_waits_for_nobody_to_take_over(
    late: Server, hold: Path
) -> None:
    old = set(worker_pids(late))
    hold.touch()
    late.process.send_signal(signal.SIGHUP)
    wait_until(lambda: old < set(worker_pids(late)))
    late.process.send_signal(signal.SIGTERM)
    wait_until(lambda: not old & set(worker_pids(late)), GONE_SECONDS)
    hold.unlink()
    assert late.process.wait(STOPPED_SECONDS) == 0
