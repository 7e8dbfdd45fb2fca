"""Memberships: who belongs to a project."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from models.event import EventType
from models.membership import (
    Member,
    MemberCreate,
    MemberQuery,
    MembershipRow,
    MemberUpdate,
    ProjectRole,
)
from models.notification import NotificationKind
from models.principal import Principal
from models.project import ProjectRow
from models.user import UserKind, UserRow
from services.access_service import RANKS, AccessService, access_service, not_found
from services.db_client import DatabaseClient, db
from services.event_service import EventService, event_service
from services.job_queue import Job, JobQueue, Lane, job_queue
from services.listing import LIMIT, OFFSET, Listing, Order
from services.notification_service import NotificationService, notification_service
from utils.errors import BadRequestError, ConflictError
from utils.helpers import new_id
from utils.pages import Page
from utils.preconditions import IfMatch

MEMBERS_MAX = 1_000  # of one project

# (agent_id, project_id, actor_id): see services/lapsed_lease_service.py
FREE_WORK = "leases.free"

PLACES = select(
    MembershipRow.project_id,
    MembershipRow.user_id,
    UserRow.name,
    func.coalesce(UserRow.email, UserRow.placeholder_email).label("email"),
    MembershipRow.role,
    and_(
        UserRow.email.is_(None), UserRow.kind == UserKind.PERSON, UserRow.deleted_at.is_(None)
    ).label("placeholder"),
    MembershipRow.created_at,
    MembershipRow.updated_at,
    MembershipRow.version,
).join(UserRow, UserRow.id == MembershipRow.user_id)
MEMBERS = PLACES.where(MembershipRow.project_id == bindparam("project_id"), MembershipRow.active)
GET = MEMBERS.where(MembershipRow.user_id == bindparam("user_id"))
AGENTS_OF = MEMBERS.where(UserRow.owner_id == bindparam("owner_id"))
# Those in deleted projects too, lest they come back with them.
EVERYWHERE = PLACES.where(MembershipRow.user_id == bindparam("user_id"))

LOCK_PROJECTS_OF = (
    select(ProjectRow.id)
    .join(MembershipRow, MembershipRow.project_id == ProjectRow.id)
    .where(MembershipRow.user_id == bindparam("user_id"))
    .order_by(ProjectRow.id)
    .with_for_update(key_share=True, of=ProjectRow)
)

# Locked, so that they are not deleted while they are added.
FIND_PERSON = (
    select(UserRow.id)
    .where(UserRow.is_active, UserRow.email.is_not(None), UserRow.kind == UserKind.PERSON)
    .with_for_update(read=True)
)
FIND_OWN_AGENT = (
    select(UserRow.id)
    .where(UserRow.id == bindparam("id"), UserRow.owner_id == bindparam("me"))
    .with_for_update(read=True)
)
FIND_AGENT = (
    select(UserRow.id, MembershipRow.role.label("owner_role"))
    .outerjoin(
        MembershipRow,
        and_(
            MembershipRow.project_id == bindparam("project_id"),
            MembershipRow.user_id == UserRow.owner_id,
        ),
    )
    .where(UserRow.id == bindparam("id"), UserRow.kind == UserKind.AGENT)
)

JOIN = insert(MembershipRow).values(
    project_id=bindparam("project_id"), user_id=bindparam("user_id"), role=bindparam("role")
)
# Their places do not change with that, and so keep their updated_at.
SHOW = (
    update(MembershipRow)
    .where(MembershipRow.project_id == bindparam("id"))
    .values(active=bindparam("shown"), updated_at=MembershipRow.updated_at)
)

COUNT_MEMBERS = select(func.count().label("count")).where(
    MembershipRow.project_id == bindparam("project_id")
)

REMOVE = delete(MembershipRow).where(
    MembershipRow.project_id == bindparam("project_id"),
    MembershipRow.user_id == bindparam("user_id"),
)

ORDERS = {"user_id": Order({"user_id": MembershipRow.user_id}, descending=False)}


def _select_page(conditions: list[ColumnElement[bool]], order: Order) -> Select[Any]:
    columns = MEMBERS.add_columns(*order.cursor_columns()).where(*conditions)
    return columns.order_by(*order.clauses()).limit(LIMIT).offset(OFFSET)


class MembershipService:
    """Owners manage members; everyone may leave; the last owner stays."""

    def __init__(
        self,
        database: DatabaseClient,
        events: EventService,
        access: AccessService,
        notifications: NotificationService,
        jobs: JobQueue,
    ) -> None:
        self._db = database
        self._events = events
        self._access = access
        self._notifications = notifications
        self._free_work = Job(jobs, FREE_WORK, Lane.DEFAULT)
        self._get = database.prepare(GET)
        self._members = database.prepare(MEMBERS)
        self._agents_of = database.prepare(AGENTS_OF)
        self._places_of = database.prepare(EVERYWHERE)
        self._lock_projects_of = database.prepare(LOCK_PROJECTS_OF)
        self._find_by_email = database.prepare(
            FIND_PERSON.where(UserRow.email == bindparam("email"))
        )
        self._find_by_id = database.prepare(FIND_PERSON.where(UserRow.id == bindparam("id")))
        self._find_own_agent = database.prepare(FIND_OWN_AGENT)
        self._find_agent = database.prepare(FIND_AGENT)
        self._join = database.prepare(JOIN)
        self._show = database.prepare(SHOW)
        self._count_members = database.prepare(COUNT_MEMBERS)
        self._remove = database.prepare(REMOVE)
        self._listing = Listing("members", database, _select_page, {}, ORDERS)

    def page(self, principal: Principal, project_id: str, query: MemberQuery) -> Page[Member]:
        """Return the members of a project, longest registered first."""
        self._access.role_in(principal, project_id)
        page = self._listing.page(query, {"project_id": project_id}, "user_id")
        return page.map(Member.model_validate)

    def get(self, principal: Principal, project_id: str, user_id: str) -> Member:
        """Return one member."""
        self._access.role_in(principal, project_id)
        return self._read(project_id, user_id)

    def add(self, principal: Principal, project_id: str, body: MemberCreate) -> Member:
        """Add somebody who has an account, or an agent of the caller's; for owners."""
        self._access.lock(principal, project_id, ProjectRole.OWNER)
        self.require_room(project_id, newcomers=1)
        user_id = self._find(principal, body)
        self._refuse_agent_as(body.role, project_id, user_id)
        row = MembershipRow(project_id=project_id, user_id=user_id, role=body.role)
        self._db.session.add(row)
        self._db.session.flush()
        member = self._changed(principal, self._read(project_id, user_id), EventType.MEMBER_ADDED)
        self.tell_newcomers(principal, project_id, [user_id])
        return member

    def tell_newcomers(self, principal: Principal, project_id: str, user_ids: list[str]) -> None:
        """Tell those whom the caller has added just now."""
        self._notifications.notify(
            NotificationKind.INVITED,
            user_ids,
            key=f"invited {project_id} {new_id()}",
            actor_id=principal.id,
            project_id=project_id,
            subject_id=project_id,
        )

    def update(
        self,
        principal: Principal,
        project_id: str,
        user_id: str,
        changes: MemberUpdate,
        if_match: IfMatch,
    ) -> Member:
        """Change somebody's role; their agents come down along with them. For owners."""
        self._access.lock(principal, project_id, ProjectRole.OWNER)
        row = self._load(project_id, user_id)
        member = self._read(project_id, user_id)
        if_match.check(member)
        if "role" not in changes.model_fields_set or row.role == changes.role:
            return member
        self._refuse_agent_as(changes.role, project_id, user_id)
        self._keep_an_owner(row, changes.role)
        agents = self._agents_of.all(project_id=project_id, owner_id=user_id)
        above = [agent for agent in agents if RANKS[agent["role"]] > RANKS[changes.role]]
        rows = [row, *(self._load(project_id, agent["user_id"]) for agent in above)]
        for each in rows:
            each.role = changes.role
        self._db.session.flush()
        if changes.role == ProjectRole.VIEWER:
            for each in rows:
                self._let_go_of_work(principal, project_id, each.user_id)
        changed, *_ = (
            self._changed(principal, self._read(project_id, each.user_id), EventType.MEMBER_UPDATED)
            for each in rows
        )
        return changed

    def remove(
        self, principal: Principal, project_id: str, user_id: str, if_match: IfMatch
    ) -> None:
        """Remove somebody and their agents, or leave; what they did stays."""
        leaving = user_id == principal.id
        least = ProjectRole.VIEWER if leaving else ProjectRole.OWNER
        self._access.lock(principal, project_id, least)
        row = self._load(project_id, user_id)
        member = self._read(project_id, user_id)
        if_match.check(member)
        self._keep_an_owner(row, None)
        agents = self._agents_of.all(project_id=project_id, owner_id=user_id)
        for leaver in (member, *map(Member.model_validate, agents)):
            self._take_out(principal, leaver)

    def lock_projects_of(self, user_id: str) -> None:
        """Let nobody change the projects of a user, who is locked so that none is added."""
        self._lock_projects_of.all(user_id=user_id)

    def remove_everywhere(self, principal: Principal, user_id: str) -> None:
        """Remove a user from all projects; the caller has locked them."""
        self.lock_projects_of(user_id)
        for row in self._places_of.all(user_id=user_id):
            self._take_out(principal, Member.model_validate(row))

    def announce_name(self, principal: Principal, user_id: str) -> None:
        """Tell everyone who shares a project with somebody their name and address of now."""
        memberships = (
            update(MembershipRow)
            .where(MembershipRow.user_id == user_id, MembershipRow.active)
            .values(version=MembershipRow.version + 1)
            .returning(MembershipRow.project_id)
        )
        for project_id in self._db.session.scalars(memberships).all():
            self._changed(principal, self._read(project_id, user_id), EventType.MEMBER_UPDATED)

    def found(self, principal: Principal, project_id: str) -> None:
        """Make the caller the first owner of a project."""
        self._join.execute(project_id=project_id, user_id=principal.id, role=ProjectRole.OWNER)
        self._changed(principal, self._read(project_id, principal.id), EventType.MEMBER_ADDED)

    def hide_project(self, principal: Principal, project_id: str) -> None:
        """Take a project out of the sight of its members, and tell each of them."""
        self._tell_each(principal, project_id, EventType.MEMBER_REMOVED)
        self._show.execute(id=project_id, shown=False)

    def show_project(self, principal: Principal, project_id: str) -> None:
        """Let the members of a project see it again, and tell each of them."""
        self._show.execute(id=project_id, shown=True)
        self._tell_each(principal, project_id, EventType.MEMBER_ADDED)

    def _tell_each(self, principal: Principal, project_id: str, event: EventType) -> None:
        for row in self._members.all(project_id=project_id):
            self._events.record_own_place(principal, event, Member.model_validate(row))

    def _find(self, principal: Principal, body: MemberCreate) -> str:
        if body.email is not None:
            row = self._find_by_email.first(email=body.email)
        else:
            row = self._find_by_id.first(id=body.user_id) or self._find_own_agent.first(
                id=body.user_id, me=principal.id
            )
        if row is None:
            raise BadRequestError(
                "Nobody with this address or id has an account, nor is it an agent of yours; "
                "ask them to sign up first, or the agent's owner to add it.",
                code="account_not_found",
            )
        return str(row["id"])

    def require_room(self, project_id: str, newcomers: int) -> None:
        """Refuse more members than can be told of every change; the caller locked the project."""
        if self._count_members.one(project_id=project_id)["count"] + newcomers > MEMBERS_MAX:
            raise ConflictError(
                f"A project has at most {MEMBERS_MAX:,} members; remove some first.",
                code="too_many_members",
            )

    def _refuse_agent_as(self, role: ProjectRole, project_id: str, user_id: str) -> None:
        agent = self._find_agent.first(id=user_id, project_id=project_id)
        if agent is None:
            return
        if role == ProjectRole.OWNER:
            raise BadRequestError(
                "An agent cannot own a project; make it an editor or a viewer.",
                code="agent_cannot_own",
            )
        if RANKS[role] > RANKS[agent["owner_role"] or ProjectRole.VIEWER]:
            raise BadRequestError(
                "An agent may do no more than whose it is; change the role of its owner first.",
                code="agent_above_owner",
            )

    def _take_out(self, principal: Principal, member: Member) -> None:
        self._remove.execute(project_id=member.project_id, user_id=member.user_id)
        self._let_go_of_work(principal, member.project_id, member.user_id)
        self._changed(principal, member, EventType.MEMBER_REMOVED)

    def _let_go_of_work(self, principal: Principal, project_id: str, user_id: str) -> None:
        """Free what only agents have: there may be more of it than fits into one request."""
        if self._find_agent.first(id=user_id, project_id=project_id) is not None:
            self._free_work.defer(agent_id=user_id, project_id=project_id, actor_id=principal.id)

    def _load(self, project_id: str, user_id: str) -> MembershipRow:
        row = self._db.session.get(MembershipRow, (project_id, user_id))
        if row is None:
            raise not_found()
        return row

    def _read(self, project_id: str, user_id: str) -> Member:
        row = self._get.first(project_id=project_id, user_id=user_id)
        if row is None:
            raise not_found()
        return Member.model_validate(row)

    def _keep_an_owner(self, row: MembershipRow, new_role: ProjectRole | None) -> None:
        if row.role != ProjectRole.OWNER or new_role == ProjectRole.OWNER:
            return
        owners = (
            select(func.count())
            .join_from(MembershipRow, UserRow, UserRow.id == MembershipRow.user_id)
            .where(
                MembershipRow.project_id == row.project_id,
                MembershipRow.role == ProjectRole.OWNER,
                UserRow.email.is_not(None),  # a placeholder cannot act
                UserRow.is_active,
                UserRow.id != row.user_id,
            )
        )
        if self._db.session.scalars(owners).one() == 0:
            raise ConflictError(
                "This is the last owner; make somebody else an owner first.", code="last_owner"
            )

    def _changed(self, principal: Principal, member: Member, event: EventType) -> Member:
        self._events.record_member(principal, event, member)
        return member


membership_service = MembershipService(
    db, event_service, access_service, notification_service, job_queue
)
