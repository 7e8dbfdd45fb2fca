"""What the comparison has to show; a command that only prints figures proves nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.rounds import Round, Rounds, group
from benchmarks.sides import SAME_SQL, STINT, YARDSTICK


@dataclass(frozen=True)
class Requirement:
    """Stint does so many times the requests of a side that does the same, with no worse tail."""

    reference: str
    least: float


REQUIREMENTS = {
    "get": Requirement(YARDSTICK, 2.5),
    "list": Requirement(YARDSTICK, 2.2),
    "create": Requirement(SAME_SQL, 2.0),
}


@dataclass(frozen=True)
class Finding:
    """What was required, and whether it was reached; None when it was not measured."""

    text: str
    reached: bool | None

    def __str__(self) -> str:
        said = {True: "reached", False: "NOT reached", None: "not measured"}
        return f"{said[self.reached]:13}{self.text}"


def judge(rounds: Sequence[Round]) -> list[Finding]:
    """Hold all that was measured against what is required."""
    return [finding for kind in group(rounds) for finding in _judge(kind)]


def _judge(kind: Rounds) -> Iterator[Finding]:
    wanted = REQUIREMENTS[kind.operation]
    what = f"{kind.operation} with {kind.connections} connections:"
    rate = f"{what} at least {wanted.least:.1f} times the requests of {wanted.reference}"
    tail = f"{what} p99 no higher than that of {wanted.reference}"
    if not {STINT, wanted.reference} <= set(kind.sides):
        yield Finding(rate, None)
        yield Finding(tail, None)
        return
    ratio = kind.ratio(STINT, wanted.reference)
    yield Finding(f"{rate}: {ratio}", ratio.median >= wanted.least)
    ours, theirs = kind.p99_ms(STINT), kind.p99_ms(wanted.reference)
    yield Finding(f"{tail}: {ours:.1f} ms and {theirs:.1f} ms", ours <= theirs)
