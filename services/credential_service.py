"""Credentials: who a session or an API token speaks for, and whether it still does."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial
from ipaddress import ip_network

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    and_,
    any_,
    bindparam,
    exists,
    func,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import aliased

from models.api_token import ApiTokenRow
from models.base import UuidText
from models.principal import Principal
from models.scope import Scope
from models.session import SessionRow
from models.user import UserKind, UserRole, UserRow
from services.db_client import DatabaseClient, db
from services.event_bus import EventBus, event_bus
from services.live.hints import Hint
from services.prepared import Row
from utils.errors import UnauthenticatedError

# An agent acts in the name of its owner, so never longer than them.
OWNER = aliased(UserRow)
MAY_ACT = and_(
    UserRow.is_active,
    or_(
        UserRow.kind == UserKind.PERSON,
        exists().where(OWNER.id == UserRow.owner_id, OWNER.is_active),
    ),
)

LIVE_SESSION = (SessionRow.revoked_at.is_(None), SessionRow.expires_at > func.now())
LIVE_TOKEN = (ApiTokenRow.revoked_at.is_(None), ApiTokenRow.expires_at > func.now())

USER = (UserRow.id, UserRow.kind, UserRow.role, UserRow.timezone, UserRow.number)
IDS = bindparam("ids", type_=ARRAY(UuidText))

FIND_PRINCIPAL = (
    select(*USER, SessionRow.id.label("credential_id"))
    .join(SessionRow, SessionRow.user_id == UserRow.id)
    .where(SessionRow.id == bindparam("session_id"), *LIVE_SESSION, MAY_ACT)
)


def _token_where(condition: ColumnElement[bool]) -> Select[*tuple[object, ...]]:
    return (
        select(
            *USER,
            ApiTokenRow.id.label("credential_id"),
            ApiTokenRow.scopes,
            ApiTokenRow.project_id,
            ApiTokenRow.networks,
            ApiTokenRow.expires_at,
        )
        .join(ApiTokenRow, ApiTokenRow.user_id == UserRow.id)
        .where(condition, *LIVE_TOKEN, MAY_ACT)
    )


FIND_TOKEN = _token_where(ApiTokenRow.digest == bindparam("digest"))
FIND_TOKEN_AGAIN = _token_where(ApiTokenRow.id == bindparam("token_id"))

FIND_LIVE = union_all(
    select(SessionRow.id)
    .join(UserRow, UserRow.id == SessionRow.user_id)
    .where(SessionRow.id == any_(IDS), *LIVE_SESSION, MAY_ACT),
    select(ApiTokenRow.id)
    .join(UserRow, UserRow.id == ApiTokenRow.user_id)
    .where(ApiTokenRow.id == any_(IDS), *LIVE_TOKEN, MAY_ACT),
)


class CredentialService:
    """Finds out who is asking and tells when that is over; not how tokens are written."""

    def __init__(self, database: DatabaseClient, bus: EventBus) -> None:
        self._db = database
        self._bus = bus
        self._find_principal = database.prepare(FIND_PRINCIPAL)
        self._find_token = database.prepare(FIND_TOKEN)
        self._find_token_again = database.prepare(FIND_TOKEN_AGAIN)
        self._find_live = database.prepare(FIND_LIVE)

    def find_principal(self, session_id: str) -> Principal:
        """Return who a live session speaks for; UnauthenticatedError when it is over."""
        row = self._find_principal.first(session_id=session_id)
        if row is None:
            raise session_over()
        return _principal_of(row)

    def find_api_token(self, digest: str) -> tuple[Principal, datetime]:
        """Return who a live API token speaks for and when it expires, by its hash."""
        row = self._find_token.first(digest=digest)
        if row is None:
            raise token_invalid()
        return _principal_of(row), row["expires_at"]

    def find_again(self, principal: Principal) -> Principal:
        """Look up again who was found before; UnauthenticatedError when that is over by now."""
        if principal.scopes is None:
            return self.find_principal(principal.credential_id)
        row = self._find_token_again.first(token_id=principal.credential_id)
        if row is None:
            raise token_invalid()
        return _principal_of(row)

    def find_live(self, credential_ids: Collection[str]) -> set[str]:
        """Return those of the credentials that still live."""
        return {row["id"] for row in self._find_live.all(ids=list(credential_ids))}

    def announce_end(self, revoked: Iterable[Row]) -> None:
        """Let all processes forget credentials and close their sockets, once it is certain."""
        for row in revoked:
            self._db.on_commit(partial(self._bus.publish, Hint("credential", row["id"])))


def _principal_of(row: Row) -> Principal:
    found = Principal(
        id=row["id"],
        kind=UserKind(row["kind"]),
        role=UserRole(row["role"]),
        timezone=row["timezone"],
        number=row["number"],
        credential_id=row["credential_id"],
    )
    if "scopes" not in row:
        return found
    return replace(
        found,
        scopes=frozenset(map(Scope, row["scopes"])),
        project_id=row["project_id"],
        networks=tuple(map(ip_network, row["networks"])),
    )


def session_over() -> UnauthenticatedError:
    """Return the answer for tokens whose session ended."""
    return UnauthenticatedError("This session is over; sign in again.", code="session_over")


def token_invalid() -> UnauthenticatedError:
    """Return the answer for API tokens that were never made, were revoked or have expired."""
    return UnauthenticatedError(
        "This API token is not valid, or not any more; check that it is complete, "
        "or sign in and make another one.",
        code="token_invalid",
    )


credential_service = CredentialService(db, event_bus)
