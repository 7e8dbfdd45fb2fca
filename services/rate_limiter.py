"""Rates: how many requests of each kind one caller may send in a while.

The library `limits` reads the rates and counts in Redis. Its windows are made to begin with the
clock's minutes and hours: then one count tells all that the caller is told. In memory a plain
dictionary counts, as the library's would start a thread a hundred times a second to tidy up.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from limits import RateLimitItem, parse
from limits.storage import RedisStorage

from config import Settings, settings
from utils.logger import get_logger

OFF = "off"
CALLERS_MAX = 100_000  # that a process counts; then it starts anew
REDIS_SECONDS = 0.5
PAUSE_SECONDS = 5.0

logger = get_logger(__name__)


class RateKind(StrEnum):
    """Requests that are counted together."""

    READS = "reads"
    WRITES = "writes"
    SIGN_INS = "sign_ins"
    TRANSFERS = "transfers"
    MESSAGES = "messages"


@dataclass(frozen=True, slots=True)
class Standing:
    """How much a caller has left of a rate, and in how many seconds that is all of it again."""

    limit: int
    remaining: int
    reset: int
    exceeded: bool


class Counts(Protocol):
    """Counts per key; a count is forgotten when its window is over."""

    def incr(self, key: str, expiry: int) -> int:
        """Add one and return what it is now; `expiry` is the length of the window in seconds."""


class ProcessCounts:
    """Counts of this process alone."""

    def __init__(self) -> None:
        self._ends: dict[int, float] = defaultdict(float)
        self._counts: dict[int, Counter[str]] = defaultdict(Counter)

    def incr(self, key: str, expiry: int) -> int:
        """Add one; when a window begins, all of its length are forgotten at once."""
        counts = self._counts[expiry]
        now = time.time()
        if now >= self._ends[expiry] or len(counts) >= CALLERS_MAX:
            counts.clear()
            self._ends[expiry] = now - now % expiry + expiry
        counts[key] += 1
        return counts[key]


class RateLimiter:
    """Counts, and lets everybody pass while what it counts in is away."""

    def __init__(self, rates: Mapping[RateKind, str], counts: Counts) -> None:
        self._rates: dict[RateKind, RateLimitItem] = {
            kind: parse(rate) for kind, rate in rates.items() if rate != OFF
        }
        self._counts = counts
        self._away_until = 0.0

    def take(self, kind: RateKind, caller: str) -> Standing | None:
        """Count a request; None where there is no limit, or none can be told."""
        rate = self._rates.get(kind)
        if rate is None:
            return None
        seconds = rate.get_expiry()
        window, passed = divmod(time.time(), seconds)
        count = self._count(f"stint:{kind}:{caller}:{int(window)}", seconds)
        if count is None:
            return None
        return Standing(
            rate.amount, max(0, rate.amount - count), int(seconds - passed) + 1, count > rate.amount
        )

    def _count(self, key: str, seconds: int) -> int | None:
        """Ask what counts, unless it did not answer a moment ago."""
        if self._away_until and time.monotonic() < self._away_until:
            return None
        try:
            count = self._counts.incr(key, seconds)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is no reason to refuse work
            if not self._away_until:
                logger.warning("rate_limits.off", cause=type(error).__name__)
            self._away_until = time.monotonic() + PAUSE_SECONDS
            return None
        if self._away_until:
            self._away_until = 0.0
            logger.warning("rate_limits.on")
        return count


def _configured_counts(options: Settings) -> Counts:
    """Return what is shared by all processes where there is Redis, and by none otherwise."""
    if options.redis_url is None:
        return ProcessCounts()
    return RedisStorage(
        options.redis_url.get_secret_value(),
        socket_connect_timeout=REDIS_SECONDS,
        socket_timeout=REDIS_SECONDS,
    )


def configured_limiter(options: Settings) -> RateLimiter:
    """Return the limiter that the settings describe."""
    rates = {
        RateKind.READS: options.rate_limit_reads,
        RateKind.WRITES: options.rate_limit_writes,
        RateKind.SIGN_INS: options.rate_limit_sign_ins,
        RateKind.TRANSFERS: options.rate_limit_transfers,
        RateKind.MESSAGES: options.rate_limit_messages,
    }
    return RateLimiter(rates, _configured_counts(options))


rate_limiter = configured_limiter(settings)
