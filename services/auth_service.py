"""Signing in and out: sessions that tokens are bound to."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from sqlalchemy import (
    ARRAY,
    and_,
    any_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import aliased

from config import settings
from models.base import UuidText
from models.principal import Principal
from models.session import Login, SessionRow
from models.user import UserKind, UserRole, UserRow
from services.db_client import DatabaseClient, db
from services.event_bus import EventBus, Hint, event_bus
from services.password_service import PasswordService, password_service
from services.prepared import Row
from utils.errors import UnauthenticatedError
from utils.helpers import new_id

FIND_ACCOUNT = select(UserRow.id, UserRow.password_hash).where(
    UserRow.email == bindparam("email"), UserRow.is_active, UserRow.kind == UserKind.PERSON
)

# An agent acts in the name of its owner, so never longer than them.
OWNER = aliased(UserRow)
MAY_ACT = and_(
    UserRow.is_active,
    or_(
        UserRow.kind == UserKind.PERSON,
        exists().where(OWNER.id == UserRow.owner_id, OWNER.is_active),
    ),
)

LIVE = (SessionRow.revoked_at.is_(None), SessionRow.expires_at > func.now())
LIVE_SESSION = (SessionRow.id == bindparam("session_id"), *LIVE)

FIND_PRINCIPAL = (
    select(UserRow.id, UserRow.kind, UserRow.role, UserRow.timezone, UserRow.number)
    .join(SessionRow, SessionRow.user_id == UserRow.id)
    .where(*LIVE_SESSION, MAY_ACT)
)

FIND_LIVE = (
    select(SessionRow.id)
    .join(UserRow, UserRow.id == SessionRow.user_id)
    .where(SessionRow.id == any_(bindparam("ids", type_=ARRAY(UuidText))), *LIVE, MAY_ACT)
)

SESSION_END = func.now() + literal(timedelta(days=settings.refresh_token_days))

OPEN = insert(SessionRow).values(
    id=bindparam("id"),
    user_id=bindparam("user_id"),
    refresh_id=bindparam("refresh_id"),
    device=bindparam("device"),
    ip=bindparam("ip"),
    created_at=func.now(),
    last_used_at=func.now(),
    expires_at=SESSION_END,
)

# Spends the refresh id in the same statement that checks it: of two at once, one finds nothing.
RENEW = (
    update(SessionRow)
    .where(
        *LIVE_SESSION,
        SessionRow.refresh_id == bindparam("spent_id"),
        exists().where(UserRow.id == SessionRow.user_id, MAY_ACT),
    )
    .values(
        refresh_id=bindparam("refresh_id"),
        last_used_at=func.now(),
        expires_at=SESSION_END,
    )
    .returning(SessionRow.user_id)
)

PURGE = delete(SessionRow).where(
    or_(SessionRow.expires_at < func.now(), SessionRow.revoked_at < func.now())
)

REVOKE = (
    update(SessionRow)
    .where(SessionRow.id == bindparam("session_id"), SessionRow.revoked_at.is_(None))
    .values(revoked_at=func.now())
    .returning(SessionRow.id)
)

REVOKE_ALL = (
    update(SessionRow)
    .where(SessionRow.user_id == bindparam("user_id"), SessionRow.revoked_at.is_(None))
    .values(revoked_at=func.now())
    .returning(SessionRow.id)
)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a pair of tokens is made from: whose, of which session, and the next refresh id."""

    user_id: str
    session_id: str
    refresh_id: str


@dataclass(frozen=True, slots=True)
class Device:
    """Where a login came from."""

    name: str
    ip: str


class AuthService:
    """Opens, renews and revokes sessions; knows nothing of how tokens are written."""

    def __init__(self, database: DatabaseClient, bus: EventBus, passwords: PasswordService) -> None:
        self._db = database
        self._bus = bus
        self._passwords = passwords
        self._find_account = database.prepare(FIND_ACCOUNT)
        self._find_principal = database.prepare(FIND_PRINCIPAL)
        self._find_live = database.prepare(FIND_LIVE)
        self._open = database.prepare(OPEN)
        self._renew = database.prepare(RENEW)
        self._revoke = database.prepare(REVOKE)
        self._revoke_all = database.prepare(REVOKE_ALL)
        self._purge = database.prepare(PURGE)

    def check_password(self, body: Login) -> str:
        """Return the id of the account that e-mail and password belong to.

        Opens a reading of its own and holds nothing while it hashes. Unknown and known accounts
        take the same time and get the same answer.
        """
        account = self._db.reading(lambda: self._find_account.first(email=body.email))
        password_hash = account["password_hash"] if account else None
        matches = self._passwords.matches(body.password, password_hash)
        if account is None or not matches:
            raise UnauthenticatedError(
                "E-mail address or password is wrong; check both.", code="wrong_credentials"
            )
        return str(account["id"])

    def open_session(self, user_id: str, device: Device) -> Grant:
        """Start a session on a device."""
        grant = Grant(user_id, new_id(), new_id())
        self._open.execute(
            id=grant.session_id,
            user_id=user_id,
            refresh_id=grant.refresh_id,
            device=device.name,
            ip=device.ip,
        )
        return grant

    def renew_session(self, session_id: str, spent_id: str) -> Grant:
        """Spend a refresh id and return the grant for the next."""
        refresh_id = new_id()
        row = self._renew.first(session_id=session_id, spent_id=spent_id, refresh_id=refresh_id)
        if row is None:
            raise session_over()
        return Grant(row["user_id"], session_id, refresh_id)

    def revoke_session(self, principal: Principal) -> None:
        """Sign out: every token of the session is void from now on."""
        self._announce(self._revoke.all(session_id=principal.session_id))

    def revoke_sessions_of(self, user_id: str) -> None:
        """Sign somebody out everywhere."""
        self._announce(self._revoke_all.all(user_id=user_id))

    def _announce(self, revoked: list[Row]) -> None:
        """Let all processes close the sockets of sessions, once it is certain that they ended."""
        for row in revoked:
            self._db.on_commit(partial(self._bus.publish, Hint("session", row["id"])))

    def purge(self) -> int:
        """Delete sessions that ended; returns how many."""
        return self._purge.execute()

    def find_principal(self, session_id: str) -> Principal:
        """Return who a live session belongs to; UnauthenticatedError when it is over."""
        row = self._find_principal.first(session_id=session_id)
        if row is None:
            raise session_over()
        return Principal(
            id=row["id"],
            kind=UserKind(row["kind"]),
            role=UserRole(row["role"]),
            timezone=row["timezone"],
            number=row["number"],
            session_id=session_id,
        )

    def find_live(self, session_ids: Collection[str]) -> set[str]:
        """Return those of the sessions that still live."""
        return {row["id"] for row in self._find_live.all(ids=list(session_ids))}


def session_over() -> UnauthenticatedError:
    """The answer for tokens whose session ended, and for spent refresh tokens."""
    return UnauthenticatedError("This session is over; sign in again.", code="session_over")


auth_service = AuthService(db, event_bus, password_service)
