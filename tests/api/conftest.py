"""What tests of several routes ask for."""

from collections.abc import Callable

import pytest

from services.rate_limiter import ProcessCounts, RateKind, RateLimiter

Limiting = Callable[..., None]


@pytest.fixture
def limiting(monkeypatch: pytest.MonkeyPatch) -> Limiting:
    """Sets how many requests of a kind there may be in a day, counted from now on."""

    def limit(**most: int) -> None:
        rates = {RateKind(kind): f"{count} per day" for kind, count in most.items()}
        limiter = RateLimiter(rates, ProcessCounts())
        monkeypatch.setattr("api.middleware.rate_limit.rate_limiter", limiter)

    return limit
