"""What agents hold or were given is anybody's again once they have left the project."""

from collections.abc import Callable

import pytest

from services.lapsed_lease_service import PORTION
from services.worker import worker
from tests.agents import claim, claim_one, make_agent
from tests.api.test_leases import add_member_of, entry_of, read
from tests.factories import Person, add_member
from tests.records import Record, done, make_project, make_task, refusal
from tests.sql import number, rows

GIVE_MANY = """
    INSERT INTO tasks (id, project_id, created_by, delegate_id, position, title)
    SELECT gen_random_uuid(), %(project)s, %(owner)s, %(agent)s, 'a0', 'Task'
    FROM generate_series(1, %(count)s)
"""
GIVEN = "SELECT count(*) FROM tasks WHERE delegate_id = %(agent)s"

Leaving = Callable[[Person, Record, Person], object]


@pytest.fixture
def agent(alice: Person, project: Record) -> Person:
    return make_agent(alice, project)


def remove(owner: Person, project: Record, member: Person) -> None:
    done(owner.delete(f"/projects/{project['id']}/members/{member.id}"))


def make_viewer(owner: Person, project: Record, member: Person) -> None:
    done(owner.patch(f"/projects/{project['id']}/members/{member.id}", {"role": "viewer"}))


@pytest.mark.parametrize("leave", [remove, make_viewer])
def test_what_it_holds_and_was_given_is_anybodys(
    alice: Person, agent: Person, project: Record, leave: Leaving
) -> None:
    tasks = [make_task(alice, project_id=project["id"], delegate_id=agent.id) for _ in range(2)]
    lease = claim_one(agent)
    leave(alice, project, agent)
    worker.run_once()
    for task in tasks:
        freed = read(alice, task)
        assert (freed["status"], freed["delegate_id"]) == ("pending", None)
    ended = done(alice.get(f"/leases/{lease['id']}"))
    assert ended["status"] == "taken_over"
    assert ended["reason"] == "The agent works in this project no more."
    assert entry_of(agent, lease)["ended_at"] is not None
    assert refusal(agent.post(f"/leases/{lease['id']}/heartbeat")) == (409, "lease_lost")
    assert len(claim(make_agent(alice, project), max=5)) == len(tasks)


@pytest.mark.parametrize("leave", [remove, make_viewer])
def test_agents_leave_with_whose_they_are(
    alice: Person, bob: Person, project: Record, leave: Leaving
) -> None:
    add_member(alice, project, bob, "editor")
    agent = make_agent(bob)
    add_member_of(alice, bob, project, agent)
    task = make_task(alice, project_id=project["id"], delegate_id=agent.id)
    claim_one(agent)
    leave(alice, project, bob)
    worker.run_once()
    freed = read(alice, task)
    assert (freed["status"], freed["delegate_id"]) == ("pending", None)


def test_what_it_has_elsewhere_stays(alice: Person, agent: Person, project: Record) -> None:
    there = make_project(alice)
    add_member(alice, there, agent, "editor")
    held = make_task(alice, project_id=there["id"])
    lease = claim_one(agent)
    given = make_task(alice, project_id=there["id"], delegate_id=agent.id)
    remove(alice, project, agent)
    worker.run_once()
    assert done(agent.get(f"/leases/{lease['id']}"))["status"] == "active"
    assert [read(alice, task)["delegate_id"] for task in (held, given)] == [agent.id, agent.id]


def test_who_is_back_at_once_keeps_what_was_given(
    alice: Person, agent: Person, project: Record
) -> None:
    task = make_task(alice, project_id=project["id"], delegate_id=agent.id)
    remove(alice, project, agent)
    add_member(alice, project, agent, "editor")
    worker.run_once()
    assert claim_one(agent)["task_id"] == task["id"]


def test_what_it_has_done_tells_so(alice: Person, agent: Person, project: Record) -> None:
    task = make_task(alice, project_id=project["id"])
    done(agent.post(f"/leases/{claim_one(agent)['id']}/complete"))
    remove(alice, project, agent)
    worker.run_once()
    assert read(alice, task)["delegate_id"] == agent.id


def test_of_a_deleted_agent_any_number_of_tasks_is_freed(
    alice: Person, agent: Person, project: Record, database: str
) -> None:
    values = {"project": project["id"], "owner": alice.id, "agent": agent.id}
    many = 2 * PORTION + 1
    rows(database, GIVE_MANY, values | {"count": many})
    done(alice.delete(f"/agents/{agent.id}"))
    assert number(database, GIVEN, values) == many  # a request has no time for as many as there are
    worker.run_once()
    assert number(database, GIVEN, values) == 0
