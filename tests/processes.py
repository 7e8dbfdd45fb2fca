"""Processes that tests start, and their end."""

import subprocess
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


def lives(pid: int) -> bool:
    """Tell whether a process does anything yet; a dead orphan stays if nobody reaps it."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except OSError:
        return False
