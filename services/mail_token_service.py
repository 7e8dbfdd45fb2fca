"""Tokens in messages: each works once and for a while, and only the newest of its purpose."""

import secrets
from datetime import timedelta

from sqlalchemy import ARRAY, Text, any_, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.types import Interval

from models.mail_token import MailPurpose, MailTokenRow
from services.db_client import DatabaseClient, db
from services.portions import delete_portion
from services.prepared import Row
from utils.errors import BadRequestError
from utils.helpers import digest_of

LIFETIMES = {
    MailPurpose.VERIFY: timedelta(hours=48),
    MailPurpose.RESET: timedelta(minutes=30),
    MailPurpose.CHANGE_OLD: timedelta(hours=2),
    MailPurpose.CHANGE_NEW: timedelta(hours=2),
}

EXPIRY = func.now() + bindparam("lifetime", type_=Interval)
THIS_PURPOSE = MailTokenRow.purpose == any_(bindparam("purposes", type_=ARRAY(Text)))
OF_USER = MailTokenRow.user_id == bindparam("of_user_id")

_issue = insert(MailTokenRow).values(
    user_id=bindparam("user_id"),
    purpose=bindparam("purpose"),
    digest=bindparam("digest"),
    email=bindparam("email"),
    expires_at=EXPIRY,
    spent_at=None,
)
# One row for each purpose: a new token takes the place of the older one.
ISSUE = _issue.on_conflict_do_update(
    index_elements=[MailTokenRow.user_id, MailTokenRow.purpose],
    set_={name: _issue.excluded[name] for name in ("digest", "email", "expires_at", "spent_at")},
)

# Of two at once one finds nothing: the row is locked until the other has committed.
SPEND = (
    update(MailTokenRow)
    .where(
        MailTokenRow.digest == bindparam("this_digest"),
        THIS_PURPOSE,
        MailTokenRow.spent_at.is_(None),
        MailTokenRow.expires_at > func.now(),
    )
    .values(spent_at=func.now())
    .returning(MailTokenRow.user_id, MailTokenRow.purpose, MailTokenRow.email)
)
COUNT_SPENT = select(func.count().label("spent")).where(
    OF_USER,
    THIS_PURPOSE,
    MailTokenRow.email == bindparam("of_email"),
    MailTokenRow.spent_at.is_not(None),
    MailTokenRow.expires_at > func.now(),
)
VOID = delete(MailTokenRow).where(OF_USER, THIS_PURPOSE)
PURGE = delete_portion(MailTokenRow, MailTokenRow.expires_at < func.now())


class MailTokenService:
    """Issues and takes tokens; only their hashes are kept."""

    def __init__(self, database: DatabaseClient) -> None:
        self._issue = database.prepare(ISSUE)
        self._spend = database.prepare(SPEND)
        self._count_spent = database.prepare(COUNT_SPENT)
        self._void = database.prepare(VOID)
        self._purge = database.prepare(PURGE)

    def issue(self, user_id: str, purpose: MailPurpose, email: str) -> str:
        """Return a token about an address; the older one for this purpose is void."""
        token = secrets.token_urlsafe(32)
        self._issue.execute(
            user_id=user_id,
            purpose=purpose,
            digest=digest_of(token),
            email=email,
            lifetime=LIFETIMES[purpose],
        )
        return token

    def spend(self, token: str, *purposes: MailPurpose) -> Row:
        """Take a token for one of the purposes; return its user_id, purpose and email."""
        row = self._spend.first(this_digest=digest_of(token), purposes=list(purposes))
        if row is None:
            raise invalid_token()
        return row

    def all_spent(self, user_id: str, email: str, *purposes: MailPurpose) -> bool:
        """Tell whether the tokens for all of the purposes were spent on the same address."""
        row = self._count_spent.one(of_user_id=user_id, of_email=email, purposes=list(purposes))
        return bool(row["spent"] == len(purposes))

    def void(self, user_id: str, *purposes: MailPurpose) -> None:
        """Forget the tokens of an account for these purposes."""
        self._void.execute(of_user_id=user_id, purposes=list(purposes))

    def purge(self) -> dict[str, int]:
        """Delete some tokens that expired; returns how many, until none is."""
        return {"mail tokens": self._purge.execute()}


def invalid_token() -> BadRequestError:
    """Return the answer for every token that does not work, whatever the reason."""
    return BadRequestError(
        "This token is not valid: it was used, has expired, was replaced by a newer one or is for "
        "something else; ask for another message.",
        code="mail_token_invalid",
    )


mail_token_service = MailTokenService(db)
