"""Access: who may see and change what. What cannot be seen is 404, what may not be done is 403."""

from typing import Any

from sqlalchemy import ColumnElement, bindparam, exists, or_, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from models.base import UuidText
from models.membership import MembershipRow, ProjectRole
from models.principal import Principal
from models.project import ProjectRow
from models.user import UserKind, UserRow
from services.db_client import DatabaseClient, db
from utils.errors import ForbiddenError, NotFoundError, PreconditionRequiredError
from utils.preconditions import IfMatch

RANKS = {ProjectRole.VIEWER: 1, ProjectRole.EDITOR: 2, ProjectRole.OWNER: 3}

ME = bindparam("me", type_=UuidText)

MY_ROLE = select(MembershipRow.role).where(
    MembershipRow.project_id == bindparam("project_id"),
    MembershipRow.user_id == bindparam("me"),
    MembershipRow.active,
)


WORKING_AGENT = (
    select(MembershipRow.role)
    .join(UserRow, UserRow.id == MembershipRow.user_id)
    .where(
        MembershipRow.project_id == bindparam("project_id"),
        MembershipRow.user_id == bindparam("agent_id"),
        MembershipRow.active,
        MembershipRow.role != ProjectRole.VIEWER,
        UserRow.owner_id.is_not(None),  # neither a person nor a copy of somebody else's agent
        UserRow.is_active,
    )
)


def is_member(project_id: ColumnElement[Any] | InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """Condition: the reader (`:me`) belongs to the project."""
    return exists().where(
        MembershipRow.project_id == project_id, MembershipRow.user_id == ME, MembershipRow.active
    )


def shares_project(user_id: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """Condition: the reader (`:me`) and the user belong to one project."""
    mine, theirs = aliased(MembershipRow), aliased(MembershipRow)
    return exists().where(
        mine.user_id == ME,
        mine.active,
        theirs.project_id == mine.project_id,
        theirs.user_id == user_id,
        theirs.active,
    )


def is_visible(scope_id: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """Condition: the reader (`:me`) may see rows of this scope."""
    return or_(scope_id == ME, is_member(scope_id))


# Whoever changes a project or its members holds this until the commit; key_share lets rows that
# refer to the project be written meanwhile.
LOCK_PROJECT = (
    select(ProjectRow.id)
    .where(ProjectRow.id == bindparam("project_id"), ProjectRow.deleted_at.is_(None))
    .with_for_update(key_share=True)
)


class AccessService:
    """The one place that decides about rights inside projects."""

    def __init__(self, database: DatabaseClient) -> None:
        self._my_role = database.prepare(MY_ROLE)
        self._working_agent = database.prepare(WORKING_AGENT)
        self._lock_project = database.prepare(LOCK_PROJECT)

    def role_in(self, principal: Principal, project_id: str) -> ProjectRole:
        """Return the caller's role; a project they do not belong to does not exist for them."""
        row = self._my_role.first(project_id=project_id, me=principal.id)
        if row is None:
            raise NotFoundError("There is no such project, or you are not a member of it.")
        return ProjectRole(row["role"])

    def require(self, principal: Principal, project_id: str, least: ProjectRole) -> None:
        """Refuse callers who have less than the role `least` in the project."""
        refuse_below(least, self.role_in(principal, project_id))

    def lock(self, principal: Principal, project_id: str, least: ProjectRole) -> ProjectRole:
        """Lock a project, then require the role `least`: nobody changes either until the commit."""
        self._lock_project.first(project_id=project_id)
        role = self.role_in(principal, project_id)
        refuse_below(least, role)
        return role

    def is_in(self, user_id: str, project_id: str) -> bool:
        """Tell whether a user belongs to a project."""
        return self._my_role.first(project_id=project_id, me=user_id) is not None

    def is_working_agent(self, agent_id: str, project_id: str) -> bool:
        """Tell whether this is an agent that may work in a project."""
        return self._working_agent.first(agent_id=agent_id, project_id=project_id) is not None


def require_person(principal: Principal) -> None:
    """Refuse agents where somebody comes to own something that others depend on."""
    if principal.kind is UserKind.AGENT:
        raise ForbiddenError(
            "Agents own neither projects nor agents; let a person make it.", code="people_only"
        )


def require_version(principal: Principal | None, expected: IfMatch) -> IfMatch:
    """Agents act on what they read a while ago: they must say which version that was."""
    if not expected.tags and principal is not None and principal.kind is UserKind.AGENT:
        raise PreconditionRequiredError(
            "Agents must say which version they change: by its ETag in If-Match, "
            "in bulk by its number in if_version."
        )
    return expected


def refuse_below(least: ProjectRole, role: ProjectRole) -> None:
    """Refuse a member whose role does not reach `least`."""
    if RANKS[role] < RANKS[least]:
        raise ForbiddenError(
            f"This takes the role {least} in the project and you are {role}; ask an owner."
        )


def not_found() -> NotFoundError:
    """The answer for what does not exist and for what the caller must not know of."""
    return NotFoundError("There is nothing here, or it is not for you to see; check the id.")


access_service = AccessService(db)
