"""What agents write, and what is there afterwards."""

from werkzeug.test import TestResponse

from tests.agents import claim_one, make_agent
from tests.factories import Person
from tests.records import make_project, make_task
from tests.services.writes import Write

AGENTS: dict[str, Person] = {}  # the agent of a person
LEASES: dict[str, str] = {}  # what it holds


def put_an_agent_to_work(person: Person) -> None:
    """Give somebody an agent, and the agent something to do."""
    project = make_project(person)
    AGENTS[person.id] = make_agent(person, project)
    make_task(person, project_id=project["id"])


def let_it_claim(person: Person) -> None:
    put_an_agent_to_work(person)
    LEASES[person.id] = claim_one(AGENTS[person.id])["id"]


def claim_a_task(person: Person, key: str) -> TestResponse:
    return AGENTS[person.id].post("/agents/me/claim", {}, Idempotency_Key=key)


def complete_a_lease(person: Person, key: str) -> TestResponse:
    path = f"/leases/{LEASES[person.id]}/complete"
    return AGENTS[person.id].post(path, {}, Idempotency_Key=key)


WRITES = {
    "a claim": Write(
        claim_a_task,
        """
        SELECT
            (SELECT count(*) FROM tasks
                WHERE created_by = %(me)s AND status = 'in_progress') AS begun,
            (SELECT count(*) FROM leases JOIN users ON users.id = agent_id
                WHERE owner_id = %(me)s AND ended_at IS NULL) AS leases,
            (SELECT count(*) FROM time_entries JOIN users ON users.id = user_id
                WHERE owner_id = %(me)s AND ended_at IS NULL) AS running,
            (SELECT count(*) FROM events JOIN users ON users.id = actor_id
                WHERE owner_id = %(me)s) AS events,
            (SELECT count(*) FROM idempotency_records WHERE key = %(key)s) AS answers
        """,
        before=put_an_agent_to_work,
    ),
    "a lease that is completed": Write(
        complete_a_lease,
        """
        SELECT
            (SELECT count(*) FROM tasks
                WHERE created_by = %(me)s AND status = 'completed') AS completed,
            (SELECT count(*) FROM leases JOIN users ON users.id = agent_id
                WHERE owner_id = %(me)s AND leases.status = 'completed') AS leases,
            (SELECT count(*) FROM time_entries JOIN users ON users.id = user_id
                WHERE owner_id = %(me)s AND ended_at IS NOT NULL) AS stopped,
            (SELECT count(*) FROM events JOIN users ON users.id = actor_id
                WHERE owner_id = %(me)s AND type IN ('lease.ended', 'time_entry.stopped')) AS ends,
            (SELECT count(*) FROM procrastinate_jobs JOIN users
                ON users.id::text = args->>'actor_id'
                WHERE owner_id = %(me)s AND args->>'kind' = 'agent_finished') AS jobs,
            (SELECT count(*) FROM idempotency_records WHERE key = %(key)s) AS answers
        """,
        before=let_it_claim,
    ),
}

EVERYTHING = {
    "a claim": {"begun": 1, "leases": 1, "running": 1, "events": 3, "answers": 1},
    "a lease that is completed": {
        "completed": 1,
        "leases": 1,
        "stopped": 1,
        "ends": 2,
        "jobs": 1,
        "answers": 1,
    },
}
