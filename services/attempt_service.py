"""Attempts to sign in and letters, limited in the database, so for all processes together.

An attempt counts before it is checked, and as a failure until `succeeded` says otherwise: of many
at the same moment no more are checked than of as many in a row. Accounts are counted by the name
that was given, whether there is such an account or not. Sessions that are open already take no
notice of any of this.

Letters are counted likewise when they are asked for, and by where they would go.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, text

from config import Settings, settings
from models.attempt import LETTERS, AttemptKind, AttemptRow
from services.db_client import DatabaseClient, db
from services.portions import delete_portion
from utils.addresses import site_of
from utils.caller import current_caller
from utils.errors import TooManyRequestsError

# Twice as long after each attempt beyond the first half of what is allowed; from `most` on, until
# the window is over.
DUE = """
    LEAST(known.expires_at, CASE
        WHEN known.count >= :most THEN known.expires_at
        WHEN known.count >= :free
            THEN known.last_at + make_interval(secs => 2 ^ (known.count - :free + 1))
        ELSE '-infinity' END)
"""
COUNT = f"""
    INSERT INTO attempts AS known (kind, subject, count, last_at, expires_at)
    VALUES (:kind, :subject, 1, clock_timestamp(), clock_timestamp() + CAST(:span AS interval))
    ON CONFLICT (kind, subject) DO UPDATE SET
        count = CASE WHEN known.expires_at <= clock_timestamp() THEN 1 ELSE known.count + 1 END,
        last_at = clock_timestamp(),
        expires_at = CASE WHEN known.expires_at <= clock_timestamp() THEN excluded.expires_at
            ELSE known.expires_at END
    WHERE {DUE} <= clock_timestamp()
"""  # noqa: S608 - of constants
SECONDS_LEFT = f"""
    SELECT CAST(ceil(extract(epoch FROM {DUE} - clock_timestamp())) AS integer) AS seconds
    FROM attempts AS known WHERE kind = :kind AND subject = :subject
"""  # noqa: S608 - of constants
CLEAR = "DELETE FROM attempts WHERE kind = :kind AND subject = :subject"
GIVE_BACK = """
    UPDATE attempts SET count = count - 1
    WHERE kind = :kind AND subject = :subject AND count > 0
"""
PURGE = delete_portion(AttemptRow, AttemptRow.expires_at < func.now())


@dataclass(frozen=True, slots=True)
class _Limit:
    """How many attempts are checked within the span, and how many of those without a wait."""

    most: int
    free: int


# Enough for whoever looks in the wrong folder. None makes the next one wait: each is on its way.
OF_LETTERS = _Limit(most=5, free=5)


class AttemptService:
    """Counts in transactions of its own: call it ahead of the unit of work."""

    def __init__(self, database: DatabaseClient, options: Settings) -> None:
        self._db = database
        self._span = timedelta(minutes=options.attempt_minutes)
        self._of_account = _Limit(
            options.attempts_per_account, (options.attempts_per_account + 1) // 2
        )
        self._of_address = _Limit(options.attempts_per_address, options.attempts_per_address)
        self._options = options
        self._count = database.prepare(text(COUNT))
        self._seconds_left = database.prepare(text(SECONDS_LEFT))
        self._clear = database.prepare(text(CLEAR))
        self._give_back = database.prepare(text(GIVE_BACK))
        self._purge = database.prepare(PURGE)

    def require(self, kind: AttemptKind, *accounts: str) -> None:
        """Count an attempt; TooManyRequestsError, and nothing counted, when it is one too many.

        `accounts` are as the caller named them.
        """
        limit = OF_LETTERS if kind in LETTERS else self._of_account

        def count() -> None:
            self._take(kind, self._address(), self._of_address)
            for subject in sorted(map(self._account, accounts)):
                self._take(kind, subject, limit)

        self._db.transaction(count)

    def succeeded(self, kind: AttemptKind, account: str) -> None:
        """Forget what failed for this account before; its address gets this attempt back."""

        def forget() -> None:
            self._give_back.execute(kind=kind, subject=self._address())
            self._clear.execute(kind=kind, subject=self._account(account))

        self._db.transaction(forget)

    def forget(self, kind: AttemptKind, account: str) -> None:
        """Forget what failed for an account; belongs to the caller's transaction."""
        self._clear.execute(kind=kind, subject=self._account(account))

    def purge(self) -> dict[str, int]:
        """Delete some counts that are over; returns how many, until none is."""
        return {"counts of attempts": self._purge.execute()}

    def _take(self, kind: AttemptKind, subject: str, limit: _Limit) -> None:
        named = {"kind": kind, "subject": subject, "most": limit.most, "free": limit.free}
        if self._count.execute(**named, span=self._span):
            return
        row = self._seconds_left.first(**named)
        raise TooManyRequestsError(
            "There were too many attempts; wait as long as Retry-After says, then try again.",
            code="too_many_attempts",
            seconds=max(1, row["seconds"]) if row else 1,
        )

    def _account(self, name: str) -> str:
        return self._digest(f"account {name.lower()}")

    def _address(self) -> str:
        return self._digest(f"address {site_of(current_caller().ip or '')}")

    def _digest(self, subject: str) -> str:
        """Return a name that tells nothing to whoever reads the table without knowing the key."""
        key = hmac.digest(self._options.signing_key.encode(), b"attempts", "sha256")
        return hmac.new(key, subject.encode(), hashlib.sha256).hexdigest()


attempt_service = AttemptService(db, settings)
