"""Delegates: to whom tasks are given, so that somebody can always go on with them."""

from typing import Any

import pytest

from tests.agents import claim, claim_one, make_agent
from tests.api.test_leases import end, entry_of, read
from tests.changes import throw_away
from tests.factories import Person, add_member
from tests.records import Record, done, make_project, make_task, refusal


@pytest.fixture
def agent(alice: Person, project: Record) -> Person:
    return make_agent(alice, project)


@pytest.fixture
def task(alice: Person, project: Record) -> Record:
    return make_task(alice, project_id=project["id"])


def give(person: Person, task: Record, **changes: Any) -> Record:
    """Change who does a task, as of the version that it has by now."""
    version = f'"v{read(person, task)["version"]}"'
    changed: Record = done(person.patch(f"/tasks/{task['id']}", changes, If_Match=version))
    return changed


def test_what_is_given_to_another_agent_is_claimed_by_that(
    alice: Person, agent: Person, project: Record, task: Record
) -> None:
    other = make_agent(alice, project)
    lease = claim_one(agent)
    given = give(alice, task, delegate_id=other.id)
    assert (given["status"], given["started_at"]) == ("pending", None)
    assert refusal(agent.post(f"/leases/{lease['id']}/heartbeat")) == (409, "lease_lost")
    assert claim_one(other)["task_id"] == task["id"]


def test_what_a_person_has_begun_is_claimed_by_the_agent_that_gets_it(
    alice: Person, agent: Person, project: Record
) -> None:
    task = make_task(alice, project_id=project["id"], status="in_progress", assignee_id=alice.id)
    assert give(alice, task, delegate_id=agent.id)["status"] == "pending"
    assert claim_one(agent)["task_id"] == task["id"]


def test_who_gives_a_task_may_say_that_it_is_in_progress(
    alice: Person, agent: Person, task: Record
) -> None:
    given = give(alice, task, delegate_id=agent.id, status="in_progress")
    assert given["status"] == "in_progress"


def test_a_person_who_takes_a_task_over_goes_on_with_it(
    alice: Person, agent: Person, task: Record
) -> None:
    claim_one(agent)
    assert give(alice, task, delegate_id=None)["status"] == "in_progress"


def test_an_agent_that_lets_go_of_a_task_puts_it_back(
    alice: Person, agent: Person, project: Record, task: Record
) -> None:
    lease = claim_one(agent)
    assert give(agent, task, delegate_id=None)["status"] == "pending"
    assert done(agent.get(f"/leases/{lease['id']}"))["status"] == "released"
    assert claim_one(make_agent(alice, project))["task_id"] == task["id"]


def test_what_is_reopened_waits_for_no_agent_that_left(
    alice: Person, agent: Person, task: Record
) -> None:
    end(agent, claim_one(agent), "complete")
    done(alice.delete(f"/agents/{agent.id}"))
    assert read(alice, task)["delegate_id"] == agent.id  # who has done it
    assert give(alice, task, status="pending")["delegate_id"] is None


def test_what_a_person_puts_back_is_anybodys_or_whose_it_was_given_to(
    alice: Person, agent: Person, project: Record, task: Record
) -> None:
    claim_one(agent)
    assert give(alice, task, status="pending")["delegate_id"] is None
    given = make_task(alice, project_id=project["id"], delegate_id=agent.id, priority="urgent")
    assert claim_one(agent)["task_id"] == given["id"]
    assert give(alice, given, status="pending")["delegate_id"] == agent.id


def test_what_comes_back_waits_for_no_agent_that_left(
    alice: Person, agent: Person, project: Record
) -> None:
    task = make_task(alice, project_id=project["id"], delegate_id=agent.id)
    operation = throw_away(alice, f"/tasks/{task['id']}")
    done(alice.delete(f"/agents/{agent.id}"))
    restored = done(alice.post(f"/trash/{operation}/restore"))
    assert [problem["code"] for problem in restored["problems"]] == ["delegate_gone"]
    assert read(alice, task)["delegate_id"] is None


def test_what_comes_back_is_still_given_to_an_agent_that_is_there(
    alice: Person, agent: Person, project: Record
) -> None:
    task = make_task(alice, project_id=project["id"], delegate_id=agent.id)
    operation = throw_away(alice, f"/tasks/{task['id']}")
    restored = done(alice.post(f"/trash/{operation}/restore"))
    assert restored["problems"] == []
    assert claim_one(agent)["task_id"] == task["id"]


@pytest.mark.parametrize("role", ["editor", "viewer"])
def test_what_moves_stays_given_to_an_agent_that_works_there_too(
    alice: Person, agent: Person, project: Record, role: str
) -> None:
    there = make_project(alice)
    add_member(alice, there, agent, role)
    task = make_task(alice, project_id=project["id"], delegate_id=agent.id)
    done(alice.post(f"/tasks/{task['id']}/move", {"project_id": there["id"]}))
    expected = agent.id if role == "editor" else None
    assert read(alice, task)["delegate_id"] == expected


def test_the_time_of_one_task_comes_back_while_another_is_held(
    alice: Person, agent: Person, project: Record
) -> None:
    for _ in range(2):
        make_task(alice, project_id=project["id"])
    one, _ = (claimed["lease"] for claimed in claim(agent, max=2))
    path = f"/time-entries/{entry_of(agent, one)['id']}"
    operation = throw_away(alice, path)
    assert done(alice.post(f"/trash/{operation}/restore"))["problems"] == []
    assert done(agent.get(path))["ended_at"] is None
