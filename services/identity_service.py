"""Identities: which account somebody has who comes from a provider, and linking and unlinking."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import (
    ARRAY,
    Text,
    any_,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from models.audit import AuditAction
from models.base import columns_of
from models.identity import Identity, IdentityQuery, IdentityRow
from models.principal import Principal
from models.user import UserKind, UserRow
from services.access_service import not_found
from services.audit_service import AuditService, audit_service
from services.db_client import DatabaseClient, db
from services.identity_providers import identity_providers
from services.listing import newest_first
from services.sign_on.provider import IdentityProvider, Profile
from services.user_service import UserService, user_service
from utils.errors import BadRequestError, ConflictError, UnauthenticatedError
from utils.helpers import new_id
from utils.pages import Page
from utils.validators import Email, Name

EMAIL: TypeAdapter[str] = TypeAdapter(Email)
NAME: TypeAdapter[str] = TypeAdapter(Name)

FIND = (
    select(IdentityRow.id, IdentityRow.user_id, UserRow.is_active, UserRow.kind)
    .join(UserRow, UserRow.id == IdentityRow.user_id)
    .where(IdentityRow.issuer == bindparam("issuer"), IdentityRow.subject == bindparam("subject"))
)
# Whoever deletes the account at this moment has it locked: then nothing is linked to what is left.
FIND_ACCOUNT = (
    select(UserRow.id, UserRow.is_active, UserRow.kind, UserRow.verified)
    .where(UserRow.email == bindparam("email"))
    .with_for_update(read=True, key_share=True)
)
ADD = insert(IdentityRow).values(
    id=bindparam("id"),
    user_id=bindparam("user_id"),
    provider=bindparam("provider"),
    issuer=bindparam("issuer"),
    subject=bindparam("subject"),
    email=bindparam("email"),
    created_at=func.now(),
    last_used_at=func.now(),
)
TOUCH = (
    update(IdentityRow)
    .where(IdentityRow.id == bindparam("identity_id"))
    .values(email=func.coalesce(bindparam("new_email"), IdentityRow.email), last_used_at=func.now())
)
REMOVE = delete(IdentityRow).where(
    IdentityRow.id == bindparam("identity_id"), IdentityRow.user_id == bindparam("user_id")
)
# Locked, so that of two who are taken away at once one stays.
LOCK_PASSWORD = (
    select(UserRow.password_hash)
    .where(UserRow.id == bindparam("user_id"))
    .with_for_update(key_share=True)
)
FIND_USABLE = select(IdentityRow.id).where(
    IdentityRow.user_id == bindparam("user_id"),
    IdentityRow.issuer == any_(bindparam("issuers", type_=ARRAY(Text))),
)

LIST = select(*columns_of(IdentityRow, Identity)).where(IdentityRow.user_id == bindparam("user_id"))


class IdentityService:
    """Keeps which accounts elsewhere open which of ours."""

    def __init__(
        self,
        database: DatabaseClient,
        providers: Mapping[str, IdentityProvider],
        users: UserService,
        audit: AuditService,
    ) -> None:
        self._providers = providers
        self._users = users
        self._audit = audit
        self._find = database.prepare(FIND)
        self._find_account = database.prepare(FIND_ACCOUNT)
        self._add = database.prepare(ADD)
        self._touch = database.prepare(TOUCH)
        self._remove = database.prepare(REMOVE)
        self._lock_password = database.prepare(LOCK_PASSWORD)
        self._find_usable = database.prepare(FIND_USABLE)
        self._listing = newest_first("identities", database, LIST, IdentityRow.id)

    def admit(self, provider: IdentityProvider, profile: Profile) -> str:
        """Return the id of the account that somebody from a provider signs in to.

        Who is new gets one. An account of the same address is theirs only if both the provider
        and we have seen that the address is: anybody can sign up with anybody's.
        """
        known = self._find.first(issuer=profile.issuer, subject=profile.subject)
        if known is not None:
            _require_person(known)
            self._touch.execute(identity_id=known["id"], new_email=_email_of(profile))
            return str(known["user_id"])
        email = _proven_email(provider, profile)
        user_id = self._account_of(provider, email, profile.name)
        self._keep(user_id, provider, profile, email)
        return user_id

    def link(self, user_id: str, provider: IdentityProvider, profile: Profile) -> None:
        """Let an account elsewhere open this one from now on."""
        known = self._find.first(issuer=profile.issuer, subject=profile.subject)
        if known is None:
            self._keep(user_id, provider, profile, _proven_email(provider, profile))
        elif known["user_id"] == user_id:
            self._touch.execute(identity_id=known["id"], new_email=_email_of(profile))
        else:
            raise ConflictError(
                f"This account at {provider.name} opens another account here; sign in with it and "
                "unlink it there first.",
                code="identity_taken",
            )

    def unlink(self, principal: Principal, identity_id: str) -> None:
        """Let an account elsewhere open the caller's no more, unless nothing else would."""
        password = self._lock_password.one(user_id=principal.id)
        if not self._remove.execute(identity_id=identity_id, user_id=principal.id):
            raise not_found()
        if password["password_hash"] is None and not self._has_usable(principal.id):
            raise ConflictError(
                "Nothing else opens your account; set a password or link another one first.",
                code="last_way_in",
            )
        self._audit.record_own(AuditAction.IDENTITY_UNLINKED, principal.id, subject_id=identity_id)

    def page(self, principal: Principal, query: IdentityQuery) -> Page[Identity]:
        """Return what opens the caller's account, the newest first."""
        rows = self._listing.page(query, {"user_id": principal.id}, "newest")
        return rows.map(Identity.model_validate)

    def _has_usable(self, user_id: str) -> bool:
        issuers = [provider.issuer for provider in self._providers.values()]
        return self._find_usable.first(user_id=user_id, issuers=issuers) is not None

    def _account_of(self, provider: IdentityProvider, email: str, name: str) -> str:
        account = self._find_account.first(email=email)
        if account is None:
            return self._users.sign_up_verified(email, _name_of(name, email)).id
        if not account["verified"] or account["kind"] != UserKind.PERSON:
            raise ConflictError(
                "An account with this address exists, and nobody has proven yet whose it is. Sign "
                f"in to it with its password and link {provider.name} there.",
                code="account_exists",
            )
        _require_person(account)
        return str(account["id"])

    def _keep(self, user_id: str, provider: IdentityProvider, profile: Profile, email: str) -> None:
        identity_id = new_id()
        self._add.execute(
            id=identity_id,
            user_id=user_id,
            provider=provider.id,
            issuer=profile.issuer,
            subject=profile.subject,
            email=email,
        )
        self._audit.record_own(AuditAction.IDENTITY_LINKED, user_id, subject_id=identity_id)


def _require_person(account: Mapping[str, Any]) -> None:
    if not account["is_active"] or account["kind"] != UserKind.PERSON:
        raise UnauthenticatedError(
            "This account is disabled; ask an administrator of this installation.",
            code="account_disabled",
        )


def _email_of(profile: Profile) -> str | None:
    """Return the address as we write it, if it is one.

    Not where writing it so makes another of it: the Kelvin sign becomes a k, and Mike's account
    would be opened by whoever has the address with the sign.
    """
    try:
        email = EMAIL.validate_python(profile.email)
    except ValidationError:
        return None
    return email if email.isascii() == str(profile.email).isascii() else None


def _proven_email(provider: IdentityProvider, profile: Profile) -> str:
    email = _email_of(profile)
    if email is None or not profile.email_verified:
        raise BadRequestError(
            f"{provider.name} does not say that your e-mail address there is verified; verify it "
            "there and start again.",
            code="address_unverified",
        )
    return email


def _name_of(name: str, email: str) -> str:
    """Return what the provider calls somebody, or what their address begins with."""
    for candidate in (name[:100], email.partition("@")[0][:100]):
        try:
            return NAME.validate_python(candidate)
        except ValidationError:
            continue
    return email[:100]


identity_service = IdentityService(db, identity_providers, user_service, audit_service)
