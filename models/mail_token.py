"""Mail tokens: what a link in a message proves, once."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field
from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Question, Schema, UuidText
from models.confirmation import Confirmation
from utils.validators import HOW_TO_CHOOSE, Email, Password


class MailPurpose(StrEnum):
    """What a token is for; a change of address takes one from the old and one from the new."""

    VERIFY = "verify"
    RESET = "reset"
    CHANGE_OLD = "change_old"
    CHANGE_NEW = "change_new"


class MailTokenRow(Base):
    """The newest token of an account for one purpose, by its hash.

    `email` is the address that it is about: for a change both tokens name the new one. A spent
    token stays until it expires, so that the other half of a change knows of it.
    """

    __tablename__ = "mail_tokens"
    __table_args__ = (
        Index("uq_mail_tokens_digest", "digest", unique=True),
        Index(None, "expires_at"),
        CheckConstraint("purpose IN ('verify', 'reset', 'change_old', 'change_new')", "purpose"),
    )

    user_id: Mapped[str] = mapped_column(
        UuidText, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    purpose: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]
    email: Mapped[str]
    expires_at: Mapped[datetime]
    spent_at: Mapped[datetime | None]


TOKEN = Field(
    description="What the message says; it works once.",
    max_length=200,
    examples=["Rk1yNEV4YW1wbGVUb2tlbkZyb21BTWVzc2FnZTEyMzQ"],
)


class AddressProof(Question):
    """What proves that a message arrived."""

    token: str = TOKEN


class AddressProved(Schema):
    """What the token did."""

    complete: bool = Field(
        description="False while the other of two addresses has yet to confirm the change."
    )


class AddressChange(Confirmation):
    """What changing one's address takes."""

    email: Email = Field(examples=["ada@example.com"])


class ResetRequest(Question):
    """What asking for a new password takes."""

    email: Email = Field(examples=["ada@example.org"])


class Reset(Question):
    """What setting a new password takes when the old one is forgotten."""

    token: str = TOKEN
    password: Password = Field(
        description=HOW_TO_CHOOSE,
        examples=["battery staple horse"],
    )


class PasswordChange(Question):
    """What changing one's password takes."""

    # Not `Password`, whose rules are for choosing one.
    current_password: str = Field(max_length=200, examples=["correct horse battery"])
    new_password: Password = Field(
        description=HOW_TO_CHOOSE,
        examples=["battery staple horse"],
    )
