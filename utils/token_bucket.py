"""How much of something may happen: a steady rate, and more than that for a moment."""

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class TokenBucket:
    """Holds `burst` tokens at most and gets `rate` new ones each second."""

    rate: float
    burst: float
    _tokens: float = field(init=False)
    _filled_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._tokens, self._filled_at = self.burst, time.monotonic()

    def take(self, tokens: float = 1) -> bool:
        """Take tokens; False, and nothing taken, when there are not enough."""
        now = time.monotonic()
        self._tokens = min(self.burst, self._tokens + (now - self._filled_at) * self.rate)
        self._filled_at = now
        if self._tokens < tokens:
            return False
        self._tokens -= tokens
        return True
