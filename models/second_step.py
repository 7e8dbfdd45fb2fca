"""The second step of signing in, for those who have a second factor."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from models.challenge import ChallengeToken
from models.passkey import Credential
from models.second_factor import Code
from models.session import SignIn
from models.way import Way


class SecondStep(SignIn):
    """The answer to the challenge of `second_factor_required`: a code, or a passkey's signature."""

    challenge: ChallengeToken
    code: Code | None = Field(
        None, description="What the authenticator app shows.", examples=["287082"]
    )
    recovery_code: Annotated[str, StringConstraints(max_length=100)] | None = Field(
        None, description="One of your recovery codes."
    )
    credential: Credential | None = Field(
        None, description="What navigator.credentials.get() returned."
    )

    @model_validator(mode="after")
    def take_one_answer(self) -> Self:
        """Refuse to guess which of several counts."""
        answers = (self.code, self.recovery_code, self.credential)
        if sum(answer is not None for answer in answers) != 1:
            raise ValueError("send one of code, recovery_code and credential")
        return self

    @property
    def way(self) -> Way:
        """What the answer is."""
        if self.code is not None:
            return Way.TOTP
        return Way.PASSKEY if self.recovery_code is None else Way.RECOVERY_CODE
