"""Bringing back projects."""

from sqlalchemy import select

from models.event import EventType
from models.membership import ProjectRole
from models.principal import Principal
from models.project import ProjectRow
from services.db_client import DatabaseClient
from services.membership_service import MembershipService
from services.project_service import ProjectService
from services.trash.outcome import Outcome


class ProjectRestorer:
    """A project comes back with all that is in it; nothing inside was touched."""

    kind = "project"

    def __init__(
        self, database: DatabaseClient, projects: ProjectService, memberships: MembershipService
    ) -> None:
        self._db = database
        self._projects = projects
        self._memberships = memberships

    def restore(self, principal: Principal, operation_id: str) -> Outcome:
        """Bring back a project; only its owners see that in the trash."""
        outcome = Outcome()
        query = select(ProjectRow).where(ProjectRow.operation_id == operation_id)
        for row in self._db.session.scalars(query.with_for_update()):
            row.take_out_of_trash()
            self._db.session.flush()
            self._memberships.show_project(principal, row.id)
            self._projects.changed(principal, row, ProjectRole.OWNER, EventType.PROJECT_RESTORED)
            outcome.restored += 1
        return outcome
