"""Mail by SMTP."""

import re
import smtplib
import ssl
from typing import Self
from urllib.parse import unquote

from config import SMTP_URL
from models.mail import Message
from services.mail.mime import to_mime
from services.mail.transport import MailError

SECONDS = 10  # for each step of the conversation
PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}


class SmtpTransport:
    """Speaks to one relay; the scheme says how it is kept from others, which is never left open.

    `tls` says which certificates are trusted.
    """

    def __init__(
        self,
        *,
        scheme: str,
        host: str,
        port: int,
        user: str | None,
        password: str,
        tls: ssl.SSLContext,
    ) -> None:
        self._scheme = scheme
        self._host = host
        self._port = port
        self._user = user
        self._password = password
        self._tls = tls

    @classmethod
    def from_url(cls, url: str, tls: ssl.SSLContext | None = None) -> Self:
        """Make one from a URL as SMTP_URL takes it."""
        parts = re.fullmatch(SMTP_URL, url)
        if parts is None:
            raise ValueError("not a URL of SMTP")
        return cls(
            scheme=parts["scheme"],
            host=parts["host"].strip("[]"),
            port=int(parts["port"] or PORTS[parts["scheme"]]),
            user=unquote(parts["user"]) if parts["user"] else None,
            password=unquote(parts["password"] or ""),
            tls=tls or ssl.create_default_context(),
        )

    def send(self, message: Message, sender: str) -> None:
        """Hand a message over to the relay."""
        try:
            with self._connect() as relay:
                if self._scheme == "smtp":
                    relay.starttls(context=self._tls)  # without it there is nothing to talk about
                if self._user is not None:
                    relay.login(self._user, self._password)
                relay.send_message(to_mime(message, sender))
        except (OSError, smtplib.SMTPException) as error:
            raise MailError(_reason(error)) from None  # what it says may quote the message

    def _connect(self) -> smtplib.SMTP:
        if self._scheme == "smtps":
            return smtplib.SMTP_SSL(self._host, self._port, timeout=SECONDS, context=self._tls)
        return smtplib.SMTP(self._host, self._port, timeout=SECONDS)


def _reason(error: Exception) -> str:
    """Name an error and the codes of the relay's answers, without its words."""
    refused = getattr(error, "recipients", {}).values()
    codes = [getattr(error, "smtp_code", None), *(code for code, _words in refused)]
    told = [str(code) for code in codes if code is not None]
    return " ".join(["The mail server did not take it:", type(error).__name__, *told])
