"""What happens to a lease at the same moment, through both workers of the real server."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import requests

from tests.agents import claim, claim_one, make_agent
from tests.crowd import at_once, crowd
from tests.factories import Person
from tests.records import Record, done, make_task
from tests.server import Client, Server
from tests.sql import number, rows

ROUNDS, HELD = 8, 12

# A lease is active as long as its agent is on the task, and so long runs its time.
ASTRAY = """
    SELECT count(*) FROM leases
    JOIN tasks ON tasks.id = leases.task_id
    JOIN users ON users.id = leases.agent_id
    LEFT JOIN time_entries ON time_entries.lease_id = leases.id
    WHERE leases.project_id = %(project)s AND (
        (leases.ended_at IS NULL) <> (time_entries.ended_at IS NULL)
        OR leases.ended_at IS NULL AND (
            tasks.status <> 'in_progress' OR tasks.deleted_at IS NOT NULL
            OR tasks.delegate_id IS DISTINCT FROM leases.agent_id OR NOT users.is_active
            OR tasks.project_id <> leases.project_id))
"""
RUN_OUT = "UPDATE leases SET expires_at = now() WHERE id = %(id)s"

Act = Callable[[Client, Record], requests.Response]


def complete(agent: Client, lease: Record) -> requests.Response:
    return agent.post(f"/leases/{lease['id']}/complete")


def release(agent: Client, lease: Record) -> requests.Response:
    return agent.post(f"/leases/{lease['id']}/release")


def fail(agent: Client, lease: Record) -> requests.Response:
    return agent.post(f"/leases/{lease['id']}/fail", json={"reason": "No network"})


def heartbeat(agent: Client, lease: Record) -> requests.Response:
    return agent.post(f"/leases/{lease['id']}/heartbeat", json={"progress": 50})


def take_over(owner: Client, lease: Record) -> requests.Response:
    return owner.patch(f"/tasks/{lease['task_id']}", json={"delegate_id": None})


def delete(owner: Client, lease: Record) -> requests.Response:
    return owner.delete(f"/tasks/{lease['task_id']}")


def switch_off(owner: Client, lease: Record) -> requests.Response:
    return owner.patch(f"/agents/{lease['agent_id']}", json={"is_active": False})


@pytest.fixture
def clients(server: Server, alice: Person) -> Iterator[list[Client]]:
    """Two connections, one at each worker; the first is Alice's."""
    with crowd(server, 2) as opened:
        opened[0].headers["Authorization"] = f"Bearer {alice.tokens['access_token']}"
        yield opened


@pytest.mark.parametrize("act", [complete, release, fail, heartbeat])
@pytest.mark.parametrize("change", [take_over, delete, switch_off])
def test_what_a_person_does_meanwhile_leaves_nothing_astray(
    clients: list[Client], alice: Person, project: Record, database: str, act: Act, change: Act
) -> None:
    for _ in range(ROUNDS):
        agent = make_agent(alice, project)
        task = make_task(alice, project_id=project["id"], delegate_id=agent.id)
        lease = claim_one(agent)
        owner, at_work = clients
        at_work.headers["Authorization"] = f"Bearer {agent.tokens['access_token']}"
        changed, acted = at_once([partial(change, owner, lease), partial(act, at_work, lease)])
        assert changed.status_code in (200, 204), changed.text
        # 401: switched off; 404: the task is gone; 409: it was taken away
        assert acted.status_code in (200, 401, 404, 409), acted.text
        ended = done(alice.get(f"/leases/{lease['id']}"))
        if acted.status_code != 200:
            assert ended["status"] == "taken_over"
        assert number(database, ASTRAY, {"project": project["id"]}) == 0
        alice.delete(f"/tasks/{task['id']}")


def test_a_heartbeat_and_a_claim_at_the_last_moment_agree_on_who_holds_the_task(
    clients: list[Client], alice: Person, project: Record, database: str
) -> None:
    one, other = make_agent(alice, project), make_agent(alice, project)
    for client, agent in zip(clients, (one, other), strict=True):
        client.headers["Authorization"] = f"Bearer {agent.tokens['access_token']}"
    for _ in range(ROUNDS):
        task = make_task(alice, project_id=project["id"])
        lease = claim_one(one)
        rows(database, RUN_OUT, {"id": lease["id"]})
        renewed, claimed = at_once(
            [
                partial(heartbeat, clients[0], lease),
                partial(clients[1].post, "/agents/me/claim", json={}),
            ]
        )
        taken: list[Any] = claimed.json()["claimed"]
        assert (renewed.status_code, len(taken)) in ((200, 0), (409, 1))
        assert number(database, ASTRAY, {"project": project["id"]}) == 0
        done(alice.delete(f"/tasks/{task['id']}"))


def test_a_task_is_claimed_or_deleted(
    clients: list[Client], alice: Person, project: Record, database: str
) -> None:
    agent = make_agent(alice, project)
    clients[1].headers["Authorization"] = f"Bearer {agent.tokens['access_token']}"
    for _ in range(ROUNDS):
        task = make_task(alice, project_id=project["id"])
        deleted, claimed = at_once(
            [
                partial(clients[0].delete, f"/tasks/{task['id']}"),
                partial(clients[1].post, "/agents/me/claim", json={}),
            ]
        )
        assert (deleted.status_code, claimed.status_code) == (204, 200)
        assert number(database, ASTRAY, {"project": project["id"]}) == 0


def change_all(owner: Client, leases: list[Record], change: Record) -> int:
    """Change what agents hold, in another order than they work in."""
    changes = [
        {"kind": "update", "id": lease["task_id"], "task": change} for lease in reversed(leases)
    ]
    return owner.post("/tasks/bulk", json={"changes": changes}).status_code


def end_all(agent: Client, leases: list[Record]) -> int:
    """End leases in different ways; return the worst answer."""
    acts = (complete, release, fail, heartbeat) * HELD
    answers = [act(agent, lease) for act, lease in zip(acts, leases, strict=False)]
    return max(answer.status_code for answer in answers)


@pytest.mark.parametrize(
    "change", [{"delegate_id": None}, {"status": "completed"}, {"status": "pending"}]
)
def test_a_bulk_change_of_what_an_agent_is_ending_leaves_nothing_astray(
    clients: list[Client], alice: Person, project: Record, database: str, change: Record
) -> None:
    agent = make_agent(alice, project)
    owner, at_work = clients
    at_work.headers["Authorization"] = f"Bearer {agent.tokens['access_token']}"
    for _ in range(ROUNDS):
        for _ in range(HELD):
            make_task(alice, project_id=project["id"], delegate_id=agent.id)
        leases = [claimed["lease"] for claimed in claim(agent, max=HELD)]
        changed, worst = at_once(
            [partial(change_all, owner, leases, change), partial(end_all, at_work, leases)]
        )
        assert (changed, worst) in ((200, 200), (200, 409))
        assert number(database, ASTRAY, {"project": project["id"]}) == 0
        for lease in leases:
            done(alice.delete(f"/tasks/{lease['task_id']}"))
