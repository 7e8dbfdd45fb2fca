"""E-mail: what there is to say, and one message."""

from dataclasses import dataclass
from enum import StrEnum


class Letter(StrEnum):
    """Every kind of message; its templates carry its name."""

    VERIFY = "verify"
    RESET = "reset"
    CHANGE_OLD = "change_old"
    CHANGE_NEW = "change_new"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the name of a template
    ADDRESS_CHANGED = "address_changed"
    NOTIFICATION = "notification"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one address, as text and as HTML.

    ValueError when something would break out of its header.
    """

    to: str
    subject: str
    text: str
    html: str

    def __post_init__(self) -> None:
        if not (self.to.isprintable() and self.subject.isprintable()):
            raise ValueError("a header of a message must be one printable line")
