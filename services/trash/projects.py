"""Bringing back projects."""

from sqlalchemy import bindparam, select, update

from models.event import EventType
from models.membership import MembershipRow, ProjectRole
from models.principal import Principal
from models.project import ProjectRow
from services.db_client import DatabaseClient
from services.project_service import ProjectService
from services.trash.outcome import Outcome

# The members see the same places in it again: these have not changed.
SHOW = (
    update(MembershipRow)
    .where(MembershipRow.project_id == bindparam("id"))
    .values(active=True, updated_at=MembershipRow.updated_at)
)


class ProjectRestorer:
    """A project comes back with all that is in it; nothing inside was touched."""

    kind = "project"

    def __init__(self, database: DatabaseClient, projects: ProjectService) -> None:
        self._db = database
        self._projects = projects
        self._show = database.prepare(SHOW)

    def restore(self, principal: Principal, operation_id: str) -> Outcome:
        """Bring back a project; only its owners see that in the trash."""
        outcome = Outcome()
        query = select(ProjectRow).where(ProjectRow.operation_id == operation_id)
        for row in self._db.session.scalars(query.with_for_update()):
            row.take_out_of_trash()
            self._show.execute(id=row.id)
            self._db.session.flush()
            self._projects.changed(principal, row, ProjectRole.OWNER, EventType.PROJECT_RESTORED)
            outcome.restored += 1
        return outcome
