"""PostgreSQL's own programs to dump and load a database, of a version that fits the server."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from psycopg.pq import Conninfo

from services.postgres.child_process import Command, tied_to_parent
from services.postgres.cluster import EmbeddedPostgresError, embedded_programs
from utils.errors import UnavailableError

NEEDED = ("pg_dump", "pg_restore", "psql")
PACKAGED = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin")  # on Debian and its kin, and on Red Hat
VERSION = re.compile(r"\(PostgreSQL\) ([0-9]+)")
STOP_SECONDS = 10


@dataclass(frozen=True)
class ClientPrograms:
    """The programs in one folder, all of one major version."""

    folder: Path
    major: int

    @classmethod
    def find(cls, major: int) -> "ClientPrograms":
        """Return those of this version, or else the next newer: they read what is older."""
        fitting = [each for each in map(cls._in, _folders()) if each and each.major >= major]
        if not fitting:
            raise UnavailableError(
                f"There is no pg_dump of PostgreSQL {major} or newer on this machine; install "
                f"the package postgresql-client-{major}, or the like of your system.",
                code="programs_missing",
            )
        return min(fitting, key=lambda programs: programs.major)

    @classmethod
    def _in(cls, folder: Path) -> "ClientPrograms | None":
        if not all(os.access(folder / name, os.X_OK) for name in NEEDED):
            return None
        command: Command = [folder / "pg_dump", "--version"]
        told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        version = VERSION.search(told)
        return cls(folder, int(version[1])) if version else None

    def start(
        self,
        name: str,
        *arguments: str,
        environment: Mapping[str, str],
        stdin: int | IO[bytes] = subprocess.DEVNULL,
        stdout: int = subprocess.DEVNULL,
        stderr: IO[bytes],
    ) -> "subprocess.Popen[bytes]":
        """Start a program; it hears nothing of Ctrl-C, and dies when we do."""
        return subprocess.Popen(
            [*tied_to_parent("TERM"), self.folder / name, *arguments],
            env=environment,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a program that may still run."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def environment_of(url: str) -> dict[str, str]:
    """Return what tells the programs where a database is; others cannot read it, as arguments."""
    conninfo = url.replace("postgresql+psycopg://", "postgresql://", 1).encode()
    kept = ("PATH", "HOME")  # where there may be certificates, and passwords in .pgpass
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in kept or (name.startswith("PG") and name != "PGOPTIONS")
    }
    for option in Conninfo.parse(conninfo):
        if option.envvar is not None and option.val is not None:
            environment[option.envvar.decode()] = option.val.decode()
    return environment | {"LC_ALL": "C"}


def _folders() -> Iterator[Path]:
    with suppress(EmbeddedPostgresError):
        yield embedded_programs()
    for pattern in PACKAGED:
        yield from Path("/").glob(pattern)
    on_path = shutil.which("pg_dump")
    # Debian's there is a script that picks some version; those were found above.
    if on_path and (program := Path(on_path).resolve()).name == "pg_dump":
        yield program.parent
