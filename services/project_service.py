"""Projects: what several people share."""

from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, select

from models.base import apply_changes, columns_of, patch_json
from models.event import EventType
from models.membership import MembershipRow, ProjectRole
from models.principal import Principal
from models.project import (
    Project,
    ProjectCreate,
    ProjectQuery,
    ProjectRow,
    ProjectSettings,
    ProjectUpdate,
)
from services.access_service import (
    AccessService,
    access_service,
    not_found,
    refuse_below,
    require_person,
)
from services.db_client import DatabaseClient, db
from services.event_service import EventService, event_service, project_room
from services.listing import LIMIT, OFFSET, Listing, Order
from services.membership_service import MembershipService, membership_service
from services.operation_service import OperationService, operation_service
from utils.errors import ConflictError
from utils.helpers import new_id
from utils.pages import Page
from utils.preconditions import IfMatch

MINE = (
    select(*columns_of(ProjectRow, Project), MembershipRow.role.label("role"))
    .join(MembershipRow, MembershipRow.project_id == ProjectRow.id)
    .where(
        MembershipRow.user_id == bindparam("me"),
        MembershipRow.active,
        ProjectRow.deleted_at.is_(None),
    )
)
GET = MINE.where(ProjectRow.id == bindparam("id"))

SETTINGS = select(ProjectRow.settings).where(ProjectRow.id == bindparam("id"))

FIND_OWNED = (
    MINE.where(
        ProjectRow.name == bindparam("name"),
        ProjectRow.archived.is_(False),
        MembershipRow.role == ProjectRole.OWNER,
    )
    .order_by(ProjectRow.id)
    .limit(1)
)

FILTERS = {
    "archived": ProjectRow.archived == bindparam("archived"),
    "search": func.strpos(func.lower(ProjectRow.name), func.lower(bindparam("search"))) > 0,
}
ORDERS = {"-created_at": Order({"id": ProjectRow.id}, descending=True)}


def _select_page(conditions: list[ColumnElement[bool]], order: Order) -> Select[Any]:
    columns = MINE.add_columns(*order.cursor_columns()).where(*conditions)
    return columns.order_by(*order.clauses()).limit(LIMIT).offset(OFFSET)


class ProjectService:
    """Projects and their settings; people in them are the membership service's."""

    def __init__(
        self,
        database: DatabaseClient,
        events: EventService,
        access: AccessService,
        memberships: MembershipService,
        operations: OperationService,
    ) -> None:
        self._db = database
        self._events = events
        self._access = access
        self._memberships = memberships
        self._operations = operations
        self._get = database.prepare(GET)
        self._settings = database.prepare(SETTINGS)
        self._find_owned = database.prepare(FIND_OWNED)
        self._listing = Listing("projects", database, _select_page, FILTERS, ORDERS)

    def create(self, principal: Principal, body: ProjectCreate) -> Project:
        """Make a project; its creator is the first owner."""
        require_person(principal)
        row = ProjectRow(
            id=new_id(),
            name=body.name,
            description=body.description,
            settings=body.settings.model_dump(mode="json", exclude_none=True),
            created_by=principal.id,
        )
        self._db.session.add(row)
        self._db.session.flush()
        self._events.open_room(project_room(row.id))
        project = self.changed(principal, row, ProjectRole.OWNER, EventType.PROJECT_CREATED)
        self._memberships.found(principal, row.id)
        return project

    def get(self, principal: Principal, project_id: str) -> Project:
        """Return a project that the caller belongs to."""
        row = self._get.first(id=project_id, me=principal.id)
        if row is None:
            raise not_found()
        return Project.model_validate(row)

    def open_for_work(self, principal: Principal, project_id: str) -> Project:
        """Return a project in which the caller may work now: an editor, and not archived."""
        project = self.get(principal, project_id)
        refuse_below(ProjectRole.EDITOR, project.role)
        if project.archived:
            raise ConflictError(
                "The project is archived; an owner can take it out of the archive.",
                code="project_archived",
            )
        return project

    def settings_of(self, project_id: str) -> ProjectSettings:
        """Return the rules of a project, for services whose caller may work in it."""
        row = self._settings.one(id=project_id)
        return ProjectSettings.model_validate(row["settings"])

    def find_owned(self, principal: Principal, name: str) -> Project | None:
        """Return the oldest project of this name that the caller owns and that is not archived."""
        row = self._find_owned.first(me=principal.id, name=name)
        return Project.model_validate(row) if row else None

    def page(self, principal: Principal, query: ProjectQuery) -> Page[Project]:
        """Return the caller's projects, newest first."""
        values = query.set_filters() | {"me": principal.id}
        page = self._listing.page(query, values, "-created_at")
        return page.map(Project.model_validate)

    def update(
        self, principal: Principal, project_id: str, changes: ProjectUpdate, if_match: IfMatch
    ) -> Project:
        """Change a project; for owners."""
        row, role = self._load(principal, project_id)
        if_match.check(_answer(row, role))
        values = changes.model_dump(exclude_unset=True)
        if "settings" in values:
            patch_json(row, "settings", values.pop("settings"))
        if not apply_changes(row, values):
            return _answer(row, role)
        self._db.session.flush()
        return self.changed(principal, row, role, EventType.PROJECT_UPDATED)

    def delete(self, principal: Principal, project_id: str, if_match: IfMatch) -> None:
        """Put a project and everything in it into the trash; for owners."""
        row, role = self._load(principal, project_id)
        if_match.check(_answer(row, role))
        row.put_in_trash(principal.id)
        self._db.session.flush()
        self._memberships.hide_project(principal, project_id)
        self._operations.record(row, row.id, row.name, {"project": 1})
        self.changed(principal, row, role, EventType.PROJECT_DELETED)

    def _load(self, principal: Principal, project_id: str) -> tuple[ProjectRow, ProjectRole]:
        role = self._access.lock(principal, project_id, ProjectRole.OWNER)
        return self._db.session.get_one(ProjectRow, project_id), role

    def changed(
        self, principal: Principal, row: ProjectRow, role: ProjectRole, event: EventType
    ) -> Project:
        """Record the event of a change and return the project as it is now."""
        project = _answer(row, role)
        self._events.record_project(principal, event, project)
        return project


def _answer(row: ProjectRow, role: ProjectRole) -> Project:
    fields = {name: getattr(row, name) for name in Project.model_fields if name != "role"}
    return Project(**fields, role=role)


project_service = ProjectService(
    db, event_service, access_service, membership_service, operation_service
)
