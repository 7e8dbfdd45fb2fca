"""New passwords: for those who know the old one, and for those who have forgotten it."""

from sqlalchemy import bindparam, select, update

from models.attempt import AttemptKind
from models.audit import AuditAction
from models.mail import Letter
from models.mail_token import MailPurpose, MailTokenRow, PasswordChange, Reset, ResetRequest
from models.principal import Principal
from models.user import UserKind, UserRow
from services.account_letters import select_account
from services.attempt_service import AttemptService, attempt_service
from services.audit_service import AuditService, audit_service
from services.challenge_service import ChallengeService, challenge_service
from services.confirmation_service import (
    ConfirmationService,
    confirmation_service,
    wrong_password,
)
from services.db_client import DatabaseClient, db
from services.job_queue import JobQueue, job_queue
from services.mail_token_service import MailTokenService, invalid_token, mail_token_service
from services.mailer import Mailer, mailer
from services.password_service import PasswordService, password_service
from services.prepared import Row
from services.reclaim_service import ReclaimService, reclaim_service
from services.session_service import SessionService, session_service
from utils.caller import current_caller, open_caller
from utils.errors import ConflictError
from utils.helpers import digest_of

FIND = select_account(UserRow.id == bindparam("id"), UserRow.email.is_not(None))
FIND_BY_EMAIL = select_account(UserRow.email == bindparam("email"))

# What everybody knows of somebody, so that no password is made of it.
KNOWN = select(UserRow.email, UserRow.name)
KNOWN_BY_ID = KNOWN.where(UserRow.id == bindparam("id"))
KNOWN_BY_TOKEN = KNOWN.join(MailTokenRow, MailTokenRow.user_id == UserRow.id).where(
    MailTokenRow.digest == bindparam("digest"), MailTokenRow.purpose == MailPurpose.RESET
)

# Nobody sees a password: the row keeps its version and what is told about it.
SET_PASSWORD = (
    update(UserRow)
    .where(UserRow.id == bindparam("this_id"), UserRow.is_active, UserRow.kind == UserKind.PERSON)
    .values(password_hash=bindparam("new_hash"), updated_at=UserRow.updated_at)
)
# Of two changes at once one finds that the password it knew is no more.
REPLACE_PASSWORD = SET_PASSWORD.where(UserRow.password_hash == bindparam("old_hash"))

# What whoever knew the old password may have asked for.
BEFORE = (MailPurpose.RESET, MailPurpose.CHANGE_OLD, MailPurpose.CHANGE_NEW)


class PasswordChangeService:
    """Changes passwords, and tells the account's address."""

    def __init__(
        self,
        database: DatabaseClient,
        jobs: JobQueue,
        tokens: MailTokenService,
        mail: Mailer,
        confirmations: ConfirmationService,
        passwords: PasswordService,
        sessions: SessionService,
        challenges: ChallengeService,
        reclaims: ReclaimService,
        attempts: AttemptService,
        audit: AuditService,
    ) -> None:
        self._db = database
        self._tokens = tokens
        self._mail = mail
        self._confirmations = confirmations
        self._passwords = passwords
        self._sessions = sessions
        self._challenges = challenges
        self._reclaims = reclaims
        self._attempts = attempts
        self._audit = audit
        self._known_by_id = database.prepare(KNOWN_BY_ID)
        self._known_by_token = database.prepare(KNOWN_BY_TOKEN)
        self._find = database.prepare(FIND)
        self._find_by_email = database.prepare(FIND_BY_EMAIL)
        self._set_password = database.prepare(SET_PASSWORD)
        self._replace_password = database.prepare(REPLACE_PASSWORD)
        self._request = jobs.job("passwords.look_up", self._look_up)
        self._reset_letter = jobs.job("letters.reset", self._send_reset)
        self._change_letter = jobs.job("letters.password_changed", self._tell)

    def count_letter(self, body: ResetRequest) -> None:
        """Refuse too many letters to one address, whether an account uses it or not."""
        self._attempts.require(AttemptKind.PASSWORD_RESET, body.email)

    def request_reset(self, body: ResetRequest) -> None:
        """Mail a token to an account, if there is one.

        Whether there is one is looked up after the answer, which so is the same in any case.
        """
        self._request.defer(email=body.email, ip=current_caller().ip)

    def hash_reset(self, body: Reset) -> str:
        """Hash the chosen password, ahead of the transaction."""
        digest = digest_of(body.token)
        known = self._db.reading(lambda: self._known_by_token.first(digest=digest))
        return self._passwords.hash_new(body.password, *_words(known))

    def reset(self, body: Reset, password_hash: str) -> None:
        """Set a password by a token, and sign its account out everywhere."""
        spent = self._tokens.spend(body.token, MailPurpose.RESET)
        user_id = spent["user_id"]
        if not self._set_password.execute(this_id=user_id, new_hash=password_hash):
            raise invalid_token()  # the account was disabled meanwhile
        self._sessions.revoke_all_of(user_id)
        self._reclaims.reclaim(user_id, spent["email"])
        self._attempts.forget(AttemptKind.LOGIN, spent["email"])  # guesses at the old one
        self._finish(user_id)

    def prepare_change(self, principal: Principal, body: PasswordChange) -> tuple[str | None, str]:
        """Return the hash of the old password, None when it is wrong, and that of the new one.

        It is refused later: a repeat, which gets the first answer, knows the old one only.
        """
        old_hash = self._confirmations.matching_hash(principal, body.current_password)
        known = self._db.reading(lambda: self._known_by_id.one(id=principal.id))
        return old_hash, self._passwords.hash_new(body.new_password, *_words(known))

    def change(self, principal: Principal, hashes: tuple[str | None, str]) -> None:
        """Set one's own password, and sign out everywhere but here."""
        old_hash, new_hash = hashes
        if old_hash is None:
            raise wrong_password()
        if not self._replace_password.execute(
            this_id=principal.id, old_hash=old_hash, new_hash=new_hash
        ):
            raise ConflictError(
                "Your password was changed elsewhere at the same moment; sign in with that one.",
                code="password_changed",
            )
        self._sessions.revoke_others(principal)
        self._finish(principal.id)

    def _finish(self, user_id: str) -> None:
        self._audit.record_own(AuditAction.PASSWORD_CHANGED, user_id)
        self._challenges.forget(user_id)  # of sign-ins that are half done
        self._tokens.void(user_id, *BEFORE)
        self._change_letter.defer(user_id=user_id)

    def _look_up(self, email: str, ip: str | None) -> None:
        open_caller(ip)  # it is written down that they have asked
        self._db.transaction(lambda: self._note_request(email))

    def _note_request(self, email: str) -> None:
        account = self._find_by_email.first(email=email)
        if account is not None:
            user_id = account["id"]
            self._audit.record(AuditAction.PASSWORD_RESET_ASKED, user_id=user_id, actor_id=None)
            self._reset_letter.defer(user_id=user_id)

    def _send_reset(self, user_id: str) -> None:
        issued = self._db.transaction(lambda: self._issue(user_id))
        if issued is not None:
            account, token = issued
            self._mail.send(Letter.RESET, account["email"], name=account["name"], token=token)

    def _issue(self, user_id: str) -> tuple[Row, str] | None:
        account = self._find.first(id=user_id)
        if account is None:
            return None
        return account, self._tokens.issue(user_id, MailPurpose.RESET, account["email"])

    def _tell(self, user_id: str) -> None:
        account = self._db.transaction(lambda: self._find.first(id=user_id))
        if account is not None:
            self._mail.send(Letter.PASSWORD_CHANGED, account["email"], name=account["name"])


def _words(known: Row | None) -> list[str]:
    return [] if known is None else [known["email"] or "", known["name"]]


password_change_service = PasswordChangeService(
    db,
    job_queue,
    mail_token_service,
    mailer,
    confirmation_service,
    password_service,
    session_service,
    challenge_service,
    reclaim_service,
    attempt_service,
    audit_service,
)
