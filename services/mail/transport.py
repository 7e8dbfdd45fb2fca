"""What every way to send mail has in common."""

from typing import Protocol

from models.mail import Message
from utils.errors import UnavailableError


class MailError(UnavailableError):
    """A message was not sent; the detail names neither address nor content, so it is logged."""

    default_code = "mail_failed"


class Transport(Protocol):
    """Takes messages to where they go."""

    def send(self, message: Message, sender: str) -> None:
        """Send a message; MailError when it was not taken."""


class NoTransport:
    """Where nothing is set up that could send mail, in production."""

    def send(self, message: Message, sender: str) -> None:  # noqa: ARG002 - as the others
        """Refuse."""
        raise MailError("No mail is sent: set SMTP_URL or SENDGRID_API_KEY.")
