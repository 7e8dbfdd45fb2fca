"""Deleting one's own account: what others share stays, without the name; the rest goes."""

from contextlib import nullcontext
from functools import partial

from sqlalchemy import bindparam, select, text

from models.audit import AuditAction
from models.principal import Principal
from models.user import DELETED_NAME, UserRole, UserRow
from services.account_service import AccountService, account_service
from services.accounts.erasure import Erasure
from services.agent_service import AgentService, agent_service
from services.audit_service import AuditService, audit_service
from services.db_client import DatabaseClient, db
from services.event_bus import EventBus, event_bus
from services.live.hints import Hint
from services.membership_service import MembershipService, membership_service
from services.project_service import ProjectService, project_service
from services.session_service import SessionService, session_service
from services.timer_service import TimerService, timer_service
from utils.errors import ConflictError, UnauthenticatedError
from utils.helpers import utc_now
from utils.preconditions import IfMatch

AGENTS_OF = select(UserRow.id).where(UserRow.owner_id == bindparam("me")).order_by(UserRow.id)

# Others are people with an account, active or not, and other people's agents.
PROJECTS_OF = text(
    """
    SELECT projects.id, projects.deleted_at IS NOT NULL AS is_deleted, own.role,
        EXISTS (
            SELECT FROM memberships JOIN users ON users.id = memberships.user_id
            WHERE memberships.project_id = projects.id AND users.id <> :me
              AND (users.email IS NOT NULL AND users.kind = 'person' OR users.owner_id <> :me)
        ) AS has_others,
        EXISTS (
            SELECT FROM memberships JOIN users ON users.id = memberships.user_id
            WHERE memberships.project_id = projects.id AND users.id <> :me
              AND memberships.role = 'owner' AND users.email IS NOT NULL AND users.is_active
        ) AS has_owner
    FROM memberships AS own JOIN projects ON projects.id = own.project_id
    WHERE own.user_id = :me
    ORDER BY projects.id
    """
)

ANY_VERSION = IfMatch()


class AccountDeletionService:
    """Takes somebody out of everything."""

    def __init__(
        self,
        database: DatabaseClient,
        bus: EventBus,
        accounts: AccountService,
        agents: AgentService,
        projects: ProjectService,
        memberships: MembershipService,
        timer: TimerService,
        sessions: SessionService,
        audit: AuditService,
    ) -> None:
        self._db = database
        self._bus = bus
        self._accounts = accounts
        self._agents = agents
        self._projects = projects
        self._memberships = memberships
        self._timer = timer
        self._sessions = sessions
        self._audit = audit
        self._erasure = Erasure(database)
        self._agents_of = database.prepare(AGENTS_OF)
        self._projects_of = database.prepare(PROJECTS_OF)

    def delete(self, principal: Principal) -> None:
        """Delete the caller's account; nobody else is left without an owner or administrator.

        The row stays for what it did, without name and address.
        """
        self._db.allow_long_transaction()
        row = self._lock(principal.id)
        is_admin = row.role == UserRole.ADMIN
        with self._accounts.keeping_an_admin() if is_admin else nullcontext():
            users, projects = self._leave(principal, row)
        self._erasure.put_aside(users, projects)
        self._sessions.revoke_all_of(principal.id)
        self._audit.record_own(AuditAction.USER_DELETED, principal.id)
        self._audit.forget_addresses(principal.id)
        self._db.before_commit(lambda: self._erasure.forget(users, projects))
        self._db.on_commit(partial(self._bus.publish, Hint("user", principal.id)))

    def _leave(self, principal: Principal, row: UserRow) -> tuple[list[str], list[str]]:
        """Return whose things go, and the projects that nobody is left in."""
        self._memberships.lock_projects_of(row.id)
        projects = self._projects_of_nobody_else(principal)
        agents = [each["id"] for each in self._agents_of.all(me=row.id)]
        for agent_id in agents:
            self._agents.delete(principal, agent_id, ANY_VERSION)
        self._timer.stop_of(principal, row.id)
        for project_id, is_deleted in projects.items():
            if not is_deleted:
                self._projects.delete(principal, project_id, ANY_VERSION)
        row.name, row.email, row.password_hash = DELETED_NAME, None, None
        row.timezone, row.role, row.verified = "UTC", UserRole.MEMBER, False
        row.is_active, row.deleted_at = False, utc_now()
        self._db.session.flush()
        self._memberships.remove_everywhere(principal, row.id)
        return [row.id, *agents], list(projects)

    def _lock(self, user_id: str) -> UserRow:
        """Lock the account, so that nothing comes to refer to it any more."""
        query = select(UserRow).where(UserRow.id == user_id, UserRow.is_active).with_for_update()
        row = self._db.session.scalars(query).one_or_none()
        if row is None:
            raise UnauthenticatedError(
                "This account was deleted or disabled a moment ago.", code="session_over"
            )
        return row

    def _projects_of_nobody_else(self, principal: Principal) -> dict[str, bool]:
        """Return the caller's own projects, and which are in the trash.

        ConflictError where others would be left without an owner.
        """
        rows = self._projects_of.all(me=principal.id)
        needed = [
            row["id"]
            for row in rows
            if row["role"] == "owner"
            and row["has_others"]
            and not row["has_owner"]
            and not row["is_deleted"]
        ]
        if needed:
            raise ConflictError(
                "You are the last owner of projects that others are in; make one of them an owner "
                "first, or delete these projects.",
                code="last_owner",
                project_ids=needed,
            )
        return {row["id"]: row["is_deleted"] for row in rows if not row["has_others"]}


account_deletion_service = AccountDeletionService(
    db,
    event_bus,
    account_service,
    agent_service,
    project_service,
    membership_service,
    timer_service,
    session_service,
    audit_service,
)
