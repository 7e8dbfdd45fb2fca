"""The files of the pages: compressed once for each process, and kept by browsers."""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from flask import Response, request

FOR_GOOD = "public, max-age=31536000, immutable"
CACHED = 256
# As they are registered, whatever the machine says.
KINDS = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}


@dataclass(frozen=True, slots=True)
class WebFile:
    """A file as it is sent."""

    kind: str
    plain: bytes
    compressed: bytes
    digest: str


@lru_cache(maxsize=CACHED)
def _read(path: Path, _changed_at: int) -> WebFile:
    return of_text(path.read_bytes(), KINDS.get(path.suffix) or mimetypes.guess_type(path)[0] or "")


def read(path: Path) -> WebFile:
    """Return a file as it is now; it is compressed again only when it was changed."""
    return _read(path, path.stat().st_mtime_ns)


def of_text(content: bytes, kind: str) -> WebFile:
    """Return what is sent for a text of this kind."""
    digest = hashlib.sha256(content).hexdigest()[:32]
    return WebFile(kind, content, gzip.compress(content, mtime=0), digest)


def send(file: WebFile, *, for_good: bool = False) -> Response:
    """Send a file, or that the browser has it; `for_good` where its address names its content."""
    compressed = request.accept_encodings.quality("gzip") > 0
    response = Response(file.compressed if compressed else file.plain, mimetype=file.kind)
    # Compressed it is another representation, so the tag is another (RFC 9110, section 8.8.3.3).
    response.set_etag(f"{file.digest}-gzip" if compressed else file.digest)
    response.headers["Vary"] = "Accept-Encoding"
    if compressed:
        response.headers["Content-Encoding"] = "gzip"
    if for_good:
        response.headers["Cache-Control"] = FOR_GOOD
    response.make_conditional(request)
    return response
