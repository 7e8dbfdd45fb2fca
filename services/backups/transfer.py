"""Dumping and loading with PostgreSQL's own programs, a part at a time."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from services.backups.errors import BackupError
from services.postgres.client_programs import ClientPrograms, end, environment_of

Process = subprocess.Popen[bytes]

CHUNK = 256 * 1024
PASSING = ("processes", "presences")  # who has a room open at this moment

# Whose it is, and who else may do what, is for the server that a backup comes back to.
COMMON = ("--no-owner", "--no-privileges", "--schema=public")
DUMP = (
    *COMMON,
    "--format=custom",
    "--no-password",
    "--lock-wait-timeout=30s",
    *(f"--exclude-table-data=public.{name}" for name in PASSING),
)
UNPACK = (*COMMON, "--no-tablespaces", "--file=-")
LOAD = ("--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1", "--file=-")

# Written by programs of 17 and newer, whichever server it is for; older servers know of no such.
NEW_SETTING = b"SET transaction_timeout = 0;\n"
SETTING_SINCE = 17


@dataclass(frozen=True)
class Transfer:
    """Dumps and loads the database of `url`, whose major version is `server`."""

    programs: ClientPrograms
    url: str
    server: int

    def dump(self, snapshot: str) -> Iterator[bytes]:
        """Yield the parts of a dump of what a transaction has exported; BackupError if it fails."""
        with tempfile.TemporaryFile() as said:
            dumping = self.programs.start(
                "pg_dump",
                *DUMP,
                f"--snapshot={snapshot}",
                environment=environment_of(self.url),
                stdout=subprocess.PIPE,
                stderr=said,
            )
            try:
                yield from _parts(dumping)
                if dumping.wait() != 0:
                    raise BackupError(f"The database could not be dumped: {_complaint(said)}")
            finally:
                _close(dumping)

    def load(self, file: IO[bytes], before: str, after: str) -> None:
        """Load the dump that `file` is at, all of it or nothing, with statements around it.

        `before` begins a transaction, which `after` commits.
        """
        with tempfile.TemporaryFile() as said:
            unpacking = self.programs.start(
                "pg_restore",
                *UNPACK,
                environment=environment_of(""),
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=said,
            )
            loading = self.programs.start(
                "psql",
                *LOAD,
                environment=environment_of(self.url),
                stdin=subprocess.PIPE,
                stderr=said,
            )
            try:
                self._replay(unpacking, loading, before, after)
                if loading.wait() != 0 or unpacking.wait() != 0:
                    raise BackupError(
                        "The backup could not be restored, and nothing was changed: "
                        f"{_complaint(said)}"
                    )
            finally:
                _close(loading)
                _close(unpacking)

    def _replay(self, unpacking: Process, loading: Process, before: str, after: str) -> None:
        if loading.stdin is None:
            raise RuntimeError("psql was started without a pipe")
        with suppress(BrokenPipeError):  # it stopped at an error, and has said which
            loading.stdin.write(before.encode())
            for part in self._for_server(_parts(unpacking)):
                loading.stdin.write(part)
            if unpacking.wait() == 0:  # else there is no COMMIT, and nothing happens
                loading.stdin.write(after.encode())
            loading.stdin.close()

    def _for_server(self, script: Iterator[bytes]) -> Iterator[bytes]:
        """Yield a script of pg_restore's without what an older server does not know.

        It stands among the first lines; data that looks like it stays.
        """
        beginning = b""
        for part in script:
            beginning += part
            if len(beginning) >= CHUNK:
                break
        if self.server < SETTING_SINCE <= self.programs.major:
            beginning = beginning.replace(NEW_SETTING, b"", 1)
        yield beginning
        yield from script


def _parts(process: Process) -> Iterator[bytes]:
    if process.stdout is None:
        raise RuntimeError("the program was started without a pipe")
    while part := process.stdout.read(CHUNK):
        yield part


def _close(process: Process) -> None:
    """End a program that still runs, and let go of its pipes."""
    if process.poll() is None:
        end(process)
    for pipe in (process.stdout, process.stdin):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()


def _complaint(said: IO[bytes]) -> str:
    """Return what the programs complained of first: what follows is often of no help."""
    said.seek(0)
    lines = said.read(64 * 1024).decode(errors="replace").splitlines()
    errors = [line for line in lines if "ERROR:" in line or "error:" in line] or lines
    return (errors or ["it did not say why"])[0].strip()
