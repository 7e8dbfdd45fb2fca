"""The bus: what it sends to other processes, and in how many messages."""

from collections.abc import Iterator, Sequence
from threading import Event
from types import SimpleNamespace

import pytest

from services.event_bus import EventBus, Hint
from tests.waiting import PATIENCE, wait_until


class Recorder:
    """A channel that keeps what is sent, and on which nothing comes."""

    def __init__(self) -> None:
        self.messages: list[Sequence[str]] = []

    def send(self, lines: Sequence[str]) -> None:
        self.messages.append(lines)

    def listen(self) -> Iterator[str | None]:
        Event().wait()
        yield None


def test_what_comes_right_behind_a_hint_shares_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    waits, is_over = Event(), Event()

    def sleep(_seconds: float) -> None:
        waits.set()
        is_over.wait()

    monkeypatch.setattr("services.event_bus.time", SimpleNamespace(sleep=sleep))
    channel = Recorder()
    bus = EventBus(channel)
    bus.start()
    bus.publish(Hint("room", "here", 1))
    assert waits.wait(PATIENCE)
    assert channel.messages == [["room here 1"]]
    for hint in (Hint("room", "here", 2), Hint("room", "there", 1), Hint("room", "here", 3)):
        bus.publish(hint)
    assert len(channel.messages) == 1
    is_over.set()
    wait_until(lambda: len(channel.messages) == 2)
    assert channel.messages[1] == ["room here 3", "room there 1"]
