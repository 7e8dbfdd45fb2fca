"""A real worker process, as it runs beside the server."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config import settings
from tests.processes import stop
from tests.sql import rows


class WorkerProcess:
    """Does jobs until it is killed; `start` starts the next."""

    def __init__(self, log: Path, environment: dict[str, str]) -> None:
        self._log = log
        self._environment = os.environ | environment
        self.start()

    def start(self) -> None:
        """Start a process; it works after a second or two."""
        with self._log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "flask", "--app", "main", "worker"],
                env=self._environment,
                stdout=output,
                stderr=output,
                cwd=settings.project_dir,
            )

    def kill(self) -> None:
        """Let it do nothing more, not even say so."""
        self.process.kill()
        self.process.wait()


@contextmanager
def working(database: str, log: Path, **environment: str) -> Iterator[WorkerProcess]:
    """Let a worker do what is asked for from now on."""
    rows(database, "DELETE FROM procrastinate_jobs WHERE status = 'todo'")  # that of other tests
    worker = WorkerProcess(log, environment)
    try:
        yield worker
    finally:
        stop(worker.process)
