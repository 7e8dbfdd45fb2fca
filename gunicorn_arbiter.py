"""The gunicorn master: in a rolling restart who serves goes on until those who take over can.

gunicorn itself sends the old workers away as soon as the new ones have begun to load, which takes
them seconds, in which nobody would answer.
"""

import os
import signal
import time

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

READY = b"ready"
STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}


def say_ready(worker: Worker) -> None:
    """Tell the master that a worker takes connections, by the file of its heartbeat."""
    os.write(worker.tmp.fileno(), READY)


class PatientArbiter(Arbiter):
    """What on_starting in gunicorn.conf.py makes of the master, for which there is no setting."""

    def manage_workers(self) -> None:
        """Start workers that are missing; send away those that others are ready to replace."""
        if len(self.WORKERS) > self.num_workers:
            self._wait_for_the_newest()
        super().manage_workers()

    def _wait_for_the_newest(self) -> None:
        """Wait no longer than a worker may stand still, nor when all are to stop anyway."""
        meanwhile: list[int] = []
        deadline = time.monotonic() + self.timeout
        while not self._newest_are_ready() and time.monotonic() < deadline:
            meanwhile += self.wait_for_signals(timeout=0.1)
            if STOP_SIGNALS & set(meanwhile):
                break
            self.reap_workers()
        for number in meanwhile:
            self.SIG_QUEUE.put(number)

    def _newest_are_ready(self) -> bool:
        newest = sorted(self.WORKERS.values(), key=lambda worker: worker.age)[-self.num_workers :]
        return all(os.fstat(worker.tmp.fileno()).st_size > 0 for worker in newest)
