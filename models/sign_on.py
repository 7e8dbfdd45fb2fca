"""Single sign-on: signing in at a provider and coming back from there."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Schema, UuidText
from models.confirmation import Confirmation
from models.identity import ProviderName
from models.session import SignIn
from utils.validators import NO_NUL, OwnPath

RETURN_TO = "Where a browser goes on afterwards: a path of this service."


class SignOnAttemptRow(Base):
    """Somebody who left for a provider and has not come back, by the hash of the state they took.

    With a `session_id` they want to link what they have there to the account of that session.
    """

    __tablename__ = "sign_on_attempts"
    __table_args__ = (Index(None, "expires_at"),)

    digest: Mapped[str] = mapped_column(primary_key=True)
    provider: Mapped[str]
    session_id: Mapped[str | None] = mapped_column(
        UuidText, ForeignKey("sessions.id", ondelete="CASCADE")
    )
    cookies: Mapped[bool]
    return_to: Mapped[str]
    expires_at: Mapped[datetime]


class SignOnStart(SignIn):
    """What signing in with a provider takes."""

    return_to: OwnPath = Field("/", description=RETURN_TO, examples=["/docs"])


class LinkStart(Confirmation):
    """What linking an account elsewhere takes."""

    return_to: OwnPath = Field("/", description=RETURN_TO, examples=["/docs"])


class SignOnStarted(Schema):
    """Go there with the same browser, which has got a cookie that it needs to come back."""

    authorization_url: str
    expires_in: int = Field(description="Seconds in which to come back.")


class SignOnProvider(Schema):
    """A provider that one can sign in with here."""

    id: ProviderName
    name: str = Field(description="What people call it.", examples=["GitHub"])


class Callback(BaseModel):
    """What a provider sends back with the browser; some send more, which is not read."""

    model_config = ConfigDict(extra="ignore")

    state: str = Field("", max_length=200, pattern=NO_NUL)
    code: str | None = Field(None, max_length=4_000, pattern=NO_NUL)
    error: str | None = Field(None, max_length=200, pattern=NO_NUL)
    iss: str | None = Field(None, max_length=1_000, pattern=NO_NUL)
