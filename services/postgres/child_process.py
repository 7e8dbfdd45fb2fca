"""Starting programs that end with us and, under root, run as somebody else."""

import os
import pwd
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

Command = Sequence[str | Path]


class Runner(NamedTuple):
    """A way to run programs: a command in front of theirs and options for Popen.

    They run away from our terminal (Ctrl-C does not reach them), our directory and our environment,
    which may hold secrets.
    """

    prefix: tuple[str, ...] = ()
    options: dict[str, Any] = {}  # noqa: RUF012 - never changed

    def run(
        self, command: Command, keep_open: Sequence[int] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end; both outputs are in `stdout`. `keep_open`: descriptors to inherit."""
        return subprocess.run(
            [*self.prefix, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            text=True,
            errors="replace",
            **self._common(keep_open),
        )

    def spawn(
        self, command: Command, *, output: int, keep_open: Sequence[int] = ()
    ) -> subprocess.Popen[bytes]:
        """Start and return at once; what it prints goes to the descriptor `output`."""
        return subprocess.Popen(
            [*self.prefix, *command], stdout=output, stderr=output, **self._common(keep_open)
        )

    def _common(self, keep_open: Sequence[int]) -> dict[str, Any]:
        return {
            "cwd": "/",
            "env": {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
            "stdin": subprocess.DEVNULL,
            "start_new_session": True,
            "pass_fds": keep_open,
            **self.options,
        }


@cache
def tied_to_parent(stop_signal: str) -> tuple[str, ...]:
    """Command prefix with which a child gets `stop_signal` when the thread that started it dies.

    The kernel sends it, so this covers kill -9. Empty where util-linux is missing: there the child
    of a killed process lives on.
    """
    prefix = ("setpriv", f"--pdeathsig={stop_signal}")
    with suppress(OSError):
        if Runner(prefix).run(["true"]).returncode == 0:
            return prefix
    return ()


def find_runner(uid: int, gid: int, stop_signal: str, probe: Command) -> Runner | None:
    """The way with the fewest rights by which that user can run `probe`, a harmless command."""
    for runner in _runners(uid, gid, tied_to_parent(stop_signal)):
        with suppress(OSError):
            if runner.run(probe).returncode == 0:
                return runner
    return None


def _runners(uid: int, gid: int, tied: tuple[str, ...]) -> Iterator[Runner]:
    if os.geteuid() != 0:
        yield Runner(tied)
        return
    if tied:
        switch = (*tied, f"--reuid={uid}", f"--regid={gid}", "--clear-groups")
        yield Runner((*switch, *_keep("-all")))
        # A folder on the way may be closed to that user (/root is), and we open nobody's folders.
        # The secure bit makes access(2), by which PostgreSQL looks for its files, respect that too.
        yield Runner((*switch, "--securebits=+no_setuid_fixup", *_keep("-all,+dac_override")))
    yield Runner((), {"user": uid, "group": gid, "extra_groups": []})


def _keep(capabilities: str) -> list[str]:
    return [f"--{kind}={capabilities}" for kind in ("inh-caps", "ambient-caps", "bounding-set")]


def stand_in_for_root() -> tuple[int, int] | None:
    """User and group for a program that refuses root."""
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            account = pwd.getpwnam(name)
            return account.pw_uid, account.pw_gid
    return None


def user_name(uid: int) -> str:
    """The name to show for a user id, which may have none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
