"""Processes that tests start, and their end."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

STOPPING_SECONDS = 120


def stop(process: "subprocess.Popen[Any]") -> None:
    """Let it end in order; one that does not is killed, and the test fails."""
    process.terminate()
    try:
        process.wait(STOPPING_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


@contextmanager
def signals_count() -> Iterator[None]:
    """Let what is started meanwhile mind its signals.

    Under nohup it would ignore SIGHUP, and behind a shell's & SIGINT.
    """
    with ExitStack() as stack:
        for number in (signal.SIGHUP, signal.SIGINT):
            before = signal.getsignal(number)
            if before is signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
                stack.callback(signal.signal, number, before)
        yield


def lives(pid: int) -> bool:
    """Tell whether a process does anything yet; a dead orphan stays if nobody reaps it."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except OSError:
        return False
