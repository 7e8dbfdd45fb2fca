"""Getting an agent going: the agent, its place in a project and a token, in one step."""

from sqlalchemy import bindparam, select

from models.agent import Agent, AgentCreate
from models.agent_setup import AgentSetup
from models.api_token import ApiTokenCreate, ApiTokenCreated
from models.base import columns_of
from models.membership import MemberCreate
from models.principal import Principal
from models.user import UserRow
from services.access_service import ME, AccessService, access_service
from services.advisory_locks import LOCK_BY_ID
from services.agent_service import AgentService, agent_service
from services.agent_token_service import AgentTokenService, agent_token_service
from services.db_client import DatabaseClient, db
from services.membership_service import MembershipService, membership_service
from utils.errors import ConflictError

NAMED = (
    select(*columns_of(UserRow, Agent))
    .where(UserRow.owner_id == ME, UserRow.name == bindparam("name"))
    .order_by(UserRow.id)
)


class AgentSetupService:
    """Does for an owner what they could do themselves in several requests."""

    def __init__(
        self,
        database: DatabaseClient,
        access: AccessService,
        agents: AgentService,
        memberships: MembershipService,
        tokens: AgentTokenService,
    ) -> None:
        self._access = access
        self._agents = agents
        self._memberships = memberships
        self._tokens = tokens
        self._lock = database.prepare(LOCK_BY_ID)
        self._named = database.prepare(NAMED)

    def set_up(self, owner: Principal, setup: AgentSetup) -> tuple[Agent, ApiTokenCreated]:
        """Find or make the owner's agent of a name, let it into the project, and make a token.

        ConflictError where there are several of that name, or the one there is may not act.
        """
        agent = self._find(owner, setup.name) or self._agents.create(
            owner, AgentCreate(name=setup.name, kind=setup.kind)
        )
        if setup.project_id is not None and not self._access.is_in(agent.id, setup.project_id):
            self._memberships.add(owner, setup.project_id, MemberCreate(user_id=agent.id))
        token = ApiTokenCreate(
            name="flask agent-token",
            scopes=setup.scopes,
            expires_in_days=setup.days,
            project_id=setup.project_id if setup.limit_to_project else None,
        )
        return agent, self._tokens.issue(owner, agent.id, token)

    def _find(self, owner: Principal, name: str) -> Agent | None:
        """Return the one agent of this name; until the commit nobody sets up another."""
        self._lock.execute(id=f"agents {owner.id}")
        agents = [Agent.model_validate(row) for row in self._named.all(me=owner.id, name=name)]
        if len(agents) > 1:
            raise ConflictError(
                f"{len(agents)} agents of this owner are called {name} "
                f"({', '.join(agent.id for agent in agents)}); rename or delete all but one.",
                code="agent_ambiguous",
            )
        if agents and not agents[0].is_active:
            raise ConflictError(
                f"{name} is switched off; let its owner switch it on, or choose another name.",
                code="agent_inactive",
            )
        return agents[0] if agents else None


agent_setup_service = AgentSetupService(
    db, access_service, agent_service, membership_service, agent_token_service
)
