"""Passkeys: keys that a device or its maker keeps, which sign what they are asked (WebAuthn)."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Identified, ListQuery, Question, Schema, UuidText
from models.challenge import ChallengeToken
from models.second_factor import NEW_CODES
from models.session import SignIn
from utils.validators import BASE64URL, Id, Name

EXAMPLE_ID = "AbT2r0tm5WiE0h8XgmDh0w"


def _base64url(max_length: int) -> Any:
    return StringConstraints(min_length=1, max_length=max_length, pattern=BASE64URL)


Handle = Annotated[str, _base64url(1_400)]  # WebAuthn allows 1,023 bytes
Blob = Annotated[str, _base64url(20_000)]


class PasskeyRow(Identified, Base):
    """The public half of a passkey; `credential` is the id that its authenticator gave it."""

    __tablename__ = "passkeys"
    __table_args__ = (
        Index("uq_passkeys_credential", "credential", unique=True),
        Index("ix_passkeys_user_id_id", "user_id", "id"),
    )

    user_id: Mapped[str] = mapped_column(UuidText, ForeignKey("users.id", ondelete="CASCADE"))
    credential: Mapped[bytes] = mapped_column(LargeBinary)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]


class _OfBrowser(BaseModel):
    """Written by browsers (`PublicKeyCredential.toJSON()`), which add members as they like."""

    model_config = ConfigDict(extra="ignore", strict=True)


class AttestationResponse(_OfBrowser):
    """A new public key, and what it was made for."""

    client_data: Blob = Field(alias="clientDataJSON")
    attestation_object: Blob = Field(alias="attestationObject")


class NewCredential(_OfBrowser):
    """What `navigator.credentials.create()` returned."""

    id: Handle
    raw_id: Handle = Field(alias="rawId")
    type: Literal["public-key"]
    response: AttestationResponse


class AssertionResponse(_OfBrowser):
    """A signature, and what was signed."""

    client_data: Blob = Field(alias="clientDataJSON")
    authenticator_data: Blob = Field(alias="authenticatorData")
    signature: Blob
    user_handle: Handle | None = Field(None, alias="userHandle")


class Credential(_OfBrowser):
    """What `navigator.credentials.get()` returned."""

    id: Handle
    raw_id: Handle = Field(alias="rawId")
    type: Literal["public-key"]
    response: AssertionResponse


def _example(**response: str) -> dict[str, Any]:
    answered = {"clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4ifQ", **response}
    return {"id": EXAMPLE_ID, "rawId": EXAMPLE_ID, "type": "public-key", "response": answered}


EXAMPLE = _example(authenticatorData="SZYN5YgOjGh0NBcP", signature="MEUCIQDx", userHandle="AZKV")


class PasskeyCreate(Question):
    """A new passkey, made with the options that were asked for."""

    name: Name = Field(examples=["Telephone"])
    credential: NewCredential = Field(examples=[_example(attestationObject="o2NmbXRkbm9uZQ")])


class PasskeySignIn(SignIn):
    """What signing in with a passkey alone takes."""

    challenge: ChallengeToken
    credential: Credential = Field(examples=[EXAMPLE])


class PasskeyOptions(Schema):
    """What to ask the browser for, within five minutes."""

    challenge: str = Field(description="Works once; it is in `public_key` as well.")
    public_key: dict[str, Any] = Field(
        description="For PublicKeyCredential.parseCreationOptionsFromJSON(), or "
        "parseRequestOptionsFromJSON() to sign in.",
        examples=[{"challenge": "dGhlIGNoYWxsZW5nZQ", "rpId": "stint.example.org"}],
    )


class PasskeyQuery(ListQuery):
    """Filters of the list of passkeys."""


class Passkey(Schema):
    """One of your passkeys."""

    id: Id
    name: str
    created_at: datetime
    last_used_at: datetime | None


class NewPasskey(Passkey):
    """A passkey that was added."""

    recovery_codes: list[str] = Field(description=NEW_CODES)
