"""What every provider can do, whatever it speaks."""

from dataclasses import dataclass
from typing import Protocol

from models.identity import ProviderName
from services.sign_on.attempt import Attempt


@dataclass(frozen=True, slots=True)
class Profile:
    """Somebody as a provider knows them: `subject` is theirs at this issuer for ever."""

    issuer: str
    subject: str
    email: str | None
    email_verified: bool
    name: str


class IdentityProvider(Protocol):
    """Somebody who vouches for people.

    Its methods may ask it over HTTP, so call them in no transaction. They raise UnavailableError
    when it does not answer as it should.
    """

    id: ProviderName
    name: str
    issuer: str

    def authorization_url(self, attempt: Attempt) -> str:
        """Return where the browser has to go."""

    def speaks_as(self, issuer: str | None) -> bool:
        """Tell whether an answer that names this issuer, or none, may be its (RFC 9207)."""

    def fetch_profile(self, attempt: Attempt, code: str) -> Profile:
        """Return who came back with a code; refuse what does not prove it."""
