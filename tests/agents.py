"""Agents in tests, and what they claim."""

from typing import Any

from services.db_client import db
from services.lapsed_lease_service import PORTION, lapsed_lease_service
from tests.factories import Person, add_member, as_agent
from tests.records import Record, done


def make_agent(owner: Person, *projects: Record, **fields: Any) -> Person:
    """Return an agent of somebody that works in their projects."""
    made = done(owner.post("/agents", {"name": "Fixer", "kind": "script"} | fields))
    agent = as_agent(owner, made["id"])
    for project in projects:
        add_member(owner, project, agent, "editor")
    return agent


def claim(agent: Person, **body: Any) -> list[Record]:
    """Return what an agent gets: tasks with their leases."""
    claimed: list[Record] = done(agent.post("/agents/me/claim", body))["claimed"]
    return claimed


def claim_one(agent: Person, **body: Any) -> Record:
    """Return the lease of the one task that there is to do."""
    (claimed,) = claim(agent, **body)
    lease: Record = claimed["lease"]
    return lease


def titles(claimed: list[Record]) -> list[str]:
    return [each["task"]["title"] for each in claimed]


def put_back() -> None:
    """Put back the tasks whose leases ran out, those of other tests before it included."""
    while db.transaction(lapsed_lease_service.put_back) == PORTION:
        pass
