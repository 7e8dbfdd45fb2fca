"""Addresses: confirmed by what was mailed to them, and changed when old and new have confirmed."""

from sqlalchemy import bindparam, select

from models.attempt import AttemptKind
from models.mail import Letter
from models.mail_token import AddressChange, AddressProof, AddressProved, MailPurpose
from models.principal import Principal
from models.user import UserRow
from services.account_letters import NAME, select_account
from services.attempt_service import AttemptService, attempt_service
from services.confirmation_service import ConfirmationService, confirmation_service
from services.db_client import DatabaseClient, db
from services.job_queue import JobQueue, job_queue
from services.mail_token_service import MailTokenService, invalid_token, mail_token_service
from services.mailer import Mailer, mailer
from services.prepared import Row
from services.user_service import UserService, user_service

BOTH = (MailPurpose.CHANGE_OLD, MailPurpose.CHANGE_NEW)

FIND = select_account(UserRow.id == bindparam("id"), UserRow.email.is_not(None))
# Of the two confirmations the later one waits here, and then sees the other.
LOCK = (
    select(UserRow.email, NAME.label("name"))
    .where(UserRow.id == bindparam("id"), UserRow.is_active)
    .with_for_update()
)


class AddressService:
    """Changes of addresses; VerificationService sends what a new account confirms."""

    def __init__(
        self,
        database: DatabaseClient,
        jobs: JobQueue,
        tokens: MailTokenService,
        mail: Mailer,
        confirmations: ConfirmationService,
        users: UserService,
        attempts: AttemptService,
    ) -> None:
        self._db = database
        self._tokens = tokens
        self._mail = mail
        self._confirmations = confirmations
        self._users = users
        self._attempts = attempts
        self._find = database.prepare(FIND)
        self._lock = database.prepare(LOCK)
        self._half = jobs.job("letters.change_address", self._ask)
        self._change_letter = jobs.job("letters.address_changed", self._tell)

    def confirm(self, body: AddressProof) -> AddressProved:
        """Take a token: the address is verified, or changed if this was the later of both."""
        spent = self._tokens.spend(body.token, MailPurpose.VERIFY, *BOTH)
        if spent["purpose"] == MailPurpose.VERIFY:
            self._users.verify_email(spent["email"])
            return AddressProved(complete=True)
        return AddressProved(complete=self._change_after_both(spent))

    def prepare_change(self, principal: Principal, body: AddressChange) -> None:
        """Refuse who confirms nothing, and too many letters; ahead of the transaction."""
        self._confirmations.check(principal, body)
        self._attempts.require(AttemptKind.ADDRESS_CHANGE, principal.id, body.email)

    def request_change(self, principal: Principal, body: AddressChange) -> None:
        """Ask both addresses; whether somebody uses the new one is told to nobody else."""
        for purpose in BOTH:  # each by itself: where one takes no mail the other is asked once
            self._half.defer(user_id=principal.id, email=body.email, purpose=purpose)

    def _ask(self, user_id: str, email: str, purpose: str) -> None:
        half = MailPurpose(purpose)
        issued = self._db.transaction(lambda: self._issue(user_id, email, half))
        if issued is None:
            return
        account, token = issued
        if half is MailPurpose.CHANGE_NEW:
            self._mail.send(Letter.CHANGE_NEW, email, name=None, token=token)
        else:
            old, name = account["email"], account["name"]
            self._mail.send(Letter.CHANGE_OLD, old, name=name, new_email=email, token=token)

    def _issue(self, user_id: str, email: str, half: MailPurpose) -> tuple[Row, str] | None:
        account = self._find.first(id=user_id)
        if account is None:
            return None
        return account, self._tokens.issue(user_id, half, email)

    def _change_after_both(self, spent: Row) -> bool:
        user_id, email = spent["user_id"], spent["email"]
        account = self._lock.first(id=user_id)
        if account is None:
            raise invalid_token()
        if not self._tokens.all_spent(user_id, email, *BOTH):
            return False
        self._users.change_email(user_id, email)
        self._tokens.void(user_id, *MailPurpose)  # what was mailed to the old address, above all
        self._change_letter.defer(
            email=account["email"], name=account["name"] or "", new_email=email
        )
        return True

    def _tell(self, email: str, name: str, new_email: str) -> None:
        self._mail.send(Letter.ADDRESS_CHANGED, email, name=name, new_email=new_email)


address_service = AddressService(
    db,
    job_queue,
    mail_token_service,
    mailer,
    confirmation_service,
    user_service,
    attempt_service,
)
