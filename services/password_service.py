"""Passwords: hashed with argon2id in a small thread pool, checked against the commonest ones."""

from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from config import Settings, settings
from utils.errors import BadRequestError
from utils.offload import offload

# Of the 30,000 commonest passwords in zxcvbn's list some 1,100 are long enough to be tried here.
COMMON_PASSWORDS = frozenset(FREQUENCY_LISTS["passwords"])


class PasswordService:
    """Holds no database: call it outside of a transaction."""

    def __init__(self, options: Settings) -> None:
        # OWASP's minimum: about 30 ms, and little enough memory for several at once.
        self._hasher = PasswordHasher(
            time_cost=2, memory_cost=options.password_memory_kib, parallelism=1
        )

    def hash_new(self, password: str) -> str:
        """Hash a password that somebody chose; refuse it when it is a common one."""
        if password.lower() in COMMON_PASSWORDS:
            raise BadRequestError(
                "This password is among the most common ones; choose another, like a few words.",
                code="common_password",
            )
        return offload(self._hasher.hash, password)

    def matches(self, password: str, password_hash: str | None) -> bool:
        """Tell whether the password is right; without a hash it takes as long and is not."""
        return offload(self._verify, password_hash or self._decoy, password) and (
            password_hash is not None
        )

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerifyMismatchError, InvalidHashError):
            return False

    @cached_property
    def _decoy(self) -> str:
        return self._hasher.hash("nobody's password")


password_service = PasswordService(settings)
