"""The application under a real gunicorn with two workers, and clients that reach it over TCP."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import requests
from urllib3.util import Retry

from config import settings

STARTING_SECONDS = 20


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
            process.terminate()
            process.wait(30)

    def wait_until_ready(self) -> None:
        """Return when the server answers; fails with its log when it does not."""
        session = requests.Session()
        retry = Retry(total=None, connect=STARTING_SECONDS * 5, backoff_factor=0.1, backoff_max=0.2)
        session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retry))
        # A connection that stayed open would keep its worker from stopping for as long.
        headers = {"Connection": "close"}
        answer = session.get(f"{self.url}/health/ready", timeout=10, headers=headers)
        session.close()
        assert answer.status_code == 200, answer.text + self.log.read_text()

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
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
