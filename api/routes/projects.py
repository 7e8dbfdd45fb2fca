"""Projects."""

from flask import Blueprint

from api.endpoint import endpoint
from models.principal import Principal
from models.project import Project, ProjectCreate, ProjectQuery, ProjectUpdate
from models.scope import Scope
from models.snapshot import SnapshotDownload
from services.project_service import project_service
from services.snapshot_service import snapshot_service
from utils.pages import Page
from utils.preconditions import IfMatch

projects = Blueprint("projects", __name__)


@projects.post("/projects")
@endpoint(access=Scope.PROJECTS_WRITE, status=201)
def create_project(principal: Principal, body: ProjectCreate) -> Project:
    """Make a project; you become its owner."""
    return project_service.create(principal, body)


@projects.get("/projects")
@endpoint(access=Scope.PROJECTS_READ)
def list_projects(principal: Principal, query: ProjectQuery) -> Page[Project]:
    """List the projects that you belong to, newest first."""
    return project_service.page(principal, query)


@projects.get("/projects/<id:project_id>")
@endpoint(access=Scope.PROJECTS_READ, within=("project_id",))
def get_project(principal: Principal, project_id: str) -> Project:
    """Read a project."""
    return project_service.get(principal, project_id)


@projects.patch("/projects/<id:project_id>")
@endpoint(access=Scope.PROJECTS_WRITE, within=("project_id",))
def update_project(
    principal: Principal, project_id: str, body: ProjectUpdate, if_match: IfMatch
) -> Project:
    """Change a project; for owners."""
    return project_service.update(principal, project_id, body, if_match)


@projects.delete("/projects/<id:project_id>")
@endpoint(access=Scope.PROJECTS_WRITE, within=("project_id",), status=204)
def delete_project(principal: Principal, project_id: str, if_match: IfMatch) -> None:
    """Put a project and all that is in it into the trash; for owners."""
    project_service.delete(principal, project_id, if_match)


@projects.get("/projects/<id:project_id>/snapshot")
@endpoint(
    access=Scope.ROOMS_READ,
    within=("project_id",),
    recorded=False,
    before=snapshot_service.take_of_project,
)
def get_snapshot(prepared: SnapshotDownload) -> SnapshotDownload:
    """Read everything in a project as it is at one seq of its log; the events after it go on."""
    return prepared
