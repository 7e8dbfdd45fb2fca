"""Hints on their way from process to process."""

from collections.abc import Iterator, Sequence
from queue import SimpleQueue
from threading import Event

import pytest

from services import event_bus
from services.db_client import db
from services.event_bus import EventBus
from services.event_service import project_room
from services.live.hints import Hint, pack, unpack
from services.live.postgres_channel import PostgresChannel
from tests.waiting import PATIENCE
from utils.helpers import new_id


class KeptChannel:
    """Keeps the hints of each message."""

    def __init__(self) -> None:
        self.messages: SimpleQueue[list[Hint]] = SimpleQueue()

    def send(self, messages: Sequence[str]) -> None:
        for message in messages:
            self.messages.put(unpack(message))

    def listen(self) -> Iterator[str | None]:
        Event().wait()  # nobody says anything
        yield None


class Pause:
    """Lasts until it is ended."""

    def __init__(self) -> None:
        self.begun, self.ended = Event(), Event()

    def __call__(self, _seconds: float) -> None:
        self.begun.set()
        self.ended.wait(PATIENCE)


def test_the_first_hint_goes_at_once_and_those_behind_it_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pause, channel = Pause(), KeptChannel()
    monkeypatch.setattr(event_bus, "sleep", pause)
    bus = EventBus(channel)
    bus.start()
    bus.publish(Hint("room", "a", 1))
    assert channel.messages.get(timeout=PATIENCE) == [Hint("room", "a", 1)]
    assert pause.begun.wait(PATIENCE)
    for number in (2, 4, 3):  # whose commit was first may be told of last
        bus.publish(Hint("room", "a", number))
    bus.publish(Hint("presence", "a"))
    assert channel.messages.empty()
    pause.ended.set()
    told = channel.messages.get(timeout=PATIENCE)
    assert told == [Hint("room", "a", 4), Hint("presence", "a")]


@pytest.mark.usefixtures("database")
def test_postgresql_takes_messages_of_many_hints() -> None:
    hints = [Hint("room", project_room(new_id()), 2**63 - 1) for _ in range(640)]
    messages = pack(hints)
    assert len(messages) == 10
    assert [hint for message in messages for hint in unpack(message)] == hints
    PostgresChannel(db).send(messages)
