"""A worker process whose jobs write into a file: `python -m tests.diarist DIARY`.

"write" writes its line; "linger" writes that it has begun, and its line when the file LINE.go is
there.
"""

import sys
from pathlib import Path

from procrastinate import App, SyncPsycopgConnector

from services.db_client import db
from services.event_bus import event_bus
from services.job_queue import JobQueue, Lane
from services.worker import Worker
from tests.waiting import wait_until
from utils.logger import configure_logging


class Diary:
    """What was written by jobs, whoever did them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.queue = JobQueue(db, App(connector=SyncPsycopgConnector()))
        self.write = self.queue.job("test.write", self._write)
        self.linger = self.queue.job("test.linger", self._linger)
        self.queue.every("* * * * * *", "test.tick", lambda: self._write("tick"))

    @property
    def lines(self) -> list[str]:
        return self.path.read_text().splitlines() if self.path.exists() else []

    def worker(self) -> Worker:
        return Worker(self.queue, event_bus, {Lane.DEFAULT: 2})

    def let_go(self, line: str) -> None:
        """Let a lingering job end."""
        self._sign_of(line).touch()

    def _write(self, line: str) -> None:
        with self.path.open("a") as diary:
            diary.write(f"{line}\n")

    def _linger(self, line: str) -> None:
        self._write(f"begin {line}")
        wait_until(self._sign_of(line).exists, 60)
        self._write(line)

    def _sign_of(self, line: str) -> Path:
        return self.path.with_name(f"{line}.go")


if __name__ == "__main__":
    configure_logging("INFO", as_json=True)
    Diary(Path(sys.argv[1])).worker().run()
