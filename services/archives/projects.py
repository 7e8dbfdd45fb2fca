"""Projects of an archive, and who is in them."""

from typing import Any

from sqlalchemy import and_, any_, bindparam, insert, select
from sqlalchemy.dialects.postgresql import ARRAY

from models.archive import ArchivedProject
from models.base import UuidText, columns_of
from models.event import EventType
from models.membership import Member, MembershipRow, ProjectRole
from models.project import Project, ProjectRow
from services.access_service import ME, AccessService, access_service
from services.archives.run import ArchiveRun, batches
from services.db_client import DatabaseClient, db
from services.event_service import EventService, event_service, project_room
from services.membership_service import MEMBERS, MembershipService, membership_service
from services.tasks.graph import TaskGraph

FIND = (
    select(ProjectRow.id, ProjectRow.deleted_at, MembershipRow.role)
    .outerjoin(
        MembershipRow,
        and_(
            MembershipRow.project_id == ProjectRow.id,
            MembershipRow.user_id == ME,
            MembershipRow.active,
        ),
    )
    .where(ProjectRow.id == any_(bindparam("ids", type_=ARRAY(UuidText))))
    .order_by(ProjectRow.id)
)

MAKE = insert(ProjectRow).returning(*columns_of(ProjectRow, Project))

DELETED_AGENT = "this agent was deleted and joins no project any more"

# Returning something makes it one statement for many rows.
JOIN = insert(MembershipRow).returning(MembershipRow.user_id)


class ArchiveProjects:
    """Makes the projects anew, owned by the importer."""

    def __init__(
        self,
        database: DatabaseClient,
        events: EventService,
        access: AccessService,
        memberships: MembershipService,
    ) -> None:
        self._db = database
        self._memberships = memberships
        self._events = events
        self._access = access
        self._find = database.prepare(FIND)
        self._graph = TaskGraph(database)
        self._read_members = database.prepare(MEMBERS)

    def write(self, run: ArchiveRun) -> None:
        """Make those that are not here yet; those that are take things while one owns them."""
        originals = {run.here(project.id): project for project in run.archive.projects}
        found = self._find.all(ids=list(originals), me=run.principal.id)
        for row in found:
            original = originals.pop(row["id"])
            if row["deleted_at"] is None and row["role"] == ProjectRole.OWNER:
                self._access.lock(run.principal, row["id"], ProjectRole.OWNER)
                run.projects[original.id] = row["id"]
        # New tasks may be parts of those that are there.
        self._graph.lock(run.principal.id, *run.projects.values())
        run.matched += len(found)
        run.projects |= {project.id: new_id for new_id, project in originals.items()}
        self._make(run, originals)
        self._add_members(run, originals)
        run.counts["projects"] = len(originals)

    def _make(self, run: ArchiveRun, projects: dict[str, ArchivedProject]) -> None:
        rows = [_values(run, project) for project in projects.values()]
        for batch in batches(rows):
            for made in self._db.session.execute(MAKE, batch).mappings():
                project = Project(**made, role=ProjectRole.OWNER)
                self._events.open_room(project_room(project.id))
                self._events.record_project(run.principal, EventType.PROJECT_CREATED, project)

    def _add_members(self, run: ArchiveRun, projects: dict[str, ArchivedProject]) -> None:
        """Add the importer as the owner, and everybody else with the role that they had."""
        me = run.principal.id
        new_ids = {project.id: new_id for new_id, project in projects.items()}
        rows: dict[tuple[str, str], dict[str, Any]] = {
            (new_id, me): {"project_id": new_id, "user_id": me, "role": ProjectRole.OWNER}
            for new_id in projects
        }
        for line, member in enumerate(run.archive.members, 1):
            if member.project_id not in new_ids:
                run.matched += 1
                continue
            if run.is_deleted(member.user_id):
                run.leave_out("members", line, DELETED_AGENT)
                continue
            place = (new_ids[member.project_id], run.person(member.user_id))
            row = {"project_id": place[0], "user_id": place[1], "role": member.role}
            rows.setdefault(place, row)["created_at"] = member.created_at
        for batch in batches(list(rows.values())):
            self._db.session.execute(JOIN, batch)
        for new_id in projects:
            self._memberships.require_room(new_id, newcomers=0)
            members = [
                Member.model_validate(row) for row in self._read_members.all(project_id=new_id)
            ]
            for member_here in members:
                self._events.record_member(run.principal, EventType.MEMBER_ADDED, member_here)
            self._memberships.tell_newcomers(
                run.principal, new_id, [each.user_id for each in members]
            )
        run.counts["members"] = len(rows)


def _values(run: ArchiveRun, project: ArchivedProject) -> dict[str, Any]:
    return project.model_dump(exclude={"role"}) | {
        "id": run.here(project.id),
        "created_by": run.person(project.created_by),
        "settings": project.settings.model_dump(mode="json", exclude_unset=True),
    }


archive_projects = ArchiveProjects(db, event_service, access_service, membership_service)
