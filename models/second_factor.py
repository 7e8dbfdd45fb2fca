"""Second factors: what proves that it is you, beside the password."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints
from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Question, Schema, UuidText
from utils.validators import SIX_DIGITS

NEW_CODES = (
    "Ten, shown only now: each signs you in once when you have lost everything else. Empty where "
    "you have some already."
)

Code = Annotated[str, StringConstraints(pattern=SIX_DIGITS)]


class TotpRow(Base):
    """The secret that somebody's authenticator app shares with us, encrypted.

    It counts once it was confirmed. `last_step` is the time step of the code that was used last:
    no code works that is not newer (RFC 6238, section 5.2).
    """

    __tablename__ = "totp_secrets"

    user_id: Mapped[str] = mapped_column(
        UuidText, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    secret: Mapped[str]
    last_step: Mapped[int] = mapped_column(BigInteger, server_default="0")
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]


class RecoveryCodeRow(Base):
    """A recovery code that was not used yet, by its hash."""

    __tablename__ = "recovery_codes"
    __table_args__ = (Index(None, "user_id"),)

    digest: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(UuidText, ForeignKey("users.id", ondelete="CASCADE"))


class TotpConfirm(Question):
    """The first code that the authenticator app shows."""

    code: Code = Field(examples=["287082"])


class TotpSetup(Schema):
    """What an authenticator app needs; it counts once a first code of it was confirmed."""

    secret: str = Field(description="In base32, to type it in.")
    uri: str = Field(description="otpauth://, which opens the app.")
    qr_svg: str = Field(description="The same as a picture to scan, in SVG.")


class RecoveryCodes(Schema):
    """Recovery codes; keep them where you find them without your device."""

    recovery_codes: list[str] = Field(description=NEW_CODES)


class SecondFactors(Schema):
    """How you prove that it is you."""

    totp: bool = Field(description="True where an authenticator app is asked for its code.")
    passkeys: int
    recovery_codes: int = Field(description="How many are left.")

    @property
    def methods(self) -> list[str]:
        """What may answer, the best first; nothing where the password is enough."""
        if not self.totp and not self.passkeys:
            return []
        offered = {
            "passkey": self.passkeys,
            "totp": self.totp,
            "recovery_code": self.recovery_codes,
        }
        return [name for name, there in offered.items() if there]
