"""A message as it travels."""

from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid, parseaddr

from models.mail import Message

LINE_MAX = 998  # RFC 5322, 2.1.1; some relays refuse what is longer


def to_mime(message: Message, sender: str) -> EmailMessage:
    """Return a message with its headers; answering machines are asked not to answer (RFC 3834)."""
    mime = EmailMessage(policy=SMTP)
    mime["From"] = sender
    mime["To"] = message.to
    mime["Subject"] = message.subject
    mime["Date"] = formatdate()
    mime["Message-ID"] = make_msgid(domain=parseaddr(sender)[1].rpartition("@")[2])
    mime["Auto-Submitted"] = "auto-generated"
    # Left as it is where it can be: whoever reads it as a file finds the link in one piece.
    is_plain = message.text.isascii() and all(
        len(line) <= LINE_MAX for line in message.text.splitlines()
    )
    encoding = "7bit" if is_plain else "quoted-printable"
    mime.set_content(message.text, cte=encoding)
    mime.add_alternative(message.html, subtype="html")
    return mime
