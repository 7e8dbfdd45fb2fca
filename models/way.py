"""Ways in: with what somebody proves who they are."""

from dataclasses import dataclass
from enum import StrEnum


class Way(StrEnum):
    """One proof; the providers of single sign-on have the names that they have in addresses."""

    PASSWORD = "password"  # noqa: S105 - a name
    PASSKEY = "passkey"
    GOOGLE = "google"
    GITHUB = "github"
    OIDC = "oidc"
    TOTP = "totp"
    RECOVERY_CODE = "recovery_code"


@dataclass(frozen=True, slots=True)
class Admission:
    """Somebody who has proven who they are, and how, in order.

    With a password, `password_hash` is what it was compared with: by now it may be another.
    """

    user_id: str
    ways: tuple[Way, ...]
    password_hash: str | None = None

    @property
    def is_one_factor(self) -> bool:
        """Tell whether it is enough only for who has no second factor."""
        return len(self.ways) == 1 and self.ways[0] is not Way.PASSKEY
