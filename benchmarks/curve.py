"""Measures all that is said of growth, part by part, and writes docs/performance.rst anew.

`python -m benchmarks.curve` runs all parts, in twenty minutes on two quiet cores; with names
of parts only these. What was measured of the same code already is left alone, so that a run which
was cut short goes on where it was; --again measures it anew.
"""

import argparse
import signal
import subprocess
import sys
import time

from benchmarks import document, figures

# What to run, and after how many seconds to give up.
PARTS: dict[str, tuple[list[str], int]] = {
    "startup": ([], 300),
    "fan_out": ([], 450),
    "hints": ([], 60),
    "claims": (["--rounds", "4"], 450),
    "routes": ([], 900),
}


def main() -> int:
    """Run the parts one after the other; 1 when one failed or found something that grows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.curve", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all when none is named")
    parser.add_argument("--again", action="store_true", help="also what was measured already")
    options = parser.parse_args()
    failed = []
    for part in options.parts or PARTS:
        if not options.again and is_measured(part):
            sys.stdout.write(f"== {part}: measured already\n")
        elif not run(part):
            failed.append(part)
    document.main()
    if failed:
        sys.stdout.write(f"look at: {', '.join(failed)}\n")
    return int(bool(failed))


def is_measured(part: str) -> bool:
    """True when there are figures of the very code that is here now."""
    found = figures.load(part)
    return bool(found) and found["measured"]["commit"] == figures.commit()


def run(part: str) -> bool:
    """Run a part in a process of its own, whose output goes where ours does."""
    arguments, seconds = PARTS[part]
    command = [sys.executable, "-m", f"benchmarks.{part}", *arguments]
    started = time.monotonic()
    sys.stdout.write(f"== {part}, at most {seconds} s\n")
    sys.stdout.flush()
    process = subprocess.Popen(command)
    try:
        status = process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)  # it ends what it started
        process.wait()
        status = 1
    sys.stdout.write(f"== {part}: {time.monotonic() - started:.0f} s\n\n")
    return status == 0


if __name__ == "__main__":
    sys.exit(main())
