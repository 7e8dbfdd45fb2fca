"""The application under a real gunicorn with two workers, and clients that reach it over TCP."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import requests

from config import settings
from tests.processes import stop

STARTING_SECONDS = 120  # on a busy machine
PORTS = range(10_000, 32_000)  # below those that connections get, on Linux and elsewhere


@dataclass
class Server:
    """A running server; `url` ends before the API's prefix."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    @classmethod
    @contextmanager
    def running(
        cls, log: Path, application: str = "main:app", **environment: str
    ) -> Iterator[Self]:
        """Start gunicorn on a free port, wait until it answers, and stop it at the end."""
        port = free_port()
        env = os.environ | {"PORT": str(port), "WEB_CONCURRENCY": "2"} | environment
        command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", application]
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, env=env, stdout=output, stderr=output, cwd=settings.project_dir
            )
        server = cls(f"http://127.0.0.1:{port}", process, log)
        try:
            server.wait_until_ready()
            yield server
        finally:
            stop(process)

    def wait_until_ready(self) -> None:
        """Return when the server answers; fails with its log when it does not."""
        deadline = time.monotonic() + STARTING_SECONDS
        while not self._is_ready():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        # A connection that stayed open would keep its worker from stopping for as long.
        headers = {"Connection": "close"}
        try:
            return requests.get(f"{self.url}/health/ready", timeout=10, headers=headers).ok
        except requests.RequestException:
            return False

    def client(self, token: str | None = None) -> "Client":
        """Return somebody's own connection to the server."""
        return Client(self.url + settings.api_prefix, token)


class Client(requests.Session):
    """One connection; paths are below the API's prefix."""

    def __init__(self, base: str, token: str | None) -> None:
        super().__init__()
        self._base = base
        if token:
            self.headers["Authorization"] = f"Bearer {token}"

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:  # type: ignore[override]  # the same, with a base
        kwargs.setdefault("timeout", 30)
        return super().request(method, self._base + url, *args, **kwargs)

    def close(self) -> None:
        """Hang up at once; requests leaves that to the garbage collector."""
        pools = self.get_adapter("http://").poolmanager.pools  # type: ignore[attr-defined]  # of an HTTPAdapter
        keys = pools.keys()
        for key in keys:
            pools[key].close()
        super().close()


def free_port() -> int:
    """Return a port that nobody listens on, and that the system gives to no connection."""
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
