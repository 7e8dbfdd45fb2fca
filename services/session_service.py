"""Sessions: opened by signing in, renewed by refreshing, seen and ended by whose they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    Text,
    and_,
    bindparam,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from config import settings
from models.audit import AuditAction
from models.base import columns_of
from models.passkey import PasskeyRow
from models.principal import Principal
from models.second_factor import TotpRow
from models.session import Session, SessionQuery, SessionRow
from models.user import UserRow
from models.way import Admission
from services.access_service import not_found
from services.audit_service import AuditService, audit_service
from services.credential_service import (
    LIVE_SESSION,
    MAY_ACT,
    CredentialService,
    credential_service,
    session_over,
)
from services.db_client import DatabaseClient, db
from services.listing import newest_first
from services.portions import delete_portion
from services.prepared import Row
from utils.errors import UnauthenticatedError
from utils.helpers import new_id
from utils.pages import Page

SESSIONS_MAX = 100  # of one user: of each that ends, every process is told

# A client whose answer got lost, or two of its tabs at once, may refresh with the same token.
GRACE = timedelta(seconds=10)

MOST = literal(timedelta(days=settings.session_days))
IDLE_END = func.now() + literal(timedelta(days=settings.refresh_token_days))

# Whoever changes a password or a factor holds this row: a sign-in that began before waits here, and
# then finds what is true now; or it is first, and its session ends with the others.
KNOWN_HASH = bindparam("password_hash", type_=Text)
STILL_ADMITS = (
    select(UserRow.id)
    .where(
        UserRow.id == bindparam("user_id"),
        UserRow.is_active,
        or_(KNOWN_HASH.is_(None), UserRow.password_hash == KNOWN_HASH),
    )
    .with_for_update(read=True)
)
HAS_SECOND_FACTOR = select(
    or_(
        exists().where(TotpRow.user_id == bindparam("user_id"), TotpRow.confirmed_at.is_not(None)),
        exists().where(PasskeyRow.user_id == bindparam("user_id")),
    ).label("there_is_one")
)

OPEN = (
    insert(SessionRow)
    .values(
        id=bindparam("id"),
        user_id=bindparam("user_id"),
        refresh_id=bindparam("refresh_id"),
        device=bindparam("device"),
        ip=bindparam("ip"),
        created_at=func.now(),
        last_used_at=func.now(),
        expires_at=func.least(IDLE_END, func.now() + MOST),
    )
    .returning(SessionRow.expires_at)
)

THIS_ONE = (SessionRow.id == bindparam("session_id"), *LIVE_SESSION)
OWNER_MAY_ACT = exists().where(UserRow.id == SessionRow.user_id, MAY_ACT)

# Spends the refresh id in the same statement that checks it: of two at once, one finds nothing.
RENEW = (
    update(SessionRow)
    .where(*THIS_ONE, SessionRow.refresh_id == bindparam("spent_id"), OWNER_MAY_ACT)
    .values(
        refresh_id=bindparam("refresh_id"),
        spent_refresh_id=SessionRow.refresh_id,
        last_used_at=func.now(),
        expires_at=func.least(IDLE_END, SessionRow.created_at + MOST),
    )
    .returning(SessionRow.user_id, SessionRow.expires_at)
)

FIND_SPENT = select(
    SessionRow.user_id,
    SessionRow.refresh_id,
    SessionRow.expires_at,
    and_(
        SessionRow.spent_refresh_id == bindparam("spent_id"),
        SessionRow.last_used_at > func.now() - literal(GRACE),
    ).label("in_grace"),
).where(*THIS_ONE, OWNER_MAY_ACT)

LIST = select(
    *columns_of(SessionRow, Session),
    (SessionRow.id == bindparam("current_id")).label("is_current"),
).where(SessionRow.user_id == bindparam("user_id"), *LIVE_SESSION)


REVOKE_ALL = (
    update(SessionRow)
    .where(SessionRow.user_id == bindparam("user_id"), SessionRow.revoked_at.is_(None))
    .values(revoked_at=func.now())
    .returning(SessionRow.id)
)
REVOKE = REVOKE_ALL.where(SessionRow.id == bindparam("session_id"))
REVOKE_OTHERS = REVOKE_ALL.where(SessionRow.id != bindparam("session_id"))
REVOKE_OLDEST = REVOKE_ALL.where(
    SessionRow.id.in_(
        select(SessionRow.id)
        .where(SessionRow.user_id == bindparam("user_id"), *LIVE_SESSION)
        .order_by(SessionRow.last_used_at.desc(), SessionRow.id.desc())
        .offset(SESSIONS_MAX)
    )
)

PURGE = delete_portion(
    SessionRow, or_(SessionRow.expires_at < func.now(), SessionRow.revoked_at < func.now())
)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a pair of tokens is made from: whose, of which session, and the next refresh id.

    `expires_at` is when the session ends unless it is refreshed.
    """

    user_id: str
    session_id: str
    refresh_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Device:
    """Where a sign-in came from."""

    name: str
    ip: str


class SessionService:
    """Opens, renews and revokes sessions; knows nothing of how tokens are written."""

    def __init__(
        self, database: DatabaseClient, credentials: CredentialService, audit: AuditService
    ) -> None:
        self._db = database
        self._credentials = credentials
        self._audit = audit
        self._still_admits = database.prepare(STILL_ADMITS)
        self._has_second_factor = database.prepare(HAS_SECOND_FACTOR)
        self._open = database.prepare(OPEN)
        self._renew = database.prepare(RENEW)
        self._find_spent = database.prepare(FIND_SPENT)
        self._listing = newest_first("sessions", database, LIST, SessionRow.id)
        self._revoke = database.prepare(REVOKE)
        self._revoke_all = database.prepare(REVOKE_ALL)
        self._revoke_others = database.prepare(REVOKE_OTHERS)
        self._revoke_oldest = database.prepare(REVOKE_OLDEST)
        self._purge = database.prepare(PURGE)

    def open(self, admission: Admission, device: Device) -> Grant:
        """Start a session on a device, unless what admitted somebody is not enough any more.

        Of too many the one ends that was not used for longest.
        """
        user_id = admission.user_id
        self._require_still(admission)
        session_id, refresh_id = new_id(), new_id()
        row = self._open.one(
            id=session_id, user_id=user_id, refresh_id=refresh_id, device=device.name, ip=device.ip
        )
        self._audit.record(
            AuditAction.SESSION_OPENED,
            user_id=user_id,
            actor_id=user_id,
            subject_id=session_id,
            ways=admission.ways,
        )
        self._end(self._revoke_oldest.all(user_id=user_id), user_id, user_id)
        return Grant(user_id, session_id, refresh_id, row["expires_at"])

    def _require_still(self, admission: Admission) -> None:
        user_id, password_hash = admission.user_id, admission.password_hash
        found = self._still_admits.first(user_id=user_id, password_hash=password_hash)
        if found is not None and not (
            admission.is_one_factor and self._has_second_factor.one(user_id=user_id)["there_is_one"]
        ):
            return
        raise UnauthenticatedError(
            "What this account is protected by was changed at this moment; sign in again.",
            code="sign_in_outdated",
        )

    def renew(self, session_id: str, spent_id: str) -> Grant:
        """Spend a refresh id and return the grant for the next.

        One that was spent before ends the session: either who asks or who asked before has stolen
        it. Opens a transaction of its own, for that must last although the answer is an error.
        """
        grant = self._db.transaction(lambda: self._renew_or_revoke(session_id, spent_id))
        if grant is None:
            raise UnauthenticatedError(
                "This refresh token was used before, so its session was ended, in case somebody "
                "has stolen it; sign in again.",
                code="refresh_token_reused",
            )
        return grant

    def _renew_or_revoke(self, session_id: str, spent_id: str) -> Grant | None:
        refresh_id = new_id()
        row = self._renew.first(session_id=session_id, spent_id=spent_id, refresh_id=refresh_id)
        if row is not None:
            return Grant(row["user_id"], session_id, refresh_id, row["expires_at"])
        row = self._find_spent.first(session_id=session_id, spent_id=spent_id)
        if row is None:
            raise session_over()
        if row["in_grace"]:
            return Grant(row["user_id"], session_id, row["refresh_id"], row["expires_at"])
        revoked = self._revoke.all(session_id=session_id, user_id=row["user_id"])
        self._credentials.announce_end(revoked)
        self._note(AuditAction.SESSION_REFRESH_REUSED, revoked, row["user_id"], None)
        return None

    def page(self, principal: Principal, query: SessionQuery) -> Page[Session]:
        """Return where the caller is signed in, the newest first."""
        mine = {"user_id": principal.id, "current_id": principal.credential_id}
        return self._listing.page(query, mine, "newest").map(Session.model_validate)

    def revoke(self, principal: Principal, session_id: str) -> None:
        """End one of the caller's sessions: every token of it is void from now on."""
        revoked = self._revoke.all(session_id=session_id, user_id=principal.id)
        if not revoked:
            raise not_found()
        self._end(revoked, principal.id, principal.id)

    def revoke_others(self, principal: Principal) -> None:
        """Sign the caller out everywhere but here."""
        others = self._revoke_others.all(session_id=principal.credential_id, user_id=principal.id)
        self._end(others, principal.id, principal.id)

    def revoke_all_of(self, user_id: str, by: str | None = None) -> None:
        """Sign somebody out everywhere; `by` is who did it, if not they themselves."""
        self._end(self._revoke_all.all(user_id=user_id), user_id, by or user_id)

    def _end(self, revoked: Sequence[Row], user_id: str, actor_id: str) -> None:
        self._credentials.announce_end(revoked)
        self._note(AuditAction.SESSION_ENDED, revoked, user_id, actor_id)

    def _note(
        self, action: AuditAction, revoked: Sequence[Row], user_id: str, actor_id: str | None
    ) -> None:
        for row in revoked:
            self._audit.record(action, user_id=user_id, actor_id=actor_id, subject_id=row["id"])

    def purge(self) -> dict[str, int]:
        """Delete some sessions that ended; returns how many, until none is."""
        return {"sessions": self._purge.execute()}


session_service = SessionService(db, credential_service, audit_service)
