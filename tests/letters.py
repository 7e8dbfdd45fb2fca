"""Letters that the service has written as files, and what they say."""

import email
import email.policy
import re
from dataclasses import dataclass
from email.message import EmailMessage
from typing import LiteralString

from config import settings
from models.mail import Letter
from services.mailer import SUBJECTS
from services.worker import worker

TOKEN_LINE = re.compile(r"^[A-Za-z0-9_-]{43}$", re.MULTILINE)
# Lets those that failed be tried again now.
LETTERS_DUE: LiteralString = """
    UPDATE procrastinate_jobs SET scheduled_at = now()
    WHERE status = 'todo' AND task_name ~ '^(letters|notifications)[.]'
"""


@dataclass(frozen=True)
class Read:
    """A letter as somebody reads it."""

    subject: str
    to: str
    text: str
    html: str

    @property
    def token(self) -> str:
        (token,) = TOKEN_LINE.findall(self.text)
        return str(token)


def read(content: bytes) -> Read:
    mime = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(mime, EmailMessage)
    text, html = (mime.get_body([kind]) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    contents = (part.get_content().replace("\r\n", "\n") for part in (text, html))
    return Read(mime["Subject"], mime["To"], *contents)


def letters_to(address: str) -> list[Read]:
    """Return what was sent to an address, oldest first, once all that was promised is sent."""
    worker.run_once()
    contents = [path.read_bytes() for path in sorted((settings.data_dir / "mail").glob("*.eml"))]
    return [read(each) for each in contents if f"\r\nTo: {address}\r\n".encode() in each]


def letters_of(address: str, letter: Letter) -> list[Read]:
    """Return the letters of this kind to an address, oldest first; several are written at once."""
    return [each for each in letters_to(address) if each.subject == SUBJECTS[letter]]


def last_letter(address: str, letter: Letter) -> Read:
    """Return the newest of them."""
    return letters_of(address, letter)[-1]
