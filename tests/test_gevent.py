"""A worker's event loop goes on whatever one request waits for; see tests/under_gevent.py."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from config import settings

SECONDS = 240
TICKS = 15  # of a millisecond; a blocked event loop allows for one or two

Facts = dict[str, Any]


@pytest.fixture(scope="module")
def found_out(database: str) -> dict[str, Facts]:
    """What the scenarios of tests/under_gevent.py found out."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.under_gevent"],
        cwd=settings.project_dir,
        stdout=subprocess.PIPE,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    facts: dict[str, Facts] = json.loads(done.stdout)
    return facts


@pytest.fixture
def in_a_worker(found_out: dict[str, Facts]) -> Callable[[str], Facts]:
    """Returns what a scenario found out."""

    def find(name: str) -> Facts:
        facts = found_out[name]
        assert "failure" not in facts, facts["failure"]
        return facts

    return find


def test_queries_of_several_requests_wait_side_by_side(
    in_a_worker: Callable[[str], Facts],
) -> None:
    assert 1 <= in_a_worker("sleep_in_the_database")["seconds"] < 4  # of five, each a second


def test_connecting_to_a_silent_database_holds_nobody_up(
    in_a_worker: Callable[[str], Facts],
) -> None:
    facts = in_a_worker("connect_to_a_silent_database")
    assert facts["codes"] == ["database_away"]
    assert facts["ticks"] > TICKS


def test_a_statement_larger_than_the_socket_takes_at_once_arrives_whole(
    in_a_worker: Callable[[str], Facts],
) -> None:
    assert in_a_worker("send_much") == {"length": 30_000_000}


def test_the_time_that_an_answer_may_take_begins_when_it_is_asked_for(
    in_a_worker: Callable[[str], Facts],
) -> None:
    assert in_a_worker("compute_for_longer_than_answers_may_take") == {"answer": "answer"}


def test_hashing_passwords_holds_nobody_up(in_a_worker: Callable[[str], Facts]) -> None:
    assert in_a_worker("hash_passwords")["ticks"] > TICKS


def test_checking_passwords_of_unknown_accounts_holds_nobody_up(
    in_a_worker: Callable[[str], Facts],
) -> None:
    assert in_a_worker("check_passwords_of_nobody")["ticks"] > TICKS


def test_after_an_interrupted_query_the_next_gets_its_own_answer(
    in_a_worker: Callable[[str], Facts],
) -> None:
    assert in_a_worker("interrupt_a_query")["answers"] == ["before", "after"]


def test_wherever_requests_are_interrupted_everybody_gets_their_own_answers(
    in_a_worker: Callable[[str], Facts],
) -> None:
    facts = in_a_worker("interrupt_anywhere")
    assert set(facts["outcomes"]) == {"right", "interrupted"}
    assert facts["answers_of_the_whole_pool"] == [0, 1, 2, 3, 4]


def test_a_broadcast_is_one_step_however_slowly_somebody_reads(
    in_a_worker: Callable[[str], Facts],
) -> None:
    facts = in_a_worker("send_to_a_slow_reader")
    assert facts == {"meanwhile": [], "afterwards": ["ran"]}


def test_frames_for_many_slow_readers_are_kept_once(in_a_worker: Callable[[str], Facts]) -> None:
    assert in_a_worker("send_much_to_many_slow_readers")["bytes"] < 1_000_000


def test_a_slow_reader_gets_frames_of_all_sizes_in_order(
    in_a_worker: Callable[[str], Facts],
) -> None:
    assert in_a_worker("read_slowly") == {"intact": True, "all_sent": True}


def test_work_in_a_thread_knows_which_request_it_is_for(
    in_a_worker: Callable[[str], Facts],
) -> None:
    pairs = in_a_worker("work_in_a_thread")["pairs"]
    assert len({asked for asked, _ in pairs}) == 2
    assert all(asked == known for asked, known in pairs)
