"""Asking accounts to confirm that their address is theirs."""

from sqlalchemy import bindparam

from models.attempt import AttemptKind
from models.mail import Letter
from models.mail_token import MailPurpose
from models.principal import Principal
from models.user import UserRow
from services.account_letters import select_account
from services.attempt_service import AttemptService, attempt_service
from services.db_client import DatabaseClient, db
from services.job_queue import JobQueue, job_queue
from services.mail_token_service import MailTokenService, mail_token_service
from services.mailer import Mailer, mailer
from utils.errors import ConflictError

FIND_UNVERIFIED = select_account(
    UserRow.id == bindparam("id"), UserRow.email.is_not(None), ~UserRow.verified
)


class VerificationService:
    """Sends what AddressService takes back."""

    def __init__(
        self,
        database: DatabaseClient,
        jobs: JobQueue,
        tokens: MailTokenService,
        mail: Mailer,
        attempts: AttemptService,
    ) -> None:
        self._db = database
        self._tokens = tokens
        self._mail = mail
        self._attempts = attempts
        self._find = database.prepare(FIND_UNVERIFIED)
        self._letter = jobs.job("letters.verify", self._send)

    def send(self, user_id: str) -> None:
        """Send the message to a new account, after the commit."""
        self._letter.defer(user_id=user_id)

    def count_letter(self, principal: Principal) -> None:
        """Refuse too many letters to one account; ahead of the transaction."""
        self._attempts.require(AttemptKind.VERIFICATION, principal.id)

    def send_again(self, principal: Principal) -> None:
        """Send the message once more; the one before is void then."""
        if self._find.first(id=principal.id) is None:
            raise ConflictError(
                "There is nothing to confirm: no address, or one that is verified.",
                code="already_verified",
            )
        self.send(principal.id)

    def _send(self, user_id: str) -> None:
        issued = self._db.transaction(lambda: self._issue(user_id))
        if issued is not None:
            email, token = issued
            self._mail.send(Letter.VERIFY, email, name=None, token=token)

    def _issue(self, user_id: str) -> tuple[str, str] | None:
        account = self._find.first(id=user_id)
        if account is None:
            return None
        email = account["email"]
        return email, self._tokens.issue(user_id, MailPurpose.VERIFY, email)


verification_service = VerificationService(
    db, job_queue, mail_token_service, mailer, attempt_service
)
