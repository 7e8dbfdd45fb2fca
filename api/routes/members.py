"""Members of projects."""

from flask import Blueprint

from api.endpoint import endpoint
from models.membership import Member, MemberCreate, MemberQuery, MemberUpdate
from models.principal import Principal
from models.scope import Scope
from services.membership_service import membership_service
from utils.pages import Page
from utils.preconditions import IfMatch

members = Blueprint("members", __name__)


@members.get("/projects/<id:project_id>/members")
@endpoint(access=Scope.PROJECTS_READ, within=("project_id",))
def list_members(principal: Principal, project_id: str, query: MemberQuery) -> Page[Member]:
    """List who belongs to a project."""
    return membership_service.page(principal, project_id, query)


@members.post("/projects/<id:project_id>/members")
@endpoint(access=Scope.PROJECTS_WRITE, within=("project_id",), status=201)
def add_member(principal: Principal, project_id: str, body: MemberCreate) -> Member:
    """Add somebody who has an account; for owners."""
    return membership_service.add(principal, project_id, body)


@members.get("/projects/<id:project_id>/members/<id:user_id>")
@endpoint(access=Scope.PROJECTS_READ, within=("project_id",))
def get_member(principal: Principal, project_id: str, user_id: str) -> Member:
    """Read one member."""
    return membership_service.get(principal, project_id, user_id)


@members.patch("/projects/<id:project_id>/members/<id:user_id>")
@endpoint(access=Scope.PROJECTS_WRITE, within=("project_id",))
def update_member(
    principal: Principal, project_id: str, user_id: str, body: MemberUpdate, if_match: IfMatch
) -> Member:
    """Change somebody's role; for owners."""
    return membership_service.update(principal, project_id, user_id, body, if_match)


@members.delete("/projects/<id:project_id>/members/<id:user_id>")
@endpoint(access=Scope.PROJECTS_WRITE, within=("project_id",), status=204)
def remove_member(principal: Principal, project_id: str, user_id: str, if_match: IfMatch) -> None:
    """Remove somebody, or leave the project."""
    membership_service.remove(principal, project_id, user_id, if_match)
