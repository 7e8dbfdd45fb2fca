"""One way to a provider and back: the secrets that tie both ends together."""

import base64
import hmac
import secrets
from dataclasses import dataclass

from config import settings
from utils.helpers import digest_of


@dataclass(frozen=True, slots=True)
class Attempt:
    """All that is secret about an attempt follows from its state, which only the browser keeps.

    The nonce and the PKCE verifier are made of it with the signing key: whoever reads the state
    in an address does not know them, and the database holds none of the three.
    """

    state: str

    @property
    def digest(self) -> str:
        """What the attempt is found by."""
        return digest_of(self.state)

    @property
    def nonce(self) -> str:
        """What the provider must repeat in what it signs."""
        return self._derive("nonce")

    @property
    def code_verifier(self) -> str:
        """What proves to the provider that the code comes from whom it was asked for by."""
        return self._derive("code verifier")

    def _derive(self, purpose: str) -> str:
        message = f"sign-on {purpose} {self.state}".encode()
        digest = hmac.digest(settings.signing_key.encode(), message, "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def new_attempt() -> Attempt:
    """Return an attempt that nobody can guess."""
    return Attempt(secrets.token_urlsafe(32))
