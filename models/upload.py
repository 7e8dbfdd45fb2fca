"""Files that people send."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came."""

    name: str
    content: bytes
