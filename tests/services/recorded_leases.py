"""Which events the work of agents records."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.agents import claim_one
from tests.factories import Person, as_agent
from tests.services.world import Recorded, World, ok

Doing = Callable[[World], list[Recorded]]


@contextmanager
def recording(world: World, agent: Person, *expected: Recorded) -> Iterator[list[Recorded]]:
    """Require that an agent leaves these events; those that are known at the end only are added."""
    known = len(world.events(agent.id))
    wanted: list[Recorded] = [*expected]
    yield wanted
    by_agent = [each | {"actor_id": agent.id} for each in wanted]
    assert world.events(agent.id)[known:] == by_agent


def task_of(world: World, lease: dict[str, Any]) -> Recorded:
    """Return the event of the task of a lease, as it is now."""
    return world.recorded("task.updated", ok(world.alice.get(f"/tasks/{lease['task_id']}")))


def time_of(world: World, agent: Person, kind: str) -> Recorded:
    (entry,) = ok(agent.get("/time-entries"))
    return world.recorded(kind, entry)


def claim_a_task(world: World) -> list[Recorded]:
    agent = as_agent(world.alice, world.agent["id"])
    with recording(world, agent) as expected:
        lease = claim_one(agent)
        started = time_of(world, agent, "time_entry.started")
        expected += [task_of(world, lease), started, world.recorded("lease.created", lease)]
    return []


def say_how_far_it_is(world: World) -> list[Recorded]:
    agent = as_agent(world.alice, world.agent["id"])
    lease = claim_one(agent)
    with recording(world, agent) as expected:
        lease = ok(agent.post(f"/leases/{lease['id']}/heartbeat", {"progress": 40}))
        expected += [world.recorded("lease.updated", lease)]
    return []


def end_by(how: str, body: dict[str, Any] | None) -> Doing:
    def end(world: World) -> list[Recorded]:
        agent = as_agent(world.alice, world.agent["id"])
        lease = claim_one(agent)
        with recording(world, agent) as expected:
            lease = ok(agent.post(f"/leases/{lease['id']}/{how}", body))
            stopped = time_of(world, agent, "time_entry.stopped")
            expected += [task_of(world, lease), stopped, world.recorded("lease.ended", lease)]
        return []

    return end


def take_over_from_an_agent(world: World) -> list[Recorded]:
    agent = as_agent(world.alice, world.agent["id"])
    lease = claim_one(agent)
    task = ok(world.alice.patch(f"/tasks/{lease['task_id']}", {"delegate_id": None}))
    return [
        world.recorded("task.updated", task),
        time_of(world, agent, "time_entry.stopped"),
        world.recorded("lease.ended", ok(world.alice.get(f"/leases/{lease['id']}"))),
    ]


DOINGS: list[tuple[str, Doing]] = [
    ("leases.claim_tasks", claim_a_task),
    ("leases.heartbeat_lease", say_how_far_it_is),
    ("leases.complete_lease", end_by("complete", None)),
    ("leases.fail_lease", end_by("fail", {"reason": "No network"})),
    ("leases.release_lease", end_by("release", None)),
    ("tasks.update_task", take_over_from_an_agent),
]
