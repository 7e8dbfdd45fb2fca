"""A part of the service that runs as a process of its own, started and stopped by the launcher."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping

from config import PROJECT_DIR
from services.postgres.child_process import tied_to_parent
from utils.errors import ServiceError

STOP_SECONDS = 30.0  # more than gunicorn and the worker take to finish what they do


class LaunchError(ServiceError):
    """The service cannot run here, or did not stop cleanly."""

    default_code = "launch_failed"


class Program:
    """A Python module with its arguments, and what to call it in messages."""

    def __init__(self, name: str, *command: str) -> None:
        self.name = name
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, environment: Mapping[str, str]) -> None:
        """Start it, away from the terminal, whose Ctrl-C would cut what it is doing."""
        self._process = subprocess.Popen(
            [*tied_to_parent("TERM"), sys.executable, "-m", *self._command],
            cwd=PROJECT_DIR,
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def exit_code(self, seconds: float = 0) -> int | None:
        """Wait so long for its end; None when it still runs."""
        if self._process is None:
            raise RuntimeError(f"the {self.name} was never started")
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def stop(self) -> None:
        """Let it finish, or kill it after a while; LaunchError unless it ended cleanly."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        code = self.exit_code(STOP_SECONDS)
        if code is None:
            os.killpg(self._process.pid, signal.SIGKILL)  # the group that start_new_session made
            self._process.wait()
            raise LaunchError(f"the {self.name} did not stop in time and was killed")
        if code not in (0, -signal.SIGTERM):  # the signal itself: it was only just starting
            raise LaunchError(f"the {self.name} did not stop cleanly (exit code {code})")
