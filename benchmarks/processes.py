"""What the operating system says about running processes; silent where there is no /proc."""

import os
from collections.abc import Sequence
from pathlib import Path

PROC = Path("/proc")


def cpu_seconds(pids: Sequence[int]) -> float | None:
    """User and system time of these processes so far; None where /proc does not tell."""
    ticks = [sum(int(field) for field in fields[11:15]) for fields in map(_stat, pids) if fields]
    return sum(ticks) / os.sysconf("SC_CLK_TCK") if ticks else None


def busy_seconds(pids: Sequence[int]) -> float | None:
    """The same to the microsecond, of processes that sleep now; None where /proc does not tell."""
    paths = [path for pid in pids for path in (PROC / str(pid) / "task").glob("*/schedstat")]
    nanoseconds = [int(_first_word(path)) for path in paths]
    return sum(nanoseconds) / 1e9 if nanoseconds else None


def machine_cpu_seconds() -> float | None:
    """CPU time that everything on this machine used since it started; None without /proc."""
    try:
        times = [int(field) for field in (PROC / "stat").read_text().splitlines()[0].split()[1:9]]
    except OSError:
        return None
    user, nice, system, _idle, _iowait, irq, softirq, steal = times
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def memory_bytes(pid: int) -> tuple[int, int]:
    """What a process has in memory: its part of what it shares with others, and all of it."""
    sizes = {}
    for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines()[1:]:
        name, _, size = line.partition(":")
        sizes[name] = int(size.split()[0]) * 1_024
    return sizes["Pss"], sizes["Rss"]


def parent_of(pid: int) -> int:
    """The process that started this one, which must be running."""
    return int(_stat(pid)[1])


def process_tree(pid: int) -> list[int]:
    """`pid` and every process below it."""
    children: dict[int, list[int]] = {}
    for path in PROC.glob("[0-9]*"):
        fields = _stat(int(path.name))
        if fields:
            children.setdefault(int(fields[1]), []).append(int(path.name))
    found = [pid]
    for known in found:
        found.extend(children.get(known, []))
    return found


def is_named(pid: int, name: str) -> bool:
    """True when the program of that process is called `name`."""
    try:
        return (PROC / str(pid) / "comm").read_text().strip() == name
    except OSError:
        return False


def _first_word(path: Path) -> str:
    """Return what a file begins with, or 0 where its thread has ended."""
    try:
        return path.read_text().split()[0]
    except OSError:
        return "0"


def _stat(pid: int) -> list[str]:
    """The fields of /proc/pid/stat behind the name (state, ppid, ...), or nothing."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
