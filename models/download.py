"""Files that the service sends."""

from dataclasses import dataclass
from typing import BinaryIO, ClassVar

from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class Download:
    """A file to save under a name; whoever sends it closes it, and a temporary one is gone then.

    Kinds of files are subclasses: a view that returns one promises its media type.
    """

    media_type: ClassVar[str]
    content: ClassVar[type[BaseModel] | None] = None  # what it is, where it is JSON

    name: str
    file: BinaryIO


class ZipDownload(Download):
    """A ZIP archive."""

    media_type = "application/zip"
