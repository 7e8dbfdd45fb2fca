"""Writing an archive: batches of rows in, a ZIP of JSON lines and tables out."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import IO, Any, BinaryIO, Self
from zipfile import ZIP_DEFLATED, ZipFile

import orjson

from models.archive import ARCHIVE_FORMAT, ARCHIVE_VERSION, RECORDS, file_of, table_of
from services.prepared import Row
from utils.csv_tables import write_rows
from utils.offload import offload

OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE


class ArchiveFile:
    """An archive on its way into a file; what keeps the processor busy runs off the event loop."""

    def __init__(self, file: BinaryIO) -> None:
        self._zip = ZipFile(file, "w", ZIP_DEFLATED)
        self._counts: dict[str, int] = {}
        self._digests: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def add(self, kind: str, batches: Iterable[list[Row]]) -> None:
        """Write the records of a kind, and a table of them, in which other columns come first."""
        fields = list(RECORDS[kind].model_fields)
        count, digest = 0, sha256()
        # A ZIP takes one file at a time: the table has to wait beside it.
        with TemporaryFile() as table:
            with self._zip.open(file_of(kind), "w", force_zip64=True) as records:
                for rows in batches:
                    count += len(rows)
                    content = offload(_write_batch, fields, rows, records, table)
                    digest.update(content)
            if kind != "user" and count:
                offload(self._add_table, kind, table)
        self._counts[kind], self._digests[kind] = count, digest.hexdigest()

    def add_table(self, name: str, batches: Iterable[list[Row]]) -> None:
        """Write a table that comes without records, so that no import reads it."""
        with self._zip.open(name, "w", force_zip64=True) as table:
            for number, rows in enumerate(batches):
                offload(_write_table, table, list(rows[0]), rows, with_head=not number)

    def _add_table(self, kind: str, table: IO[bytes]) -> None:
        table.seek(0)
        with self._zip.open(table_of(kind), "w", force_zip64=True) as target:
            copyfileobj(table, target)

    def finish(self, made_at: datetime) -> None:
        """Write the manifest; it tells of everything that was added."""
        manifest = {
            "format": ARCHIVE_FORMAT,
            "version": ARCHIVE_VERSION,
            "made_at": made_at,
            "counts": self._counts,
            "sha256": self._digests,
        }
        content = orjson.dumps(manifest, option=OPTIONS | orjson.OPT_INDENT_2)
        self._zip.writestr("manifest.json", content)


def _write_batch(
    fields: Sequence[str], rows: list[Row], records: IO[bytes], table: IO[bytes]
) -> bytes:
    """Write rows to both; returns what went into the records."""
    content = b"".join(
        orjson.dumps({name: row[name] for name in fields}, option=OPTIONS) for row in rows
    )
    records.write(content)
    columns = [*(name for name in rows[0] if name not in fields), *fields]
    _write_table(table, columns, rows, with_head=not table.tell())
    return content


def _write_table(
    table: IO[bytes], columns: Sequence[str], rows: list[Row], *, with_head: bool
) -> None:
    if with_head:
        table.write(write_rows([columns]))
    table.write(write_rows([_cell(row[name]) for name in columns] for row in rows))


def _cell(value: Any) -> object:
    """Return what a spreadsheet understands best."""
    match value:
        case datetime():
            return value.isoformat()
        case bool():
            return str(value).lower()
        case list():
            return ", ".join(value)
        case dict():
            return orjson.dumps(value).decode()
    return value
