"""Accounts: what administrators do with them."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from sqlalchemy import and_, bindparam, exists, func, or_, select

from models.account import Account, AccountQuery, AccountUpdate
from models.audit import AuditAction
from models.base import apply_changes, columns_of
from models.event import EventType
from models.principal import Principal
from models.user import User, UserKind, UserRole, UserRow
from services.access_service import not_found
from services.advisory_locks import LOCK_BY_ID
from services.audit_service import AuditService, audit_service
from services.db_client import DatabaseClient, db
from services.event_bus import EventBus, event_bus
from services.event_service import EventService, event_service, user_room
from services.listing import newest_first
from services.live.hints import Hint
from services.session_service import SessionService, session_service
from services.task_service import TaskService, task_service
from services.timer_service import TimerService, timer_service
from utils.errors import ConflictError
from utils.pages import Page
from utils.preconditions import IfMatch

# Neither agents, nor placeholders, nor what is left of deleted accounts.
IS_ACCOUNT = and_(UserRow.kind == UserKind.PERSON, UserRow.email.is_not(None))
IS_ACTING_ADMIN = and_(IS_ACCOUNT, UserRow.role == UserRole.ADMIN, UserRow.is_active)

ACCOUNTS = select(*columns_of(UserRow, Account)).where(IS_ACCOUNT)
AGENTS_OF = select(UserRow.id).where(UserRow.owner_id == bindparam("owner_id"))
WHO_IS_THERE = select(
    exists().where(IS_ACTING_ADMIN).label("admins"), exists().where(IS_ACCOUNT).label("anybody")
)
ADMINS = "administrators"  # whoever may make them fewer holds this lock until the commit

SEARCH = func.lower(bindparam("search"))
FILTERS = {
    "search": or_(
        func.strpos(func.lower(UserRow.name), SEARCH) > 0,
        func.starts_with(UserRow.email, SEARCH),
    ),
    "is_active": UserRow.is_active == bindparam("is_active"),
    "role": UserRow.role == bindparam("role"),
}


class AccountService:
    """Lists, disables and promotes; who calls it must be an administrator."""

    def __init__(
        self,
        database: DatabaseClient,
        bus: EventBus,
        events: EventService,
        audit: AuditService,
        sessions: SessionService,
        timer: TimerService,
        tasks: TaskService,
    ) -> None:
        self._db = database
        self._bus = bus
        self._events = events
        self._audit = audit
        self._sessions = sessions
        self._timer = timer
        self._leases = tasks.leases
        self._get = database.prepare(ACCOUNTS.where(UserRow.id == bindparam("id")))
        self._agents_of = database.prepare(AGENTS_OF)
        self._lock = database.prepare(LOCK_BY_ID)
        self._who_is_there = database.prepare(WHO_IS_THERE)
        self._listing = newest_first("accounts", database, ACCOUNTS, UserRow.id, FILTERS)

    def page(self, query: AccountQuery) -> Page[Account]:
        """Return accounts, newest first."""
        page = self._listing.page(query, query.set_filters(), "newest")
        return page.map(Account.model_validate)

    def get(self, user_id: str) -> Account:
        """Return one account."""
        row = self._get.first(id=user_id)
        if row is None:
            raise not_found()
        return Account.model_validate(row)

    def update(
        self, principal: Principal, user_id: str, changes: AccountUpdate, if_match: IfMatch
    ) -> Account:
        """Disable or enable an account, or change its role; one administrator always stays."""
        with self.keeping_an_admin():
            return self._update(principal, user_id, changes, if_match)

    def sign_out(self, principal: Principal, user_id: str) -> None:
        """Sign somebody out everywhere, like after a device was stolen; the account stays."""
        account = self.get(user_id)
        self._sessions.revoke_all_of(account.id, principal.id)

    def _update(
        self, principal: Principal, user_id: str, changes: AccountUpdate, if_match: IfMatch
    ) -> Account:
        query = select(UserRow).where(IS_ACCOUNT, UserRow.id == user_id)
        row = self._db.session.scalars(query.with_for_update(key_share=True)).one_or_none()
        if row is None:
            raise not_found()
        before = Account.model_validate(row)
        if_match.check(before)
        if not apply_changes(row, changes.model_dump(exclude_unset=True)):
            return before
        self._db.session.flush()
        account = Account.model_validate(row)
        self._events.record(
            principal, user_room(row.id), EventType.USER_UPDATED, User.model_validate(row)
        )
        self._write_down(principal, before, account)
        if not account.is_active:
            self._end_work(principal, account.id)
        self._look_anew(account.id)
        return account

    @contextmanager
    def keeping_an_admin(self) -> Iterator[None]:
        """Refuse what would leave an installation that has an administrator without one."""
        self._lock.execute(id=ADMINS)
        before = self._who_is_there.one()
        yield
        self._db.session.flush()
        after = self._who_is_there.one()
        if before["admins"] and after["anybody"] and not after["admins"]:
            raise ConflictError(
                "This is the last administrator; make somebody else one first.",
                code="last_admin",
            )

    def _end_work(self, principal: Principal, user_id: str) -> None:
        """Sign somebody and their agents out, and end what nobody of them could end any more."""
        agents = [row["id"] for row in self._agents_of.all(owner_id=user_id)]
        for each in (user_id, *agents):
            self._sessions.revoke_all_of(each, principal.id)
            self._timer.stop_of(principal, each)
            self._leases.withdraw_all(principal, each)
            self._look_anew(each)

    def _look_anew(self, user_id: str) -> None:
        """Let all processes find out anew who is behind the user's tokens."""
        self._db.on_commit(partial(self._bus.publish, Hint("user", user_id)))

    def _write_down(self, principal: Principal, before: Account, after: Account) -> None:
        changed = {
            AuditAction.USER_ROLE_CHANGED: before.role is not after.role,
            AuditAction.USER_ENABLED: after.is_active and not before.is_active,
            AuditAction.USER_DISABLED: before.is_active and not after.is_active,
        }
        for action, happened in changed.items():
            if happened:
                self._audit.record(action, user_id=after.id, actor_id=principal.actor_id)


account_service = AccountService(
    db, event_bus, event_service, audit_service, session_service, timer_service, task_service
)
