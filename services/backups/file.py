"""The file of a backup: a tar of a dump, what it is, and the digests of both.

The dump is written as it comes, behind a gap for the header that tells its length. Any tar takes it
apart, and `sha256sum --check SHA256SUMS` then finds what is not as it was.
"""

import hashlib
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO, NamedTuple

from pydantic import ValidationError

from models.backup import Manifest
from services.backups.errors import BackupError

DUMP, MANIFEST, SUMS = "stint.dump", "manifest.json", "SHA256SUMS"
BLOCK = tarfile.BLOCKSIZE
CHUNK = 1024 * 1024
DESCRIPTION_MAX = 1024 * 1024
MODE = 0o600

Describe = Callable[[int, str], Manifest]  # from the length and the digest of the dump


class Kept(NamedTuple):
    """A backup that is as it was made: what it is, and where in the file its dump begins."""

    manifest: Manifest
    dump_at: int


@contextmanager
def written_beside(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file that gets the name `path` when it is whole and on the disk, and never before."""
    try:
        if path.exists():
            raise BackupError(f"{path} is there already; name another file, or remove it first.")
        descriptor, draft = tempfile.mkstemp(".partial", f".{path.name}.", path.absolute().parent)
        try:
            with open(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.rename(draft, path)
            _sync_folder(path.absolute().parent)
        finally:
            Path(draft).unlink(missing_ok=True)
    except OSError as error:
        raise BackupError(f"{path} cannot be written: {error.strerror}.") from error


def write(file: IO[bytes], dump: Iterable[bytes], describe: Describe) -> Manifest:
    """Write a backup from the parts of a dump; `describe` is asked when all of it has come."""
    digest = hashlib.sha256()
    file.write(bytes(BLOCK))
    for part in dump:
        file.write(part)
        digest.update(part)
    length = file.tell() - BLOCK
    _fill_block(file)
    manifest = describe(length, digest.hexdigest())
    described = manifest.model_dump_json(indent=2).encode() + b"\n"
    sums = f"{manifest.dump_sha256}  {DUMP}\n{_sha256(described)}  {MANIFEST}\n"
    for name, content in ((MANIFEST, described), (SUMS, sums.encode())):
        file.write(_header(name, len(content), manifest))
        file.write(content)
        _fill_block(file)
    file.write(bytes(2 * BLOCK))  # the end, as tar has it
    file.seek(0)
    file.write(_header(DUMP, length, manifest))
    return manifest


def check(file: IO[bytes]) -> Kept:
    """Read a whole backup and return what it is; BackupError unless it is as it was made."""
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            dump, *described = archive.getmembers()
            if [each.name for each in (dump, *described)] != [DUMP, MANIFEST, SUMS]:
                raise _not_ours()
            manifest, sums = (_content(archive, each) for each in described)
            if not _is_ended(file, described[-1]):
                raise _damaged()
            file.seek(dump.offset_data)
            digests = {DUMP: _sha256_of(file, dump.size), MANIFEST: _sha256(manifest)}
    except (tarfile.TarError, ValueError, EOFError):
        raise _not_ours() from None
    if sums.decode(errors="replace") != "".join(
        f"{digest}  {name}\n" for name, digest in digests.items()
    ):
        raise _damaged()
    return Kept(_parse(manifest), dump.offset_data)


def _parse(content: bytes) -> Manifest:
    try:
        return Manifest.model_validate_json(content)
    except ValidationError:
        raise BackupError(
            "This backup was made by a newer version of Stint; install that version to restore it."
        ) from None


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    if file is None or member.size > DESCRIPTION_MAX:
        raise _not_ours()
    return file.read()


def _is_ended(file: IO[bytes], last: tarfile.TarInfo) -> bool:
    """Tell whether nothing but the end mark follows, and all of that."""
    file.seek(last.offset_data + -(-last.size // BLOCK) * BLOCK)
    return file.read(3 * BLOCK) == bytes(2 * BLOCK)


def _header(name: str, length: int, manifest: Manifest) -> bytes:
    header = tarfile.TarInfo(name)
    header.size, header.mode, header.mtime = length, MODE, int(manifest.made_at.timestamp())
    return header.tobuf(tarfile.GNU_FORMAT)


def _fill_block(file: IO[bytes]) -> None:
    file.write(bytes(-file.tell() % BLOCK))


def _sha256(content: bytes) -> str:
    return _sha256_of(BytesIO(content), len(content))


def _sha256_of(file: IO[bytes], length: int) -> str:
    digest = hashlib.sha256()
    while length and (part := file.read(min(CHUNK, length))):
        digest.update(part)
        length -= len(part)
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    """Make the new name outlive a loss of power, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _not_ours() -> BackupError:
    return BackupError(
        "This is no backup that `flask backup` made, or a part of it is missing; take another copy."
    )


def _damaged() -> BackupError:
    return BackupError(
        "This backup is not as it was made: its digests differ; take another copy of it."
    )
