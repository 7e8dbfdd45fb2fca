"""The mailer: writes messages from templates and hands them to what sends them."""

from typing import Any

from email_validator import validate_email
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from config import Settings, settings
from models.mail import Letter, Message
from services.mail.file_transport import FileTransport
from services.mail.sendgrid_transport import SendGridTransport
from services.mail.smtp_transport import SmtpTransport
from services.mail.transport import NoTransport, Transport

SUBJECTS = {
    Letter.VERIFY: "Confirm your e-mail address",
    Letter.RESET: "Set a new password",
    Letter.CHANGE_OLD: "Confirm that your e-mail address changes",
    Letter.CHANGE_NEW: "Confirm your new e-mail address",
    Letter.PASSWORD_CHANGED: "Your password was changed",
    Letter.ADDRESS_CHANGED: "Your e-mail address was changed",
    Letter.NOTIFICATION: "Something concerns you",
    Letter.DIGEST: "What you have not read yet",
}


class Mailer:
    """Waits for the network: call it in a job, with no unit of work open."""

    def __init__(self, transport: Transport, options: Settings) -> None:
        self._transport = transport
        self._sender = options.mail_from
        self._templates = Environment(
            loader=FileSystemLoader(options.project_dir / "templates" / "mail"),
            autoescape=select_autoescape(["html"], default=False),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._templates.globals["site_url"] = options.site_url
        self._templates.globals["preferences_url"] = (
            f"{options.site_url}{options.api_prefix}/users/me/notification-preferences"
        )
        self._templates.filters["one_line"] = one_line

    @property
    def can_send(self) -> bool:
        """False where nothing is set up that could."""
        return not isinstance(self._transport, NoTransport)

    def send(self, letter: Letter, to: str, *, subject: str | None = None, **values: Any) -> None:
        """Send a message of one kind; `values` are what its templates ask for.

        MailError when it was not taken.
        """
        subject = subject or SUBJECTS[letter]
        self._transport.send(self._write(letter, to, subject, values), self._sender)

    def _write(self, letter: Letter, to: str, subject: str, values: dict[str, Any]) -> Message:
        text, html = (
            self._templates.get_template(f"{letter}.{kind}").render(values, subject=subject)
            for kind in ("txt", "html")
        )
        return Message(to=_routed(to), subject=subject, text=text, html=html)


def one_line(words: str) -> str:
    """Return a name or title that breaks out of no line: nobody gets to write the letter by it."""
    printable = "".join(each if each.isprintable() else " " for each in words)
    return " ".join(printable.split())


def _routed(address: str) -> str:
    """Return an address with its domain as DNS has it: few relays know any other alphabet."""
    parts = validate_email(address, check_deliverability=False, globally_deliverable=False)
    return f"{parts.local_part}@{parts.ascii_domain}"


def configured_transport(options: Settings) -> Transport:
    """Return what the settings say; files where nothing real is set up yet."""
    if options.smtp_url is not None:
        return SmtpTransport.from_url(options.smtp_url.get_secret_value())
    if options.sendgrid_api_key is not None:
        return SendGridTransport(options.sendgrid_api_key.get_secret_value())
    if options.environment == "production":
        return NoTransport()
    return FileTransport(options.data_dir / "mail")


mailer = Mailer(configured_transport(settings), settings)
