"""Secrets that must be read again, encrypted with a key of our own that the database never sees."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from functools import cached_property

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from config import settings
from utils.errors import UnavailableError
from utils.logger import get_logger

logger = get_logger(__name__)

# Keeps the derived key apart from all else that SECRET_KEY is good for.
INFO = b"stint: secrets at rest"
KEY_BYTES = 32
FINGERPRINT = b"stint: which key is this"


class SecretBox:
    """Encrypts with the first key and reads what any of them has encrypted.

    `find_keys` is asked at the first use: outside production a key may have to be made for it.
    """

    def __init__(self, find_keys: Callable[[], Sequence[str]]) -> None:
        self._find_keys = find_keys

    @cached_property
    def _fernet(self) -> MultiFernet:
        return MultiFernet([Fernet(_derive(key)) for key in self._find_keys()])

    def encrypt(self, secret: str) -> str:
        """Return a text to store."""
        return self._fernet.encrypt(secret.encode()).decode()

    def decrypt(self, stored: str) -> str:
        """Return the secret; UnavailableError when it was encrypted with a key that is not here."""
        try:
            return self._fernet.decrypt(stored).decode()
        except InvalidToken:
            raise _unreadable() from None

    def reads(self, stored: str) -> bool:
        """Tell whether one of the keys here has encrypted this."""
        try:
            self._fernet.decrypt(stored)
        except InvalidToken:
            return False
        return True

    def fingerprints(self) -> list[str]:
        """Return what tells each key from others and nothing more of it; the first key's first."""
        keys = (_derive(key) for key in self._find_keys())
        return [hmac.digest(key, FINGERPRINT, "sha256").hex()[:32] for key in keys]

    def rotate(self, stored: str) -> str:
        """Return a text to store instead, encrypted with the first key."""
        try:
            return self._fernet.rotate(stored).decode()
        except InvalidToken:
            raise _unreadable() from None


def _derive(key: str) -> bytes:
    derivation = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=INFO)
    return urlsafe_b64encode(derivation.derive(key.encode()))


def _unreadable() -> UnavailableError:
    logger.error("secret.unreadable", advice="list the earlier SECRET_KEY in OLD_SECRET_KEYS")
    return UnavailableError(
        "This was encrypted with another SECRET_KEY; the operator has to list it in "
        "OLD_SECRET_KEYS.",
        code="secret_unreadable",
    )


def _configured_keys() -> list[str]:
    return [settings.signing_key, *(key.get_secret_value() for key in settings.old_secret_keys)]


secret_box = SecretBox(_configured_keys)
