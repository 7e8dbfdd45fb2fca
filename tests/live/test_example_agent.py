"""The example agent works like one should, against the real server."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from threading import Event, Thread

import pytest

from config import settings
from examples.agent import Agent, CannotDoError, Work
from tests.agents import make_agent
from tests.factories import Person
from tests.records import Record, done, make_task
from tests.server import Server
from tests.waiting import wait_until


class Employed:
    """The example agent, at work in a thread of its own until the test is over."""

    def __init__(self, server: Server, token: str, work: Work) -> None:
        self._agent = Agent(server.url, token, work)
        self._thread = Thread(target=self._agent.run, daemon=True)
        self._thread.start()

    def dismiss(self) -> None:
        self._agent.stopped = True
        self._thread.join(30)
        assert not self._thread.is_alive()


@pytest.fixture
def token(alice: Person, project: Record) -> str:
    """What an agent in Alice's project sends."""
    return str(make_agent(alice, project).tokens["access_token"])


@pytest.fixture
def task(alice: Person, project: Record) -> Record:
    return make_task(alice, project_id=project["id"])


def lease_of(person: Person, task: Record) -> Record:
    """Return the newest lease of a task; empty before there is one."""
    leases: list[Record] = done(person.get(f"/leases?task_id={task['id']}"))
    return leases[0] if leases else {}


def status_of(person: Person, task: Record) -> str:
    return str(done(person.get(f"/tasks/{task['id']}"))["status"])


def test_it_claims_reports_comments_and_completes(
    server: Server, alice: Person, task: Record, token: str
) -> None:
    halfway = Event()

    def work(claimed: Record) -> Iterator[tuple[int, str]]:
        assert claimed["id"] == task["id"]
        yield 50, "Half of it"
        assert halfway.wait(30)

    employed = Employed(server, token, work)
    wait_until(lambda: lease_of(alice, task).get("message") == "Half of it")
    assert lease_of(alice, task)["progress"] == 50
    halfway.set()
    wait_until(lambda: status_of(alice, task) == "completed")
    assert lease_of(alice, task)["status"] == "completed"
    (comment,) = done(alice.get(f"/tasks/{task['id']}/comments"))
    assert comment["created_by"] == lease_of(alice, task)["agent_id"]
    employed.dismiss()


def test_it_drops_what_a_person_takes_over_and_goes_on(
    server: Server, alice: Person, project: Record, task: Record, token: str
) -> None:
    taken = Event()

    def work(claimed: Record) -> Iterator[tuple[int, str]]:
        yield 10, "Begun"
        if claimed["id"] == task["id"]:
            assert taken.wait(30)
            yield 20, "Too late"

    employed = Employed(server, token, work)
    wait_until(lambda: lease_of(alice, task).get("message") == "Begun")
    mine = {"delegate_id": None, "assignee_id": alice.id}
    done(alice.patch(f"/tasks/{task['id']}", mine))
    taken.set()
    following = make_task(alice, project_id=project["id"])
    wait_until(lambda: status_of(alice, following) == "completed")
    assert lease_of(alice, task)["status"] == "taken_over"
    assert lease_of(alice, task)["message"] == "Begun"
    assert status_of(alice, task) == "in_progress"
    employed.dismiss()


def test_it_says_why_it_cannot_do_a_task(
    server: Server, alice: Person, task: Record, token: str
) -> None:
    def work(_task: Record) -> Iterator[tuple[int, str]]:
        yield 10, "Begun"
        raise CannotDoError("The map is missing")

    employed = Employed(server, token, work)
    wait_until(lambda: lease_of(alice, task).get("status") == "failed")
    assert lease_of(alice, task)["reason"] == "The map is missing"
    assert done(alice.get(f"/tasks/{task['id']}"))["assignee_id"] == alice.id
    employed.dismiss()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_gives_its_task_back_when_it_is_stopped(
    server: Server, alice: Person, task: Record, token: str, number: signal.Signals
) -> None:
    command = [sys.executable, "examples/agent.py", server.url, token]
    with subprocess.Popen(command, cwd=settings.project_dir) as process:
        wait_until(lambda: lease_of(alice, task).get("progress") == 25)
        process.send_signal(number)
        assert process.wait(30) == 0
    assert lease_of(alice, task)["status"] == "released"
    assert status_of(alice, task) == "pending"
