"""API tokens of agents, in the hands of whoever owns the agent."""

from models.api_token import ApiToken, ApiTokenCreate, ApiTokenCreated, ApiTokenQuery
from models.principal import Principal
from services.agent_service import AgentService, agent_service
from services.api_token_service import ApiTokenService, api_token_service
from utils.pages import Page


class AgentTokenService:
    """Lets owners do with the tokens of their agents what everybody does with their own."""

    def __init__(self, agents: AgentService, tokens: ApiTokenService) -> None:
        self._agents = agents
        self._tokens = tokens

    def issue(self, principal: Principal, agent_id: str, body: ApiTokenCreate) -> ApiTokenCreated:
        """Make a token for an agent of the caller's; it stays while the token is made."""
        self._agents.hold_own(principal, agent_id)
        return self._tokens.issue_to_agent(principal, agent_id, body)

    def page(self, principal: Principal, agent_id: str, query: ApiTokenQuery) -> Page[ApiToken]:
        """Return the live tokens of an agent of the caller's."""
        self._agents.require_own(principal, agent_id)
        return self._tokens.page(agent_id, query)

    def revoke(self, principal: Principal, agent_id: str, token_id: str) -> None:
        """End a token of an agent of the caller's."""
        self._agents.require_own(principal, agent_id)
        self._tokens.revoke(principal, agent_id, token_id)


agent_token_service = AgentTokenService(agent_service, api_token_service)
