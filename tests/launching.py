"""`python main.py` as its user sees it: a process that starts, says something and stops."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import requests

from config import settings
from services.postgres.embedded import EmbeddedPostgres
from tests.processes import stop
from tests.server import free_port
from tests.waiting import wait_until

SECONDS = 120  # to start or to stop, where the machine is busy


@dataclass
class Run:
    """A `python main.py` in a process group of its own, like in a terminal.

    What it says goes to files: a pipe would be open for as long as any child of it lives.
    """

    process: "subprocess.Popen[bytes]"
    port: int
    postgres: EmbeddedPostgres
    said: Path
    complained: Path

    @classmethod
    @contextmanager
    def of(cls, data_dir: Path, output: Path, *command: str, **environment: str) -> Iterator[Self]:
        """Start it, or another command of ours, with its data there; it is stopped at the end."""
        port = free_port()
        said, complained = output / "stdout", output / "stderr"
        with said.open("wb") as stdout, complained.open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, *(command or ["main.py"])],
                cwd=settings.project_dir,
                env={
                    **os.environ,
                    "DATA_DIR": str(data_dir),
                    "DATABASE_URL": "",
                    "PORT": str(port),
                    "WEB_CONCURRENCY": "1",
                    **environment,
                },
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        try:
            yield cls(process, port, EmbeddedPostgres(data_dir / "postgres"), said, complained)
        finally:
            stop(process)

    @property
    def banner(self) -> str:
        """What it has said so far."""
        return self.said.read_text()

    @property
    def complaints(self) -> str:
        """What it has complained about so far."""
        return self.complained.read_text()

    def ready(self) -> Self:
        """Return when it has said all."""
        wait_until(lambda: "-d '{}'" in self.banner or self.process.poll() is not None, SECONDS)
        assert "-d '{}'" in self.banner, f"it ended: {self.end()}"
        return self

    def press_ctrl_c(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> tuple[int, str]:
        """Return its exit code and what it complained about."""
        return self.process.wait(SECONDS), self.complaints

    def child(self, program: str) -> int:
        """The pid of the child that runs the program, 0 if there is none."""
        command = ["pgrep", "-P", str(self.process.pid), "-f", program]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        return int(found.stdout or 0)

    @property
    def api(self) -> str:
        """Where its API begins."""
        return f"http://127.0.0.1:{self.port}{settings.api_prefix}"

    def get(self, path: str) -> int:
        return requests.get(f"http://127.0.0.1:{self.port}{path}", timeout=60).status_code

    def post(self, path: str, **body: str) -> int:
        return requests.post(self.api + path, json=body, timeout=60).status_code

    def listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def is_gone(self) -> bool:
        """True when neither the web server nor the database answers any more."""
        return not self.listens() and self.postgres.running_url() is None
