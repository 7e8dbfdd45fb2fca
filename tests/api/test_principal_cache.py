"""Who is behind a token, remembered: never longer than whoever ends it allows."""

import time
from collections.abc import Iterator, Sequence

import pytest

from api.principal_cache import Known, PrincipalCache
from models.principal import Principal
from models.user import UserKind, UserRole
from services.event_bus import EventBus
from services.live.hints import Hint

NEVER = 4_000_000_000.0


class Silence:
    """A channel that carries nothing."""

    def send(self, lines: Sequence[str]) -> None:
        raise NotImplementedError

    def listen(self) -> Iterator[str | None]:
        raise NotImplementedError


class Asked:
    """Counts how often it is asked who is behind a token."""

    def __init__(self, bus: EventBus) -> None:
        self.cache = PrincipalCache(bus)
        self.times = self.looks = 0
        self.meanwhile: list[Hint] = []
        self._bus = bus

    def find(self, name: str = "this one") -> None:
        self.cache.find(name, self._verify, self._look_again)

    def _look_again(self, principal: Principal) -> Principal:
        self.looks += 1
        return principal

    def _verify(self) -> Known:
        self.times += 1
        while self.meanwhile:
            self._bus.publish(self.meanwhile.pop())
        return Known(Principal("me", UserKind.PERSON, UserRole.MEMBER, "UTC", 1, "here"), NEVER)


@pytest.fixture
def bus() -> EventBus:
    """A bus of this process alone."""
    return EventBus(Silence())


@pytest.fixture
def asked(bus: EventBus) -> Asked:
    """Somebody who asks the same again and again."""
    return Asked(bus)


def test_a_token_is_looked_up_once_until_it_is_over(bus: EventBus, asked: Asked) -> None:
    for hint in (Hint("credential", "here"), Hint("user", "me")):
        before = asked.times
        asked.find()
        asked.find()
        assert asked.times == before + 1
        bus.publish(hint)
        asked.find()
        assert asked.times == before + 2
        bus.publish(hint)


def test_what_ends_while_it_is_looked_up_is_not_remembered(asked: Asked) -> None:
    asked.meanwhile = [Hint("credential", "here")]
    asked.find()
    asked.find()
    assert asked.times == 2


def test_the_oldest_goes_when_there_are_too_many(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.principal_cache.SIZE", 2)
    for token in ("first", "second", "third", "second", "third"):
        asked.find(token)
    assert asked.times == 3
    asked.find("first")
    assert asked.times == 4


def test_where_no_hint_comes_a_token_is_trusted_for_a_second(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = time.time()
    looks = []
    for later in (0.0, 0.99, 1.01, 1.5, 2.1):
        monkeypatch.setattr("api.principal_cache.time.time", lambda moment=begin + later: moment)
        asked.find()
        looks.append(asked.looks)
    assert looks == [0, 0, 1, 1, 2]
