"""API tokens."""

from flask import Blueprint

from api.contract import Access
from api.endpoint import endpoint
from models.api_token import ApiToken, ApiTokenCreate, ApiTokenCreated, ApiTokenQuery
from models.principal import Principal
from services.agent_token_service import agent_token_service
from services.api_token_service import api_token_service
from utils.pages import Page

api_tokens = Blueprint("api_tokens", __name__)


@api_tokens.post("/users/me/tokens")
@endpoint(access=Access.SESSION, recorded=False, status=201)
def create_token(principal: Principal, body: ApiTokenCreate) -> ApiTokenCreated:
    """Make an API token for a program of yours.

    The answer is the only one that holds the token. Idempotency-Key is ignored here.
    """
    return api_token_service.issue(principal, body)


@api_tokens.get("/users/me/tokens")
@endpoint(access=Access.SESSION)
def list_tokens(principal: Principal, query: ApiTokenQuery) -> Page[ApiToken]:
    """List your API tokens that work, newest first."""
    return api_token_service.page(principal.id, query)


@api_tokens.delete("/users/me/tokens")
@endpoint(access=Access.SESSION, status=204)
def revoke_all_tokens(principal: Principal) -> None:
    """Revoke all of your API tokens, and those of your agents.

    For when somebody may have got into your account: a new password ends its sessions, but leaves
    the tokens, which programs depend on.
    """
    api_token_service.revoke_every(principal.id)


@api_tokens.get("/users/me/tokens/<id:token_id>")
@endpoint(access=Access.SESSION)
def get_token(principal: Principal, token_id: str) -> ApiToken:
    """Read what an API token of yours is for and when it was used."""
    return api_token_service.get(principal.id, token_id)


@api_tokens.delete("/users/me/tokens/<id:token_id>")
@endpoint(access=Access.SESSION, status=204)
def revoke_token(principal: Principal, token_id: str) -> None:
    """Revoke an API token of yours: it ends at once, with all sockets that it opened."""
    api_token_service.revoke(principal, principal.id, token_id)


@api_tokens.post("/agents/<id:agent_id>/tokens")
@endpoint(access=Access.SESSION, recorded=False, status=201)
def create_agent_token(
    principal: Principal, agent_id: str, body: ApiTokenCreate
) -> ApiTokenCreated:
    """Make an API token for an agent of your own.

    The answer is the only one that holds the token. Idempotency-Key is ignored here.
    """
    return agent_token_service.issue(principal, agent_id, body)


@api_tokens.get("/agents/<id:agent_id>/tokens")
@endpoint(access=Access.SESSION)
def list_agent_tokens(principal: Principal, agent_id: str, query: ApiTokenQuery) -> Page[ApiToken]:
    """List the API tokens of an agent of your own that work, newest first."""
    return agent_token_service.page(principal, agent_id, query)


@api_tokens.delete("/agents/<id:agent_id>/tokens/<id:agent_token_id>")
@endpoint(access=Access.SESSION, status=204)
def revoke_agent_token(principal: Principal, agent_id: str, agent_token_id: str) -> None:
    """Revoke an API token of an agent of your own."""
    agent_token_service.revoke(principal, agent_id, agent_token_id)
