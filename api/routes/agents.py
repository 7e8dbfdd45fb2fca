"""Agents."""

from flask import Blueprint

from api.endpoint import endpoint
from models.agent import Agent, AgentCreate, AgentQuery, AgentSession, AgentUpdate, ListedAgent
from models.principal import Principal
from models.scope import Scope
from services.agent_service import agent_service
from utils.pages import Page
from utils.preconditions import IfMatch

agents = Blueprint("agents", __name__)


@agents.post("/agents")
@endpoint(access=Scope.AGENTS_WRITE, status=201)
def create_agent(principal: Principal, body: AgentCreate) -> Agent:
    """Make an agent of your own; for people."""
    return agent_service.create(principal, body)


@agents.get("/agents")
@endpoint(access=Scope.AGENTS_READ)
def list_agents(principal: Principal, query: AgentQuery) -> Page[ListedAgent]:
    """List your agents and those in your projects and what they are doing, newest first."""
    return agent_service.page(principal, query)


@agents.get("/agents/<id:agent_id>")
@endpoint(access=Scope.AGENTS_READ)
def get_agent(principal: Principal, agent_id: str) -> Agent:
    """Read an agent."""
    return agent_service.get(principal, agent_id)


@agents.get("/agents/<id:agent_id>/session")
@endpoint(access=Scope.AGENTS_READ)
def get_agent_session(principal: Principal, agent_id: str) -> AgentSession:
    """Read what an agent is doing; nobody sets that, it follows from what happened last."""
    return agent_service.session(principal, agent_id)


@agents.patch("/agents/<id:agent_id>")
@endpoint(access=Scope.AGENTS_WRITE)
def update_agent(
    principal: Principal, agent_id: str, body: AgentUpdate, if_match: IfMatch
) -> Agent:
    """Change an agent of your own; its metadata is merged."""
    return agent_service.update(principal, agent_id, body, if_match)


@agents.delete("/agents/<id:agent_id>")
@endpoint(access=Scope.AGENTS_WRITE, status=204)
def delete_agent(principal: Principal, agent_id: str, if_match: IfMatch) -> None:
    """Delete an agent of your own.

    It is switched off for good and leaves its projects; what it did stays.
    """
    agent_service.delete(principal, agent_id, if_match)
