"""What agents are doing: derived from what happened last, never set by hand.

An agent is `working` or `waiting` where it holds a task, and was heard of within half of what its
lease lasts, at least two minutes; `stale` where it was not, or its lease ran out; without a task it
is `idle` as long as it was heard of within ten minutes or has a socket open. Of several tasks the
liveliest tells: it works on one while another waits. Whatever is switched off, or whose owner is,
is `offline`.
"""

from collections.abc import Collection

from sqlalchemy import bindparam, literal_column, or_, select, text

from models.agent import AgentSession, AgentState, HeldLease, ListedAgent
from models.base import columns_of
from models.lease import Lease, LeaseRow
from models.principal import Principal
from services.access_service import ME, is_member
from services.db_client import DatabaseClient, db
from services.prepared import Row
from utils.pages import Page

# `users` is the agent in what follows, and `leases` one of its leases that are active. What is
# looked up for each of them is a value: of a condition, with EXISTS, the server might rather find
# out for everybody in the table whether it holds.

# As credential_service has it.
MAY_ACT = """(users.is_active AND COALESCE(
    (SELECT owners.is_active FROM users AS owners WHERE owners.id = users.owner_id), false))"""

# Not in a project that it was taken out of, or that lies in the trash.
MAY_WORK = """COALESCE(
    (SELECT memberships.active FROM memberships
     WHERE memberships.project_id = leases.project_id AND memberships.user_id = leases.agent_id),
    false)"""

IS_CONNECTED = """(
    SELECT true FROM presences JOIN processes ON processes.id = presences.process_id
    WHERE presences.user_id = users.id AND processes.expires_at > now() LIMIT 1)"""

# Requests are noted once in a minute, by each process on its own.
UNCERTAIN = "interval '2 minutes'"
LAST_REQUEST = "(SELECT max(last_used_at) FROM api_tokens WHERE api_tokens.user_id = {agent_id})"

# A question mark ends a word: in an address it stands before its parameters.
ASKS = r"""(said.body ~ '\?(?!\w)|[\uFF1F\u061F]' OR EXISTS (
    SELECT FROM users AS called WHERE called.id = ANY(said.mentions) AND called.kind = 'person'))"""

# What other agents say is no answer. Ids rise with time: nothing is read of what was said before.
HAS_ASKED = f"""(
    SELECT said.created_by = leases.agent_id AND {ASKS}
    FROM comments AS said
    WHERE said.task_id = leases.task_id AND said.id > leases.id AND said.deleted_at IS NULL
      AND (said.created_by = leases.agent_id OR (
          SELECT authors.kind FROM users AS authors WHERE authors.id = said.created_by) = 'person')
    ORDER BY said.id DESC LIMIT 1)"""  # noqa: S608 - of constants

STATE_OF_LEASE = f"""
    CASE WHEN leases.expires_at <= now()
           OR GREATEST(leases.updated_at, {LAST_REQUEST.format(agent_id="leases.agent_id")})
              <= now() - GREATEST(leases.seconds * interval '0.5 seconds', {UNCERTAIN}) THEN 'stale'
         WHEN {HAS_ASKED} THEN 'waiting'
         ELSE 'working' END"""

LAST_SEEN_AT = f"""GREATEST(
    {LAST_REQUEST.format(agent_id="users.id")},
    (SELECT max(leases.updated_at) FROM leases
     WHERE leases.agent_id = users.id AND leases.ended_at IS NULL))"""  # noqa: S608 - of constants

LIVELIEST_FIRST = "ARRAY['working', 'waiting', 'stale']"
STATE_OF_AGENT = f"""
    CASE WHEN NOT {MAY_ACT} THEN 'offline'
         ELSE COALESCE(
             (SELECT ({LIVELIEST_FIRST})[min(array_position({LIVELIEST_FIRST}, {STATE_OF_LEASE}))]
              FROM leases
              WHERE leases.agent_id = users.id AND leases.ended_at IS NULL AND {MAY_WORK}),
             CASE WHEN {LAST_SEEN_AT} > now() - interval '10 minutes' OR {IS_CONNECTED}
                  THEN 'idle' ELSE 'offline' END) END"""  # noqa: S608 - of constants

OF_AGENTS = text(
    f"SELECT users.id, {LAST_SEEN_AT} AS last_seen_at, {STATE_OF_AGENT} AS state"  # noqa: S608 - of constants
    " FROM users WHERE users.id = ANY(CAST(:ids AS uuid[]))"
)
BY_ID = text(
    f"""
    SELECT users.id, {STATE_OF_AGENT} AS state
    FROM users WHERE users.id = ANY(CAST(:agent_ids AS uuid[]))
    UNION ALL
    SELECT leases.id, {STATE_OF_LEASE}
    FROM leases WHERE leases.id = ANY(CAST(:lease_ids AS uuid[]))
    """  # noqa: S608 - of constants
)
HELD = (
    select(*columns_of(LeaseRow, Lease), literal_column(STATE_OF_LEASE).label("state"))
    .where(
        LeaseRow.agent_id == bindparam("agent_id"),
        LeaseRow.ended_at.is_(None),
        or_(LeaseRow.agent_id == ME, is_member(LeaseRow.project_id)),
    )
    .order_by(LeaseRow.id)
)


class AgentStateService:
    """Tells what agents are doing; which of them the caller may see is found out before."""

    def __init__(self, database: DatabaseClient) -> None:
        self._of_agents = database.prepare(OF_AGENTS)
        self._by_id = database.prepare(BY_ID)
        self._held = database.prepare(HELD)

    def add_to(self, agents: Page[Row]) -> Page[ListedAgent]:
        """Return agents of a list with what they are doing."""
        ids = [agent["id"] for agent in agents.items]
        states = {each["id"]: each for each in self._of_agents.all(ids=ids)} if ids else {}
        return agents.map(lambda agent: ListedAgent.model_validate(agent | states[agent["id"]]))

    def by_id(
        self, agent_ids: Collection[str], lease_ids: Collection[str]
    ) -> dict[str, AgentState]:
        """Return what agents are doing, and what they do on single tasks."""
        if not agent_ids:
            return {}
        rows = self._by_id.all(agent_ids=list(agent_ids), lease_ids=list(lease_ids))
        return {row["id"]: AgentState(row["state"]) for row in rows}

    def session(self, principal: Principal, agent_id: str) -> AgentSession:
        """Return what an agent is doing, with those of its leases that the caller may see."""
        state = self._of_agents.one(ids=[agent_id])
        return AgentSession(
            agent_id=agent_id,
            state=state["state"],
            last_seen_at=state["last_seen_at"],
            leases=[
                HeldLease.model_validate(lease)
                for lease in self._held.all(agent_id=agent_id, me=principal.id)
            ],
        )


agent_state_service = AgentStateService(db)
