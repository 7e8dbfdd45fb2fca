"""The directory in which the processes of one server keep their numbers.

prometheus_client reads its name from the environment when it is imported, so this comes first.
"""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
PREFIX = "stint-metrics-"


def open_metrics_directory(parent: str | None) -> None:
    """Make an empty one for the processes to come; what killed servers left behind is removed."""
    folder = Path(parent or tempfile.gettempdir())
    for left in folder.glob(f"{PREFIX}*"):
        if _is_abandoned(left):
            shutil.rmtree(left, ignore_errors=True)
    os.environ[VARIABLE] = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=folder)


def forget_process(pid: int) -> None:
    """Let what a process that ended had open count no more."""
    from prometheus_client import multiprocess  # noqa: PLC0415 - it reads the environment

    multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]  # untyped there


def close_metrics_directory() -> None:
    """Remove it at the end of the server."""
    directory = os.environ.pop(VARIABLE, None)
    if directory is not None:
        shutil.rmtree(directory, ignore_errors=True)


def _is_abandoned(directory: Path) -> bool:
    pid = directory.name.removeprefix(PREFIX).partition("-")[0]
    with suppress(OSError, ValueError):
        if directory.lstat().st_uid == os.getuid():
            return not Path(f"/proc/{int(pid)}").exists()
    return False
