"""Twenty agents and a thousand tasks, over two workers: each is done, and done once."""

import random
import subprocess
import sys
from contextlib import ExitStack
from functools import partial
from typing import LiteralString

import pytest
from flask import Flask

from config import settings
from tests import labourer
from tests.agents import make_agent
from tests.crowd import at_once
from tests.factories import sign_up
from tests.records import make_project
from tests.server import Server
from tests.sql import number, rows
from tests.waiting import wait_until

AGENTS = 20
KILLED = 30
LAST_SECONDS = 240

FILL = """
    INSERT INTO tasks (id, project_id, created_by, position, title)
    SELECT gen_random_uuid(), %(project)s, %(owner)s, lpad(number::text, 6, '0'), 'Task ' || number
    FROM generate_series(1, %(count)s) AS number
"""
DONE = "SELECT count(*) FROM tasks WHERE project_id = %(project)s AND status = 'completed'"
ENDED = """
    SELECT leases.status, count(*) AS leases, count(DISTINCT task_id) AS tasks
    FROM leases JOIN tasks ON tasks.id = leases.task_id
    WHERE tasks.project_id = %(project)s GROUP BY leases.status
"""
# Two leases of one task that were active at the same time.
CROSSED = """
    SELECT count(*) FROM leases AS one JOIN leases AS other
        ON other.task_id = one.task_id AND other.id > one.id AND other.created_at < one.ended_at
    WHERE one.project_id = %(project)s
"""
RUNNING = "SELECT count(*) FROM time_entries WHERE project_id = %(project)s AND ended_at IS NULL"


class Backlog:
    """So many tasks of a project, and the agents that are to do them."""

    def __init__(self, app: Flask, database: str, size: int) -> None:
        owner = sign_up(app, "Owner")
        project = make_project(owner)
        self._database = database
        self._project = {"project": project["id"]}
        self.size = size
        rows(database, FILL, self._project | {"owner": owner.id, "count": size})
        agents = [make_agent(owner, project) for _ in range(AGENTS)]
        self.tokens = [agent.tokens["access_token"] for agent in agents]

    def count(self, statement: LiteralString) -> int:
        return number(self._database, statement, self._project)

    def has_more_than(self, done: int) -> bool:
        return self.count(DONE) > done

    def ended(self) -> dict[str, dict[str, int]]:
        """Return how many leases, of how many tasks, by how they ended."""
        return {each.pop("status"): each for each in rows(self._database, ENDED, self._project)}

    def assert_each_done_once(self) -> None:
        assert self.count(DONE) == self.size
        ended = self.ended()
        assert ended["completed"] == {"leases": self.size, "tasks": self.size}
        assert set(ended) <= {"completed", "expired"}
        assert self.count(CROSSED) == 0
        assert self.count(RUNNING) == 0


class Crew:
    """Agents, each a process of its own that works until it is killed."""

    def __init__(self, server: Server, tokens: list[str]) -> None:
        self._url = server.url + settings.api_prefix
        self._tokens = tokens
        self._processes = [self._start(token) for token in tokens]

    def replace_one(self) -> None:
        """Kill one and start the next with its token."""
        place = random.randrange(len(self._tokens))
        self._kill(place)
        self._processes[place] = self._start(self._tokens[place])

    def end(self) -> None:
        for place in range(len(self._processes)):
            self._kill(place)

    def _start(self, token: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.labourer", self._url, token]
        return subprocess.Popen(command, cwd=settings.project_dir)

    def _kill(self, place: int) -> None:
        self._processes[place].kill()
        self._processes[place].wait()


@pytest.mark.parametrize("size", [200, pytest.param(1_000, marks=pytest.mark.faults)])
@pytest.mark.timeout(300)
def test_agents_at_once_do_each_task_once(
    app: Flask, server: Server, database: str, size: int
) -> None:
    backlog = Backlog(app, database, size)
    with ExitStack() as stack:
        clients = [stack.enter_context(server.client(token)) for token in backlog.tokens]
        at_once([partial(labourer.work, client) for client in clients])
    backlog.assert_each_done_once()


@pytest.mark.faults
@pytest.mark.timeout(400)
def test_agents_that_are_killed_at_random_leave_no_task_undone(
    app: Flask, server: Server, database: str
) -> None:
    backlog = Backlog(app, database, 1_000)
    crew = Crew(server, backlog.tokens)
    try:
        for _ in range(KILLED):
            wait_until(partial(backlog.has_more_than, backlog.count(DONE)))
            crew.replace_one()
        wait_until(partial(backlog.has_more_than, backlog.size - 1), LAST_SECONDS)
    finally:
        crew.end()
    assert "expired" in backlog.ended()  # or else nobody was killed at work
    backlog.assert_each_done_once()
