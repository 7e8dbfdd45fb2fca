"""Mail as files, for development: nothing leaves the machine."""

from pathlib import Path

from models.mail import Message
from services.mail.mime import to_mime
from utils.helpers import new_id
from utils.logger import get_logger

logger = get_logger(__name__)


class FileTransport:
    """Writes each message to a file of its own, which only its owner reads."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def send(self, message: Message, sender: str) -> None:
        """Write a message; the log says where."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._directory / f"{new_id()}.eml"
        draft = path.with_suffix(".draft")
        draft.touch(mode=0o600)
        draft.write_bytes(to_mime(message, sender).as_bytes())
        draft.rename(path)
        logger.info("mail.written", path=str(path))
