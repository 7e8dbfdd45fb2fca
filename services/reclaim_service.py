"""Accounts whose address is proven for the first time by whoever forgot the password.

Anybody can sign up with the address of somebody else, and leave ways in for themselves: a link to
an account of theirs, a passkey, a token. Whoever has the mailbox gets the account without them.
"""

from sqlalchemy import BindParameter, bindparam, delete, select

from models.audit import AuditAction
from models.base import Base
from models.identity import IdentityRow
from models.passkey import PasskeyRow
from models.second_factor import RecoveryCodeRow, TotpRow
from models.user import UserRow
from services.api_token_service import ApiTokenService, api_token_service
from services.audit_service import AuditService, audit_service
from services.db_client import DatabaseClient, db
from services.user_service import UserService, user_service

ME: BindParameter[str] = bindparam("me")
IS_UNPROVEN = select(UserRow.id).where(UserRow.id == ME, ~UserRow.verified)
WAYS_IN: tuple[type[Base], ...] = (IdentityRow, PasskeyRow, TotpRow, RecoveryCodeRow)


class ReclaimService:
    """Closes what was opened before anybody had proven that the address is theirs."""

    def __init__(
        self,
        database: DatabaseClient,
        users: UserService,
        tokens: ApiTokenService,
        audit: AuditService,
    ) -> None:
        self._users = users
        self._tokens = tokens
        self._audit = audit
        self._is_unproven = database.prepare(IS_UNPROVEN)
        self._close = [
            database.prepare(delete(table).where(table.__table__.c.user_id == ME))
            for table in WAYS_IN
        ]

    def reclaim(self, user_id: str, email: str) -> None:
        """Note that an address is proven; if that is new, nothing from before opens the account."""
        if self._is_unproven.first(me=user_id) is None:
            return
        for statement in self._close:
            statement.execute(me=user_id)
        self._tokens.revoke_every(user_id)
        self._users.verify_email(email)
        self._audit.record_own(AuditAction.CREDENTIALS_ENDED, user_id)


reclaim_service = ReclaimService(db, user_service, api_token_service, audit_service)
