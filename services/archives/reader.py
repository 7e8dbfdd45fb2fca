"""Reading an archive: everything in it is checked before anything is written.

It may come from anywhere: sizes are checked before a file is unpacked, nothing is written to disk,
and what does not fit together is refused with the place where it does not.
"""

import io
import zlib
from hashlib import sha256
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from pydantic import BaseModel, ValidationError

from config import settings
from models.archive import NOTIFICATIONS_TABLE, RECORDS, Archive, Manifest, file_of, table_of
from services.archives.references import check_references
from utils.parsers import UnreadableFileError

MANIFEST = "manifest.json"
MANIFEST_BYTES_MAX = 10_000
RECORDS_MAX = 200_000
UNPACKED_BYTES_MAX = 8 * settings.max_import_bytes
RATIO_MAX = 200  # what Stint writes shrinks to a tenth or so
TABLES = {NOTIFICATIONS_TABLE, *map(table_of, RECORDS)}
FILES = TABLES | {MANIFEST, *map(file_of, RECORDS)}

# What zipfile raises for files that are no ZIP, or one that Python cannot read.
DAMAGED = (BadZipFile, EOFError, OSError, RuntimeError, ValueError, OverflowError, zlib.error)


def read_archive(content: bytes) -> Archive:
    """Return what an archive holds; UnreadableFileError says what is wrong with it."""
    try:
        with ZipFile(io.BytesIO(content)) as unpacked:
            return _read(unpacked)
    except UnreadableFileError:
        raise
    except DAMAGED:
        raise UnreadableFileError(
            "The file is no ZIP archive or is damaged. Download the export again "
            "and send it as it is."
        ) from None


def _read(unpacked: ZipFile) -> Archive:
    files = _check_files(unpacked.infolist())
    manifest = _read_manifest(unpacked, files)
    records = {kind: _read_kind(unpacked, files, manifest, kind) for kind in RECORDS}
    (user,) = records.pop("user")
    archive = Archive(made_at=manifest.made_at, user=user, **records)
    check_references(archive)
    return archive


def _check_files(members: list[ZipInfo]) -> dict[str, ZipInfo]:
    """Return the members by their names; nothing is unpacked before all look harmless."""
    files = {member.filename: member for member in members}
    if len(files) < len(members):
        raise UnreadableFileError("The archive has two files of one name; send it as exported.")
    if MANIFEST not in files:
        raise UnreadableFileError(
            f"The archive has no {MANIFEST}, so it is not an export of Stint; send it as exported."
        )
    for member in members:
        _check_file(member)
    if sum(member.file_size for member in members) > UNPACKED_BYTES_MAX:
        raise UnreadableFileError(
            f"The archive holds more than {UNPACKED_BYTES_MAX:,} bytes when unpacked; "
            "ask your operator to raise MAX_IMPORT_BYTES."
        )
    return files


def _check_file(member: ZipInfo) -> None:
    if member.filename not in FILES:
        raise UnreadableFileError(
            f"The archive has a file that no export has: {member.filename[:100]!r}; "
            "send it as exported."
        )
    if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED) or member.flag_bits & 1:
        raise UnreadableFileError(
            f"{member.filename} is encrypted or packed in another way than exports are; "
            "send the archive as exported."
        )
    if member.file_size > RATIO_MAX * (member.compress_size + 1):
        raise UnreadableFileError(
            f"{member.filename} unpacks to more than {RATIO_MAX} times its size; "
            "exports do not do that."
        )


def _read_manifest(unpacked: ZipFile, files: dict[str, ZipInfo]) -> Manifest:
    if files[MANIFEST].file_size > MANIFEST_BYTES_MAX:
        raise UnreadableFileError(f"{MANIFEST} is too large; send the archive as exported.")
    content = _unpack(unpacked, files[MANIFEST])
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        problem = error.errors()[0]
        if problem["loc"] == ("version",):
            raise UnreadableFileError(
                "The archive is of a version that is not known here; update this service first."
            ) from None
        raise UnreadableFileError(f"{MANIFEST}: {_reason(error)}.") from None
    if not manifest.counts.keys() == manifest.sha256.keys() == RECORDS.keys():
        raise UnreadableFileError(f"{MANIFEST} does not tell of every kind; send it as exported.")
    if sum(manifest.counts.values()) > RECORDS_MAX:
        raise UnreadableFileError(f"The archive has more than {RECORDS_MAX:,} records.")
    return manifest


def _read_kind(
    unpacked: ZipFile, files: dict[str, ZipInfo], manifest: Manifest, kind: str
) -> list[Any]:
    name = file_of(kind)
    if name not in files:
        raise UnreadableFileError(f"The archive lacks {name}; send it as exported.")
    content = _unpack(unpacked, files[name])
    if sha256(content).hexdigest() != manifest.sha256[kind]:
        raise UnreadableFileError(
            f"{name} was changed or damaged: its SHA-256 is not that of the manifest."
        )
    count = content.count(b"\n")  # first: of nothing but line ends a list would be enormous
    *lines, rest = content.split(b"\n", manifest.counts[kind])
    if rest or count != manifest.counts[kind]:
        raise UnreadableFileError(
            f"{name} has {count} lines; the manifest says {manifest.counts[kind]}."
        )
    if kind == "user" and manifest.counts[kind] != 1:
        raise UnreadableFileError(f"{name} must tell of one person.")
    model = RECORDS[kind]
    return [_read_record(model, name, number, line) for number, line in enumerate(lines, 1)]


def _unpack(unpacked: ZipFile, member: ZipInfo) -> bytes:
    """Return as much of a file as it is said to hold.

    Not told how much, read() inflates up to 2 GiB before it looks at the size that was checked.
    """
    with unpacked.open(member) as file:
        return file.read(member.file_size)


def _read_record(model: type[BaseModel], name: str, number: int, line: bytes) -> BaseModel:
    try:
        return model.model_validate_json(line)
    except ValidationError as error:
        raise UnreadableFileError(f"{name}, line {number}: {_reason(error)}.") from None


def _reason(error: ValidationError) -> str:
    """Return the first thing that is wrong; the input itself is not repeated."""
    problem = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part)[:100] for part in problem["loc"])
    return f"{place}: {problem['msg']}" if place else problem["msg"]
