"""Bringing back projects."""

from sqlalchemy import bindparam, select, update

from models.membership import MembershipRow, ProjectRole
from models.principal import Principal
from models.project import ProjectRow
from services.db_client import DatabaseClient
from services.project_service import ProjectService
from services.trash.outcome import Outcome

SHOW = update(MembershipRow).where(MembershipRow.project_id == bindparam("id")).values(active=True)
OWNED = select(MembershipRow.role).where(
    MembershipRow.project_id == bindparam("id"),
    MembershipRow.user_id == bindparam("me"),
    MembershipRow.role == ProjectRole.OWNER,
)


class ProjectRestorer:
    """A project comes back with all that is in it; nothing inside was touched."""

    kind = "project"

    def __init__(self, database: DatabaseClient, projects: ProjectService) -> None:
        self._db = database
        self._projects = projects
        self._show = database.prepare(SHOW)
        self._owned = database.prepare(OWNED)

    def restore(self, principal: Principal, operation_id: str) -> Outcome:
        """Bring back projects that the caller owns."""
        outcome = Outcome()
        query = select(ProjectRow).where(ProjectRow.operation_id == operation_id)
        for row in self._db.session.scalars(query.with_for_update()):
            if self._owned.first(id=row.id, me=principal.id) is None:
                outcome.note(self.kind, row.id, "forbidden", "Only its owners can restore it.")
                continue
            row.take_out_of_trash()
            self._show.execute(id=row.id)
            self._db.session.flush()
            self._projects.changed(principal, row, ProjectRole.OWNER, "project.restored")
            outcome.restored += 1
        return outcome
