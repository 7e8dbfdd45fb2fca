"""Which request the work at hand is for, and which trace that is part of (W3C Trace Context).

https://www.w3.org/TR/trace-context-2/: `traceparent` is taken in and goes out again. `tracestate`
does not: what others tell each other in it is not for the strangers whom webhooks reach.
"""

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Self

# Versions to come may have more behind what there is today, and `ff` is never going to be one.
TRACEPARENT = re.compile(
    r"(?P<version>(?!ff)[0-9a-f]{2})-(?P<trace_id>(?!0{32})[0-9a-f]{32})"
    r"-(?P<span_id>(?!0{16})[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)
SAMPLED = 0x01
KNOWN_FLAGS = 0x03  # sampled, and that the trace id is random


@dataclass(frozen=True, slots=True)
class Traceparent:
    """A place in a trace: the span that something is asked for in."""

    trace_id: str
    span_id: str
    flags: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read the header; None for what is not as the standard has it, as if there were none."""
        found = TRACEPARENT.fullmatch(text)
        if found is None or (found["version"] == "00" and found["more"]):
            return None
        return cls(found["trace_id"], found["span_id"], int(found["flags"], 16) & KNOWN_FLAGS)

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"


@dataclass(frozen=True, slots=True)
class Errand:
    """What somebody asked for: a request, a message on a socket, or work without either.

    Jobs go on with the errand of the request that asked for them. Where nobody told of a trace,
    the id of the request is that of its trace, too.
    """

    request_id: str
    parent: Traceparent | None = None

    @classmethod
    def new(cls) -> Self:
        """Give what was just asked for an id.

        Random in all of its bits, unlike a UUID: which traces are recorded is drawn by them.
        """
        return cls(f"{random.getrandbits(128):032x}")

    def part_of(self, traceparent: str | None) -> "Errand":
        """Return the same in the trace that somebody tells of; in its own where nobody does."""
        if traceparent is None:
            return self
        return Errand(self.request_id, Traceparent.parse(traceparent))

    @property
    def trace_id(self) -> str:
        """Return the trace that this is part of."""
        return self.request_id if self.parent is None else self.parent.trace_id

    @property
    def traceparent(self) -> str:
        """Return what goes along with requests of ours.

        Sampled, where it is for us to say: receivers that do as they are told would not record it.
        """
        here = self.parent or Traceparent(self.request_id, self.request_id[:16], SAMPLED)
        return str(here)


_errand: ContextVar[Errand | None] = ContextVar("errand", default=None)


def begin_errand(traceparent: str | None) -> Errand:
    """From here on all work is for what was just asked for, in this trace if any."""
    errand = Errand.new().part_of(traceparent)
    _errand.set(errand)
    return errand


def current_errand() -> Errand | None:
    """Return what the work at hand is for; None for what a process does of its own accord."""
    return _errand.get()


def current_request_id() -> str:
    """Return the id of the request or message at hand; there must be one."""
    errand = _errand.get()
    if errand is None:
        raise LookupError("nobody has asked for anything; the entry point begins an errand")
    return errand.request_id


@contextmanager
def on_errand(errand: Errand) -> Iterator[Errand]:
    """Let this be what the work is for, for a while."""
    token = _errand.set(errand)
    try:
        yield errand
    finally:
        _errand.reset(token)


def outgoing_headers() -> dict[str, str]:
    """Return the headers that tell receivers of our requests which trace they are part of."""
    errand = _errand.get()
    return {} if errand is None else {"traceparent": errand.traceparent}
