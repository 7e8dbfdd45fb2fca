"""Where a project wants it, agents propose what is done, and a person confirms it."""

import pytest

from models.task import REVIEW
from tests.agents import claim, claim_one, make_agent
from tests.api.test_leases import end, read, told
from tests.factories import Person
from tests.records import Record, done, make_comment, make_project, make_task, refusal
from utils.validators import LABELS_MAX


@pytest.fixture
def project(alice: Person) -> Record:
    """A project of Alice's in which agents propose."""
    return make_project(alice, settings={"agents_completing": "propose"})


@pytest.fixture
def agent(alice: Person, project: Record) -> Person:
    return make_agent(alice, project)


@pytest.fixture
def task(alice: Person, project: Record) -> Record:
    return make_task(alice, project_id=project["id"])


@pytest.fixture
def lease(agent: Person, task: Record) -> Record:
    return claim_one(agent)


def test_where_agents_propose_a_person_confirms(
    alice: Person, agent: Person, project: Record
) -> None:
    task = make_task(alice, project_id=project["id"], labels=["tests"])
    ended = end(agent, claim_one(agent), "complete")
    assert ended["status"] == "proposed"
    proposed = read(alice, task)
    assert (proposed["status"], proposed["labels"]) == ("in_progress", ["tests", "review"])
    assert ("agent_finished", task["id"]) in told(alice)
    confirmed = done(alice.patch(f"/tasks/{task['id']}", {"status": "completed"}))
    assert (confirmed["status"], confirmed["labels"]) == ("completed", ["tests"])


def test_a_person_may_send_a_proposal_back(alice: Person, agent: Person, project: Record) -> None:
    task = make_task(alice, project_id=project["id"])
    end(agent, claim_one(agent), "complete")
    assert claim(agent) == []
    make_comment(alice, task, "The third test is missing.")
    done(alice.patch(f"/tasks/{task['id']}", {"status": "pending"}))
    assert read(alice, task)["labels"] == []
    assert claim_one(agent)["task_id"] == task["id"]


def test_where_agents_propose_they_complete_by_no_other_way(
    alice: Person, agent: Person, project: Record, task: Record, lease: Record
) -> None:
    version = read(agent, task)["version"]
    change = {"status": "completed"}
    one = agent.patch(f"/tasks/{task['id']}", change, If_Match=f'"v{version}"')
    bulk = [{"kind": "update", "id": task["id"], "task": change, "if_version": version}]
    new = {"title": "Done", "project_id": project["id"], "status": "completed"}
    for answer in (one, agent.post("/tasks/bulk", {"changes": bulk}), agent.post("/tasks", new)):
        assert refusal(answer) == (403, "agents_propose")


def test_a_proposal_needs_room_for_its_label(alice: Person, agent: Person, project: Record) -> None:
    labels = [f"label {number}" for number in range(LABELS_MAX)]
    task = make_task(alice, project_id=project["id"], labels=labels)
    lease = claim_one(agent)
    path = f"/leases/{lease['id']}/complete"
    assert refusal(agent.post(path)) == (409, "too_many_labels")
    done(alice.patch(f"/tasks/{task['id']}", {"labels": labels[1:]}))
    done(agent.post(path))
    assert read(alice, task)["labels"] == [*labels[1:], REVIEW]


@pytest.mark.parametrize("status", ["pending", "completed", "cancelled"])
def test_the_label_stays_where_it_says_something_else(
    alice: Person, project: Record, status: str
) -> None:
    fields = {"labels": [REVIEW], "status": "in_progress"}
    task = make_task(alice, project_id=project["id"], **fields)
    changed = done(alice.patch(f"/tasks/{task['id']}", {"status": status}))
    assert changed["labels"] == [REVIEW]


def test_a_proposal_of_an_agent_that_left_is_sent_back_to_anybody(
    alice: Person, agent: Person, project: Record, task: Record, lease: Record
) -> None:
    end(agent, lease, "complete")
    done(alice.delete(f"/projects/{project['id']}/members/{agent.id}"))
    sent_back = done(alice.patch(f"/tasks/{task['id']}", {"status": "pending"}))
    assert (sent_back["delegate_id"], sent_back["labels"]) == (None, [])
