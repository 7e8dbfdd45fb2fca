"""What `python main.py` does: the whole service on one machine, from nothing to a clean stop."""

import errno
import fcntl
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from types import FrameType

import psycopg
from psycopg.conninfo import conninfo_to_dict

from config import PROJECT_DIR, Settings, settings
from services.postgres.embedded import EmbeddedPostgres, embedded_postgres
from services.program import STOP_SECONDS, LaunchError, Program
from utils.errors import ServiceError

STDOUT, STDERR = 1, 2
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
HEALTH_SECONDS = 60.0
PATROL_SECONDS = 1.0
OLDEST_POSTGRES = 15
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what to call instead of it

BANNER = """
Stint listens on {url} (Ctrl-C stops it, the data stays).

  {url}/docs      what it can do
  {url}/health    whether it is up

Sign up, log in and start a timer:

  curl -sS {api}/users -H 'Content-Type: application/json' \\
    -d '{{"email":"ada@example.org","password":"correct horse battery","name":"Ada"}}'

  TOKEN=$(curl -sS {api}/auth/login -H 'Content-Type: application/json' \\
    -d '{{"email":"ada@example.org","password":"correct horse battery"}}' |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')

  curl -sS {api}/timer/start -H "Authorization: Bearer $TOKEN" \\
    -H 'Content-Type: application/json' -d '{{}}'

"""


class Launcher:
    """Runs database, migrations, web server and worker as one thing: all of it, or none."""

    def __init__(self, options: Settings, database: EmbeddedPostgres) -> None:
        self._options = options
        self._database = database
        host = ANY_ADDRESS.get(options.host, options.host)
        self._address = (host, options.port)
        self.url = (
            f"http://[{host}]:{options.port}" if ":" in host else f"http://{host}:{options.port}"
        )

    def run(self) -> int:
        """Serve until Ctrl-C, SIGTERM or SIGHUP; the exit code is 0 only after a clean stop."""
        _on_stop_signals(_interrupt)
        try:
            with ExitStack() as cleanup:
                try:
                    self._serve(cleanup)
                finally:
                    _on_stop_signals(signal.SIG_IGN)  # nothing may interrupt the cleanup
        except KeyboardInterrupt:
            return 0
        except ServiceError as error:
            _write(STDERR, f"stint: {error.detail}\n")
        except OSError as error:
            _write(STDERR, f"stint: {error}\n")
        return 1

    def _serve(self, cleanup: ExitStack) -> None:
        crashed = self._lock_data_dir(cleanup)
        self._check_port(patience=STOP_SECONDS if crashed else 0.0)
        database_url = self._find_database(cleanup)
        environment = {**os.environ, "DATABASE_URL": database_url}
        self._migrate(environment)
        server = Program("web server", "gunicorn", "-c", "gunicorn.conf.py", "main:app")
        worker = Program("worker", "flask", "--app", "main", "worker")
        for program in (server, worker):
            cleanup.callback(program.stop)
            program.start(environment)
        self._wait_for_health(server)
        _write(STDOUT, BANNER.format(url=self.url, api=self.url + self._options.api_prefix))
        self._patrol(server, worker, environment)

    def _lock_data_dir(self, cleanup: ExitStack) -> bool:
        """Claim the data directory; True if the process before could not tidy up after itself."""
        path = self._options.data_dir / "run.lock"
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = cleanup.enter_context(path.open("a+"))
        except OSError as error:
            raise LaunchError(
                f"{path} cannot be opened ({error.strerror}); "
                "run as the user who owns this folder or set DATA_DIR to one of your own"
            ) from error
        lock.seek(0)
        pid, _, url = lock.read().strip().partition(" ")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LaunchError(
                f"already running at {url} (process {pid}) with the data in {path.parent}; "
                "stop it first, or run a second one with another DATA_DIR and PORT"
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()} {self.url}\n")
        lock.flush()
        cleanup.callback(lock.truncate, 0)
        return bool(pid)

    def _check_port(self, patience: float) -> None:
        """Fail where gunicorn could not listen; `patience` is for a killed one's last breath."""
        host, port = self._options.host, self._options.port
        deadline = time.monotonic() + patience
        while problem := _listen_problem(host, port):
            if problem.errno != errno.EADDRINUSE:
                raise LaunchError(
                    f"cannot listen on port {port} of {host} ({problem.strerror}); set HOST to an "
                    "address of this machine and PORT to a number above 1023"
                )
            if time.monotonic() >= deadline:
                other = port + 1 if port < 65535 else 8000
                raise LaunchError(
                    f"port {port} on {host} is taken; "
                    f"stop what uses it or choose another: PORT={other} make run"
                )
            time.sleep(0.1)

    def _find_database(self, cleanup: ExitStack) -> str:
        if self._options.database_url is not None:
            url = self._options.database_url.get_secret_value()
            _check_database(url, self._options.database_connect_seconds)
            return url
        cleanup.callback(self._database.stop)
        self._database.start()
        url_of_embedded = self._database.running_url()
        if url_of_embedded is None:
            raise LaunchError(f"PostgreSQL in {self._database.directory} stopped by itself")
        return url_of_embedded

    def _migrate(self, environment: Mapping[str, str]) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "main", "db", "upgrade"],
            cwd=PROJECT_DIR,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            check=False,
        )
        if done.returncode != 0:
            output = done.stdout.decode(errors="replace")
            raise LaunchError(f"the database could not be migrated; nothing was started\n{output}")

    def _wait_for_health(self, server: Program) -> None:
        deadline = time.monotonic() + HEALTH_SECONDS
        while not self._is_healthy():
            _check_alive(server)
            if time.monotonic() > deadline:
                raise LaunchError(f"{self.url}/health did not answer within {HEALTH_SECONDS:g} s")
            time.sleep(0.05)

    def _is_healthy(self) -> bool:
        connection = http.client.HTTPConnection(*self._address, timeout=HEALTH_SECONDS)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _patrol(self, server: Program, worker: Program, environment: Mapping[str, str]) -> None:
        """Wait until the web server ends; bring back what else should have died meanwhile."""
        while server.exit_code(PATROL_SECONDS) is None:
            if self._options.database_url is None and self._database.start():
                _write(STDERR, "stint: PostgreSQL had stopped and was started again\n")
            if worker.exit_code() is not None:
                worker.start(environment)
                _write(STDERR, "stint: the worker had stopped and was started again\n")
        _check_alive(server)


def _on_stop_signals(action: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in STOP_SIGNALS:
        if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
            continue  # nohup asked for that
        signal.signal(number, action)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    _on_stop_signals(signal.SIG_IGN)
    raise KeyboardInterrupt


def _listen_problem(host: str, port: int) -> OSError | None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # gunicorn does too
            probe.bind(address)
    except OSError as error:
        return error
    return None


def _check_database(url: str, connect_seconds: int) -> None:
    """Connect once; libpq's words about a malformed URL may quote the password, ours never do."""
    conninfo = url.replace("postgresql+psycopg://", "postgresql://", 1)
    try:
        parts = conninfo_to_dict(conninfo)
    except psycopg.ProgrammingError:
        raise LaunchError(
            "DATABASE_URL is not a PostgreSQL URL; it looks like "
            "postgresql://user:password@host:5432/database, with special characters as %XX"
        ) from None
    where = f"PostgreSQL at {parts.get('host', 'localhost')}:{parts.get('port', 5432)}"
    where += f", database {parts.get('dbname', parts.get('user'))}"
    try:
        with psycopg.connect(conninfo, connect_timeout=connect_seconds) as connection:
            version = connection.info.server_version // 10_000
    except psycopg.Error as error:
        reason = str(error).partition("\n")[0].removeprefix("connection failed: ")
        raise LaunchError(
            f"cannot connect to {where} ({reason}); check that it runs and lets this machine in, "
            "and the user, password, host and port in DATABASE_URL"
        ) from None
    if version < OLDEST_POSTGRES:
        raise LaunchError(f"{where} is version {version}; Stint needs {OLDEST_POSTGRES} or newer")


def _check_alive(server: Program) -> None:
    code = server.exit_code()
    if code is not None:
        raise LaunchError(f"the web server stopped by itself (exit code {code}); it said why above")


def _write(descriptor: int, text: str) -> None:
    # Unbuffered, and deaf to errors: when the terminal was closed, nobody reads it and we still
    # have to stop everything in order.
    with suppress(OSError):
        os.write(descriptor, text.encode())


launcher = Launcher(settings, embedded_postgres)
