"""Challenges: each is for one purpose and one answer, within five minutes."""

import secrets
from datetime import timedelta

from sqlalchemy import bindparam, delete, exists, func, insert, literal, or_, update
from sqlalchemy.types import Interval

from models.challenge import ChallengeRow, Purpose
from models.user import UserKind, UserRow
from models.way import Way
from services.db_client import DatabaseClient, db
from services.portions import delete_portion
from services.prepared import Row
from utils.errors import BadRequestError, ServiceError, UnauthenticatedError
from utils.helpers import digest_of

LIFETIME = timedelta(minutes=5)
TRIES = 5
OF_WHO_IS_SIGNED_IN = (Purpose.NEW_PASSKEY, Purpose.CONFIRMATION)

ISSUE = insert(ChallengeRow).values(
    digest=bindparam("digest"),
    purpose=bindparam("purpose"),
    user_id=bindparam("user_id"),
    first_way=bindparam("first_way"),
    expires_at=func.now() + literal(LIFETIME, Interval),
)
OWNER_MAY_SIGN_IN = exists().where(
    UserRow.id == ChallengeRow.user_id, UserRow.is_active, UserRow.kind == UserKind.PERSON
)
OPEN = (
    ChallengeRow.digest == bindparam("digest"),
    ChallengeRow.purpose == bindparam("purpose"),
    ChallengeRow.expires_at > func.now(),
    or_(ChallengeRow.user_id.is_(None), OWNER_MAY_SIGN_IN),
)
# Counted before the answer is looked at: of many answers at once no more than these are.
TRY = (
    update(ChallengeRow)
    .where(*OPEN, ChallengeRow.tries < TRIES)
    .values(tries=ChallengeRow.tries + 1)
    .returning(ChallengeRow.user_id, ChallengeRow.first_way)
)
TAKE = delete(ChallengeRow).where(*OPEN).returning(ChallengeRow.user_id)
FORGET = delete(ChallengeRow).where(ChallengeRow.user_id == bindparam("user_id"))
PURGE = delete_portion(ChallengeRow, ChallengeRow.expires_at < func.now())


class ChallengeService:
    """Issues and takes challenges; only their hashes are kept."""

    def __init__(self, database: DatabaseClient) -> None:
        self._issue = database.prepare(ISSUE)
        self._try = database.prepare(TRY)
        self._take = database.prepare(TAKE)
        self._forget = database.prepare(FORGET)
        self._purge = database.prepare(PURGE)

    def issue(
        self, purpose: Purpose, user_id: str | None = None, first_way: Way | None = None
    ) -> str:
        """Return a new challenge: 32 random bytes in base64url, as WebAuthn wants them."""
        challenge = secrets.token_urlsafe(32)
        self._issue.execute(
            digest=digest_of(challenge), purpose=purpose, user_id=user_id, first_way=first_way
        )
        return challenge

    def attempt(self, purpose: Purpose, challenge: str) -> Row:
        """Count an answer to a challenge, which stays open; returns its user_id and first_way.

        To count although the answer is wrong it has to be committed before.
        """
        row = self._try.first(digest=digest_of(challenge), purpose=purpose)
        if row is None:
            raise _over(purpose)
        return row

    def take(self, purpose: Purpose, challenge: str) -> str | None:
        """Close a challenge, for good once this is committed; returns whose it was."""
        row = self._take.first(digest=digest_of(challenge), purpose=purpose)
        if row is None:
            raise _over(purpose)
        owner: str | None = row["user_id"]
        return owner

    def forget(self, user_id: str) -> None:
        """Close all challenges of somebody, like sign-ins that are half done."""
        self._forget.execute(user_id=user_id)

    def purge(self) -> dict[str, int]:
        """Delete some challenges that nobody answered in time; returns how many, until none is."""
        return {"challenges": self._purge.execute()}


def _over(purpose: Purpose) -> ServiceError:
    """Return the answer for what was answered, tried too often or has expired."""
    kind = BadRequestError if purpose in OF_WHO_IS_SIGNED_IN else UnauthenticatedError
    return kind(
        "This was answered, tried too often or took longer than five minutes; begin again.",
        code="challenge_over",
    )


challenge_service = ChallengeService(db)
