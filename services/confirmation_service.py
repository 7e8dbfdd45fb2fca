"""Confirmations: who is signed in proves it once more, before what protects an account changes."""

from datetime import timedelta

from sqlalchemy import bindparam, exists, func, literal, select
from sqlalchemy.types import Interval

from models.attempt import AttemptKind
from models.audit import AuditAction
from models.confirmation import Confirmation, PasskeyAnswer
from models.principal import Principal
from models.session import SessionRow
from models.user import UserRow
from models.way import Way
from services.attempt_service import AttemptService, attempt_service
from services.audit_service import AuditService, audit_service
from services.db_client import DatabaseClient, db
from services.passkey_service import PasskeyService, passkey_service
from services.password_service import PasswordService, password_service
from utils.errors import ForbiddenError

# Long enough to come back from a provider and fill in a form.
FRESH = timedelta(minutes=5)

FIND = select(
    UserRow.password_hash,
    exists()
    .where(
        SessionRow.id == bindparam("session_id"),
        SessionRow.user_id == UserRow.id,
        SessionRow.created_at > func.now() - literal(FRESH, Interval),
    )
    .label("is_fresh"),
).where(UserRow.id == bindparam("id"))


class ConfirmationService:
    """Makes sure that whoever is signed in is who signed in.

    Opens units of work of its own, and holds nothing while it hashes.
    """

    def __init__(
        self,
        database: DatabaseClient,
        passwords: PasswordService,
        passkeys: PasskeyService,
        attempts: AttemptService,
        audit: AuditService,
    ) -> None:
        self._db = database
        self._passwords = passwords
        self._passkeys = passkeys
        self._attempts = attempts
        self._audit = audit
        self._find = database.prepare(FIND)

    def check(self, principal: Principal, body: Confirmation) -> None:
        """Refuse a wrong password or passkey, or neither of them.

        Who signs in at a provider and has no password has just proven all that there is to prove.
        """
        if body.passkey is not None:
            self._check_passkey(principal, body.passkey)
        elif body.password is not None:
            if self.matching_hash(principal, body.password) is None:
                raise wrong_password()
        else:
            self._require_fresh(principal)

    def matching_hash(self, principal: Principal, password: str) -> str | None:
        """Return the hash of the caller's password, None when this is not it."""
        password_hash, _ = self._look_up(principal)
        if password_hash is None:
            raise ForbiddenError(
                "This account has no password; set one by the link for forgotten ones. To confirm "
                "something, a passkey does as well, or to have just signed in.",
                code="no_password",
            )
        self._attempts.require(AttemptKind.CONFIRMATION, principal.id)
        if not self._passwords.matches(password, password_hash):
            self._refuse(principal, Way.PASSWORD)
            return None
        self._attempts.succeeded(AttemptKind.CONFIRMATION, principal.id)
        return password_hash

    def _check_passkey(self, principal: Principal, answer: PasskeyAnswer) -> None:
        self._attempts.require(AttemptKind.CONFIRMATION, principal.id)
        if not self._passkeys.confirms(principal, answer):
            self._refuse(principal, Way.PASSKEY)
            raise ForbiddenError(
                "This passkey confirms nothing; ask for new options, and take a passkey of yours "
                "that checks your finger, face or PIN.",
                code="passkey_refused",
            )
        self._attempts.succeeded(AttemptKind.CONFIRMATION, principal.id)

    def _require_fresh(self, principal: Principal) -> None:
        password_hash, is_fresh = self._look_up(principal)
        if password_hash is not None:
            raise ForbiddenError(
                "Confirm that it is you: send your password, or a passkey with what POST "
                "/users/me/confirmations/options answers.",
                code="confirmation_required",
            )
        if not is_fresh:
            raise ForbiddenError(
                "Confirm that it is you: sign in again and do this within five minutes, or send a "
                "passkey with what POST /users/me/confirmations/options answers.",
                code="sign_in_again",
            )

    def _look_up(self, principal: Principal) -> tuple[str | None, bool]:
        """Return the hash of the caller's password, and whether they have just signed in."""
        session_id = principal.credential_id
        row = self._db.reading(lambda: self._find.one(id=principal.id, session_id=session_id))
        return row["password_hash"], row["is_fresh"]

    def _refuse(self, principal: Principal, way: Way) -> None:
        self._audit.count_refusal(AuditAction.CONFIRMATION_REFUSED, principal.id, way)


def wrong_password() -> ForbiddenError:
    """Return the answer to those who are signed in and do not know their password."""
    return ForbiddenError(
        "The password is wrong; if you have forgotten it, ask for a new one with "
        "POST /auth/password-resets.",
        code="wrong_password",
    )


confirmation_service = ConfirmationService(
    db, password_service, passkey_service, attempt_service, audit_service
)
