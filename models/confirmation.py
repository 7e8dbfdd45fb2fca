"""Confirmations: that it is you once more, before what protects your account is changed."""

from typing import Self

from pydantic import Field, model_validator

from models.base import Question
from models.challenge import ChallengeToken
from models.passkey import EXAMPLE, Credential


class PasskeyAnswer(Question):
    """What a passkey has signed, with the options that were asked for to confirm."""

    challenge: ChallengeToken
    credential: Credential = Field(examples=[EXAMPLE])


class Confirmation(Question):
    """Your password once more, or a passkey: whoever found your device unlocked has neither.

    An account without a password takes neither within five minutes of signing in.
    """

    password: str | None = Field(None, max_length=200, examples=["correct horse battery"])
    passkey: PasskeyAnswer | None = Field(
        None, description="With the options of POST /users/me/confirmations/options."
    )

    @model_validator(mode="after")
    def take_one(self) -> Self:
        """Refuse to guess which of both counts."""
        if self.password is not None and self.passkey is not None:
            raise ValueError("send either password or passkey")
        return self
