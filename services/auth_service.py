"""Signing in: finding out whose e-mail address and password these are."""

from dataclasses import replace

from sqlalchemy import bindparam, select

from models.attempt import AttemptKind
from models.audit import AuditAction
from models.session import Login
from models.user import UserKind, UserRow
from models.way import Admission, Way
from services.attempt_service import AttemptService, attempt_service
from services.audit_service import AuditService, audit_service
from services.db_client import DatabaseClient, db
from services.password_service import PasswordService, password_service
from services.second_step_service import SecondStepService, second_step_service
from utils.errors import UnauthenticatedError

FIND_ACCOUNT = select(UserRow.id, UserRow.password_hash).where(
    UserRow.email == bindparam("email"), UserRow.is_active, UserRow.kind == UserKind.PERSON
)


class AuthService:
    """Checks credentials that people bring along."""

    def __init__(
        self,
        database: DatabaseClient,
        passwords: PasswordService,
        attempts: AttemptService,
        audit: AuditService,
        second_step: SecondStepService,
    ) -> None:
        self._db = database
        self._passwords = passwords
        self._attempts = attempts
        self._audit = audit
        self._second_step = second_step
        self._find_account = database.prepare(FIND_ACCOUNT)

    def check_password(self, body: Login) -> Admission:
        """Return whose e-mail address and password these are.

        Opens units of work of its own and holds nothing while it hashes. Unknown and known accounts
        take the same time and get the same answer, also after too many attempts. Where there is a
        second factor, it is asked for.
        """
        self._attempts.require(AttemptKind.LOGIN, body.email)
        account = self._db.reading(lambda: self._find_account.first(email=body.email))
        password_hash = account["password_hash"] if account else None
        matches = self._passwords.matches(body.password, password_hash)
        if account is None or not matches:
            user_id = account["id"] if account else None
            self._audit.count_refusal(AuditAction.SESSION_REFUSED, user_id, Way.PASSWORD)
            raise UnauthenticatedError(
                "E-mail address or password is wrong; check both.", code="wrong_credentials"
            )
        self._attempts.succeeded(AttemptKind.LOGIN, body.email)
        admission = self._second_step.begin(account["id"], Way.PASSWORD)
        return replace(admission, password_hash=password_hash)


auth_service = AuthService(
    db, password_service, attempt_service, audit_service, second_step_service
)
