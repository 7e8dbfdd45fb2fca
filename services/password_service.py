"""Passwords: hashed with argon2id in a small thread pool; those that others guess are refused."""

import re
from functools import cached_property
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from config import Settings, settings
from utils.errors import BadRequestError
from utils.offload import offload

OWN_WORD = "stint"
WORD = re.compile(r"[^\W_]{3,}")
LEFT_MIN = 8  # characters, without the words that anybody would try


def _read_list(path: Path) -> frozenset[str]:
    """Return what follows the blank line."""
    return frozenset(path.read_text().partition("\n\n")[2].splitlines())


COMMON_PASSWORDS = _read_list(Path(__file__).with_name("common_passwords.txt"))


class PasswordService:
    """Holds no database: call it outside of a transaction."""

    def __init__(self, options: Settings) -> None:
        # OWASP's minimum: about 30 ms, and little enough memory for several at once.
        self._hasher = PasswordHasher(
            time_cost=2, memory_cost=options.password_memory_kib, parallelism=1
        )

    def hash_new(self, password: str, *known: str) -> str:
        """Hash a password that somebody chose; refuse a common one, and one made of what is known.

        `known` is what others know of them, like name and address.
        """
        if password.lower() in COMMON_PASSWORDS:
            raise BadRequestError(
                "This password is among the most common ones; choose another, like a few words.",
                code="common_password",
            )
        if len(_without_words(password, known)) < LEFT_MIN:
            raise BadRequestError(
                "This password is little more than your name, your address or the name of this "
                "service; choose another, like a few words.",
                code="guessable_password",
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


def _without_words(password: str, known: tuple[str, ...]) -> str:
    """Return what is left of a password when all words of what is known are taken out."""
    words = {OWN_WORD, *WORD.findall(" ".join(known).lower())}
    left = password.lower()
    for word in sorted(words, key=len, reverse=True):
        left = left.replace(word, "")
    return left


password_service = PasswordService(settings)
