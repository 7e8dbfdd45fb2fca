"""Claims and leases: the work of agents."""

from flask import Blueprint

from api.endpoint import endpoint
from models.lease import Claim, Claimed, Completion, Failure, Heartbeat, Lease, LeaseQuery
from models.principal import Principal
from models.scope import Scope
from services.claim_service import claim_service
from services.lease_service import lease_service
from utils.pages import Page

leases = Blueprint("leases", __name__)


@leases.post("/agents/me/claim")
@endpoint(access=Scope.TASKS_WRITE, within=("project_id",))
def claim_tasks(principal: Principal, body: Claim) -> Claimed:
    """Claim the best task that nobody is on; for agents.

    By priority, then due date, then position, of those that wait for no other and are yours or
    nobody's. The lease lasts as long as heartbeats come; your time on the task runs from now on.
    """
    return claim_service.claim(principal, body)


@leases.get("/leases")
@endpoint(access=Scope.TASKS_READ, within=("project_id", "task_id"))
def list_leases(principal: Principal, query: LeaseQuery) -> Page[Lease]:
    """List who holds or held which task, newest first."""
    return lease_service.page(principal, query)


@leases.get("/leases/<id:lease_id>")
@endpoint(access=Scope.TASKS_READ, within=("lease_id",))
def get_lease(principal: Principal, lease_id: str) -> Lease:
    """Read a lease."""
    return lease_service.get(principal, lease_id)


@leases.post("/leases/<id:lease_id>/heartbeat")
@endpoint(access=Scope.TASKS_WRITE, within=("lease_id",))
def heartbeat_lease(principal: Principal, lease_id: str, body: Heartbeat) -> Lease:
    """Say that you are at work, and how far; the lease begins anew.

    409 `lease_lost` when the task is not yours any more: stop working on it.
    """
    return lease_service.heartbeat(principal, lease_id, body)


@leases.post("/leases/<id:lease_id>/complete")
@endpoint(access=Scope.TASKS_WRITE, within=("lease_id",))
def complete_lease(principal: Principal, lease_id: str, body: Completion) -> Lease:
    """Complete the task, or propose it as done where the project wants a person to confirm."""
    return lease_service.complete(principal, lease_id, body)


@leases.post("/leases/<id:lease_id>/fail")
@endpoint(access=Scope.TASKS_WRITE, within=("lease_id",))
def fail_lease(principal: Principal, lease_id: str, body: Failure) -> Lease:
    """Say why you cannot do it; a person gets the task, or the next agent."""
    return lease_service.fail(principal, lease_id, body)


@leases.post("/leases/<id:lease_id>/release")
@endpoint(access=Scope.TASKS_WRITE, within=("lease_id",))
def release_lease(principal: Principal, lease_id: str) -> Lease:
    """Give the task back as it was."""
    return lease_service.release(principal, lease_id)
