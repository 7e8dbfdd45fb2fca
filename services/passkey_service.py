"""Passkeys: added and removed by whose they are, and what they sign."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, func, insert, or_, select, update
from webauthn.helpers.structs import UserVerificationRequirement

from models.audit import AuditAction
from models.base import columns_of
from models.challenge import Purpose
from models.confirmation import PasskeyAnswer
from models.passkey import (
    Credential,
    NewPasskey,
    Passkey,
    PasskeyCreate,
    PasskeyOptions,
    PasskeyQuery,
    PasskeyRow,
    PasskeySignIn,
)
from models.principal import Principal
from models.user import UserKind, UserRow
from models.way import Admission, Way
from services.access_service import not_found
from services.audit_service import AuditService, audit_service
from services.challenge_service import ChallengeService, challenge_service
from services.db_client import DatabaseClient, db
from services.listing import newest_first
from services.prepared import Row
from services.second_factor_service import SecondFactorService, second_factor_service
from services.web_authn import (
    PRESENT,
    VERIFIED,
    NewKey,
    RefusedError,
    WebAuthn,
    challenge_in,
    to_bytes,
    web_authn,
)
from utils.errors import BadRequestError, ConflictError, UnauthenticatedError
from utils.helpers import new_id
from utils.logger import get_logger
from utils.pages import Page

logger = get_logger(__name__)

PASSKEYS_MAX = 20

MINE = PasskeyRow.user_id == bindparam("user_id")

KNOWN = select(PasskeyRow.credential).where(MINE).order_by(PasskeyRow.id)
ADD = (
    insert(PasskeyRow)
    .values(
        id=bindparam("id"),
        user_id=bindparam("user_id"),
        credential=bindparam("credential"),
        public_key=bindparam("public_key"),
        sign_count=bindparam("sign_count"),
        name=bindparam("name"),
        created_at=func.now(),
    )
    .returning(PasskeyRow.created_at)
)
REMOVE = delete(PasskeyRow).where(MINE, PasskeyRow.id == bindparam("id"))

FIND = (
    select(PasskeyRow.id, PasskeyRow.user_id, PasskeyRow.public_key)
    .join(UserRow, UserRow.id == PasskeyRow.user_id)
    .where(
        PasskeyRow.credential == bindparam("credential"),
        UserRow.is_active,
        UserRow.kind == UserKind.PERSON,
    )
)
# A counter that does not rise is that of a copy (WebAuthn, 6.1.1); many passkeys keep none, and 0.
USE = (
    update(PasskeyRow)
    .where(
        PasskeyRow.id == bindparam("id"),
        or_(
            PasskeyRow.sign_count < bindparam("sign_count"),
            PasskeyRow.sign_count + bindparam("sign_count") == 0,
        ),
    )
    .values(sign_count=bindparam("sign_count"), last_used_at=func.now())
)

LIST = select(*columns_of(PasskeyRow, Passkey)).where(MINE)


class PasskeyService:
    """Keeps the public halves of passkeys, and finds out whose signature something is."""

    def __init__(
        self,
        database: DatabaseClient,
        challenges: ChallengeService,
        factors: SecondFactorService,
        ceremonies: WebAuthn,
        audit: AuditService,
    ) -> None:
        self._db = database
        self._challenges = challenges
        self._factors = factors
        self._ceremonies = ceremonies
        self._audit = audit
        self._known = database.prepare(KNOWN)
        self._add = database.prepare(ADD)
        self._remove = database.prepare(REMOVE)
        self._find = database.prepare(FIND)
        self._use = database.prepare(USE)
        self._listing = newest_first("passkeys", database, LIST, PasskeyRow.id)

    def creation_options(self, principal: Principal) -> PasskeyOptions:
        """Return what to ask the browser for a new passkey with."""
        known = self._known_of(principal.id)
        self._require_room(len(known))
        email = self._factors.address_of(principal.id)
        challenge = self._challenges.issue(Purpose.NEW_PASSKEY, principal.id)
        options = self._ceremonies.creation_options(principal.id, email, challenge, known)
        return PasskeyOptions(challenge=challenge, public_key=options)

    def _require_room(self, count: int) -> None:
        if count >= PASSKEYS_MAX:
            raise ConflictError(
                f"There are {PASSKEYS_MAX} passkeys already; remove one first.",
                code="too_many_passkeys",
            )

    def verify_new(self, principal: Principal, body: PasskeyCreate) -> NewKey:
        """Return a new passkey that was made with the caller's options.

        Opens a transaction of its own: the challenge is void whatever the answer to it is.
        """
        try:
            challenge = challenge_in(body.credential)
            self._db.transaction(lambda: self._take_own(principal, Purpose.NEW_PASSKEY, challenge))
            return self._ceremonies.verify_new(body.credential, challenge)
        except RefusedError:
            raise BadRequestError(
                "This passkey was not made with the options for it; ask for new ones, and make it "
                "on a page of this site.",
                code="passkey_refused",
            ) from None

    def _take_own(self, principal: Principal, purpose: Purpose, challenge: str) -> None:
        if self._challenges.take(purpose, challenge) != principal.id:
            raise RefusedError  # and undone: somebody else's it stays

    def add(self, principal: Principal, body: PasskeyCreate, key: NewKey) -> NewPasskey:
        """Keep a new passkey; from now on the password is not enough any more."""
        passkey_id = new_id()
        row = self._add.one(
            id=passkey_id,
            user_id=principal.id,
            credential=key.credential,
            public_key=key.public_key,
            sign_count=key.sign_count,
            name=body.name,
        )
        codes = self._factors.note_turned_on(principal)
        self._require_room(len(self._known_of(principal.id)) - 1)  # more may have been asked for
        return NewPasskey(
            id=passkey_id,
            name=body.name,
            created_at=row["created_at"],
            last_used_at=None,
            recovery_codes=codes,
        )

    def page(self, principal: Principal, query: PasskeyQuery) -> Page[Passkey]:
        """Return the caller's passkeys, the newest first."""
        page = self._listing.page(query, {"user_id": principal.id}, "newest")
        return page.map(Passkey.model_validate)

    def remove(self, principal: Principal, passkey_id: str) -> None:
        """Forget one of the caller's passkeys."""
        if not self._remove.execute(id=passkey_id, user_id=principal.id):
            raise not_found()
        self._factors.note_turned_off(principal)

    def sign_in_options(self) -> PasskeyOptions:
        """Return what to ask the browser for, before it is known who is asking."""
        challenge = self._challenges.issue(Purpose.PASSKEY_SIGN_IN)
        options = self._ceremonies.request_options(challenge, VERIFIED)
        return PasskeyOptions(challenge=challenge, public_key=options)

    def sign_in(self, body: PasskeySignIn) -> Admission:
        """Admit whose passkey has answered the challenge, which is void now in any case.

        Their finger or PIN was checked by the authenticator, so these are two factors.
        """
        self._db.transaction(lambda: self._challenges.take(Purpose.PASSKEY_SIGN_IN, body.challenge))
        found = self._db.reading(lambda: self._find_of(body.credential))
        user_id = found["user_id"] if found else None
        if not self._db.transaction(lambda: self._opens(body, found)):
            self._audit.count_refusal(AuditAction.SESSION_REFUSED, user_id, Way.PASSKEY)
            raise UnauthenticatedError(
                "This passkey opens nothing here; sign in in another way.", code="passkey_refused"
            )
        return Admission(str(user_id), (Way.PASSKEY,))

    def _opens(self, body: PasskeySignIn, found: Row | None) -> bool:
        """Tell whether a passkey alone opens the account that it says it is of."""
        handle = body.credential.response.user_handle
        if found is None or handle is None or to_bytes(handle) != UUID(found["user_id"]).bytes:
            return False
        return self._has_signed(found, body.credential, body.challenge, VERIFIED)

    def second_factor_options(self, user_id: str, challenge: str) -> dict[str, Any]:
        """Return what to ask the browser for when the password was right."""
        return self._ceremonies.request_options(challenge, PRESENT, self._known_of(user_id))

    def answers(self, user_id: str, challenge: str, credential: Credential) -> bool:
        """Tell whether a passkey of this account has answered the challenge."""
        return self._answers(user_id, challenge, credential, PRESENT)

    def confirmation_options(self, principal: Principal) -> PasskeyOptions:
        """Return what to ask the browser for when the caller has to confirm something."""
        known = self._known_of(principal.id)
        if not known:
            raise ConflictError(
                "You have no passkey; confirm with your password, or by signing in again if you "
                "have none.",
                code="no_passkey",
            )
        challenge = self._challenges.issue(Purpose.CONFIRMATION, principal.id)
        options = self._ceremonies.request_options(challenge, VERIFIED, known)
        return PasskeyOptions(challenge=challenge, public_key=options)

    def confirms(self, principal: Principal, answer: PasskeyAnswer) -> bool:
        """Tell whether a passkey of the caller's has answered their challenge, which is void now.

        Their finger or PIN was checked: somebody who found the device unlocked has only that.
        """
        user_id, challenge = principal.id, answer.challenge
        try:
            self._db.transaction(lambda: self._take_own(principal, Purpose.CONFIRMATION, challenge))
        except RefusedError:
            return False
        return self._db.transaction(
            lambda: self._answers(user_id, challenge, answer.credential, VERIFIED)
        )

    def _answers(
        self,
        user_id: str,
        challenge: str,
        credential: Credential,
        user_verification: UserVerificationRequirement,
    ) -> bool:
        found = self._find_of(credential)
        if found is None or found["user_id"] != user_id:
            return False
        return self._has_signed(found, credential, challenge, user_verification)

    def _known_of(self, user_id: str) -> list[bytes]:
        return [row["credential"] for row in self._known.all(user_id=user_id)]

    def _find_of(self, answer: Credential) -> Row | None:
        """Return which passkey an answer says it is of."""
        return self._find.first(credential=to_bytes(answer.raw_id))

    def _has_signed(
        self,
        passkey: Row,
        answer: Credential,
        challenge: str,
        user_verification: UserVerificationRequirement,
    ) -> bool:
        """Tell whether a passkey has signed the challenge, and count that."""
        public_key = passkey["public_key"]
        try:
            count = self._ceremonies.verify(answer, challenge, public_key, user_verification)
        except RefusedError:
            return False
        if not self._use.execute(id=passkey["id"], sign_count=count):
            logger.warning("passkey.counter_went_back", passkey_id=passkey["id"])
            return False
        return True


passkey_service = PasskeyService(
    db, challenge_service, second_factor_service, web_authn, audit_service
)
