"""Messages: what one user has to say to another, as a notification."""

from typing import Literal

from pydantic import Field, model_validator

from models.base import Question, Schema
from utils.validators import Email, Id, Remark, Title


class MessageCreate(Question):
    """Something to tell somebody, named by e-mail address or id."""

    email: Email | None = Field(None, examples=["grace@example.org"])
    user_id: Id | None = None
    subject: Title = Field(examples=["The nightly build"])
    message: Remark = Field(examples=["It has been red since Friday."])

    @model_validator(mode="after")
    def _name_one_person(self) -> "MessageCreate":
        if (self.email is None) == (self.user_id is None):
            raise ValueError("give either email or user_id")
        return self


class QueuedMessage(Schema):
    """A message on its way."""

    status: Literal["queued"]
    id: Id = Field(description="The id of the notification that it is for its reader.")
