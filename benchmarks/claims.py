"""What a claim costs with 1,000, 100,000 and 1,000,000 open tasks: it should be the same.

Some agents claim and complete as fast as they can, each on a connection of its own. All backlogs
are in one database and take turns, so that only what an agent may claim differs. `python -m
benchmarks.claims`; BENCH_DATABASE_URL names a server to use instead of an embedded one.
"""

import argparse
import math
import os
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import LiteralString

from benchmarks import figures
from benchmarks.database import Database, temporary_database
from benchmarks.reader import Client, Reader
from benchmarks.servers import Server
from benchmarks.sides import running_stint

SIZES = (1_000, 100_000, 1_000_000)
AGENTS = 8
WORKERS = 2
OTHER_PROJECTS, TASKS_OF_OTHERS = 49, 1_000
BLOCKED_TASKS = 1_000
JOINING_SECONDS = 0.05  # one connection after another: else one worker may accept them all
SCOPES = ["tasks:write", "time:write"]

# One task in ten has a common label and ten in all a rare one; both are the least pressing, so
# that all the others come before them.
FILL: LiteralString = """
    INSERT INTO tasks (id, title, description, created_by, project_id, priority, due_at, labels,
                       position)
    SELECT (lpad(to_hex(1700000000000 + n::bigint * 1000), 12, '0') || '7'
            || substr(md5(%(salt)s || n), 1, 3) || '8' || substr(md5(%(salt)s || n), 4, 15))::uuid,
           'Task ' || n, 'Collect what the teams sent, check the sums, and note what is missing.',
           %(user_id)s, %(project_id)s,
           (ARRAY['none', 'low', 'medium', 'high', 'urgent'])[1 + n %% 5]::task_priority,
           CASE WHEN n %% 2 = 0 THEN now() + n * interval '1 minute' END,
           array_remove(ARRAY[CASE WHEN n %% 10 = 0 THEN 'often' END,
               CASE WHEN n %% (%(size)s / 10) = 0 THEN 'seldom' END], NULL),
           'i' || lpad(n::text, 9, '0') || 'V'
    FROM generate_series(1, %(size)s) AS n
"""
BLOCK: LiteralString = """
    UPDATE tasks SET priority = 'urgent', blocked_by = ARRAY[%(blocker)s::uuid]
    WHERE project_id = %(project_id)s AND id <> %(blocker)s
"""
JOIN: LiteralString = """
    INSERT INTO memberships (project_id, user_id, role)
    SELECT project_id, user_id, 'editor'
    FROM unnest(%(projects)s::uuid[]) AS project_id, unnest(%(users)s::uuid[]) AS user_id
"""
# What was done in one round is open in the next.
REOPEN: LiteralString = """
    UPDATE tasks SET status = 'pending', delegate_id = NULL, started_at = NULL, completed_at = NULL
    WHERE scope_id = ANY(%s::uuid[]) AND status = 'completed'
"""

NOTE = """ratio: of the figure before it, to the smallest backlog. p50 and p99: of all claims. CPU
us and db us: CPU time of the server and of PostgreSQL's backends for a claim and the end of its
lease; these tell most on a busy machine.
"""


@dataclass
class Case:
    """Agents who ask for the same among the same tasks."""

    question: str
    size: int
    projects: list[str]
    agents: list[Client]
    labels: list[str] = field(default_factory=list)
    end: str = "complete"
    rates: list[float] = field(default_factory=list)
    took_ms: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    database_us: list[float] = field(default_factory=list)


def make_cases(server: Server, database: Database, sizes: Sequence[int]) -> list[Case]:
    """Fill the projects, and send agents to each."""
    owner = Reader(server)
    others = [_project(database, owner, TASKS_OF_OTHERS) for _ in range(OTHER_PROJECTS)]
    blocked = _blocked_project(database, owner)
    cases = []
    for size in sizes:
        project = _project(database, owner, size)
        alone = _agents(server, database, owner, [project])
        among = _agents(server, database, owner, [project, *others])
        behind = _agents(server, database, owner, [project, blocked])
        cases += [
            Case("any task", size, [project], alone),
            Case("label, common", size, [project], alone, ["often"]),
            # There are not enough of them to complete any.
            Case("label, rare", size, [project], alone, ["seldom"], "release"),
            Case("50 projects", size, [project, *others], among),
            Case("first 1,000 blocked", size, [project], behind),
        ]
    with database.connect() as connection:
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")
    return cases


def _project(database: Database, owner: Reader, size: int) -> str:
    project_id: str = owner.ask("POST", "/projects", {"name": f"{size} tasks"})[0]["id"]
    values = {"size": size, "salt": secrets.token_hex(8)}
    with database.connect() as connection:
        connection.execute(FILL, values | {"user_id": owner.user_id, "project_id": project_id})
    owner.close()  # it was idle; the next request opens it anew
    return project_id


def _blocked_project(database: Database, owner: Reader) -> str:
    project_id = _project(database, owner, BLOCKED_TASKS)
    blocker = {"title": "Wait", "project_id": project_id, "assignee_id": owner.user_id}
    task = owner.ask("POST", "/tasks", blocker)[0]
    with database.connect() as connection:
        connection.execute(BLOCK, {"blocker": task["id"], "project_id": project_id})
    return project_id


def _agents(server: Server, database: Database, owner: Reader, projects: list[str]) -> list[Client]:
    agents, ids = [], []
    for _ in range(AGENTS):
        agent = owner.ask("POST", "/agents", {"name": "Builder", "kind": "script"})[0]
        body = {"name": "Benchmark", "scopes": SCOPES}
        token = owner.ask("POST", f"/agents/{agent['id']}/tokens", body)[0]["token"]
        agents.append(Client(server, token))
        ids.append(agent["id"])
    with database.connect() as connection:
        connection.execute(JOIN, {"projects": projects, "users": ids})
    return agents


def drive(case: Case, server: Server, database: Database, seconds: float) -> None:
    """Let the agents of a case work for some seconds, and note what their claims took."""
    with database.connect() as connection:
        connection.execute(REOPEN, [case.projects])
    begins_at = time.monotonic() + JOINING_SECONDS * len(case.agents)
    before = server.cpu_seconds(), database.cpu_seconds()
    with ThreadPoolExecutor(len(case.agents)) as pool:
        works = []
        for agent in case.agents:
            works.append(pool.submit(_work, agent, case, begins_at, seconds))
            time.sleep(JOINING_SECONDS)
        took = [each for work in works for each in work.result()]
    after = server.cpu_seconds(), database.cpu_seconds()
    case.rates.append(len(took) / seconds)
    case.took_ms += took
    for spent, was, now in zip((case.cpu_us, case.database_us), before, after, strict=True):
        if was is not None and now is not None and took:
            spent.append((now - was) / len(took) * 1e6)


def _work(agent: Client, case: Case, begins_at: float, seconds: float) -> list[float]:
    """Claim and end one task after another; return the milliseconds of each claim."""
    took: list[float] = []
    agent.close()  # it was idle; the next request opens it anew
    agent.ask("GET", "/tasks?limit=1")
    time.sleep(max(0.0, begins_at - time.monotonic()))
    while time.monotonic() < begins_at + seconds:
        started = time.perf_counter()
        claimed = agent.ask("POST", "/agents/me/claim", {"labels": case.labels})[0]["claimed"]
        milliseconds = (time.perf_counter() - started) * 1_000
        for each in claimed:
            took.append(milliseconds)
            body: dict[str, str] | None = {} if case.end == "complete" else None
            agent.ask("POST", f"/leases/{each['lease']['id']}/{case.end}", body)
    return took


def main() -> int:
    """Fill, measure in turns and print tables; the ratios are to the smallest backlog."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.claims", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="rounds of each case")
    parser.add_argument("--seconds", type=float, default=1, help="of a round")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="stint-claims-") as logs,
        temporary_database(os.environ.get("BENCH_DATABASE_URL")) as database,
        running_stint(WORKERS, database, Path(logs)) as server,
    ):
        cases = make_cases(server, database, options.sizes)
        sys.stdout.write(
            f"PostgreSQL {database.version()}, {os.cpu_count()} cores, {WORKERS} workers, "
            f"{AGENTS} agents, {options.rounds} rounds of {options.seconds:g} s in turns\n\n"
        )
        for case in cases:
            drive(case, server, database, 1)
            case.rates, case.took_ms, case.cpu_us, case.database_us = [], [], [], []
        for _ in range(options.rounds):
            for case in cases:
                drive(case, server, database, options.seconds)
        sys.stdout.write(render(cases))
        settings = {"agents": AGENTS, "workers": WORKERS, "postgresql": database.version()}
    figures.save("claims", settings, [_row(case) for case in cases])
    return 0


def render(cases: Sequence[Case]) -> str:
    """Return a table: a line for each question and backlog."""
    names = ("claims/s", "p50 ms", "p99 ms", "CPU us", "db us")
    lines = [f"{'':20}{'open tasks':>11}" + "".join(f"{name:>10}{'ratio':>7}" for name in names)]
    for question in dict.fromkeys(case.question for case in cases):
        alike = [case for case in cases if case.question == question]
        base = _figures(alike[0])
        for case in alike:
            cells = (
                f"{figure:>10.{1 if figure < 1_000 else 0}f}{figure / of_base:>7.2f}"
                for figure, of_base in zip(_figures(case), base, strict=True)
            )
            spread = f"   {min(case.rates):.0f}..{max(case.rates):.0f}/s"
            lines.append(f"{question:20}{case.size:>11,}" + "".join(cells) + spread)
    return "\n".join(lines) + f"\n\n{NOTE}"


def _row(case: Case) -> figures.Row:
    names = ("claims_per_second", "p50_ms", "p99_ms", "server_us", "database_us")
    return {"question": case.question, "open_tasks": case.size} | dict(
        zip(names, _figures(case), strict=True)
    )


def _figures(case: Case) -> list[float]:
    p99 = statistics.quantiles(case.took_ms, n=100)[-1]
    spent = [statistics.median(each or [math.nan]) for each in (case.cpu_us, case.database_us)]
    return [statistics.median(case.rates), statistics.median(case.took_ms), p99, *spent]


if __name__ == "__main__":
    sys.exit(main())
