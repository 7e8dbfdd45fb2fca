"""Hints on their way from process to process."""

from collections.abc import Iterator, Sequence
from queue import SimpleQueue
from threading import Event

import pytest

from services.db_client import db
from services.event_bus import EventBus
from services.event_service import project_room
from services.live.hints import HINTS_OF_A_MESSAGE, Hint, pack, unpack
from services.live.postgres_channel import PostgresChannel
from tests.waiting import PATIENCE
from utils.helpers import new_id


class SlowChannel:
    """Takes a message, and no other before it was allowed to."""

    def __init__(self) -> None:
        self.taken: SimpleQueue[list[Hint]] = SimpleQueue()
        self.may_go_on = Event()

    def send(self, messages: Sequence[str]) -> None:
        self.taken.put([hint for message in messages for hint in unpack(message)])
        assert self.may_go_on.wait(PATIENCE)

    def listen(self) -> Iterator[str | None]:
        Event().wait()  # nobody says anything
        yield None


def test_what_comes_while_a_message_is_sent_goes_in_the_next() -> None:
    channel = SlowChannel()
    bus = EventBus(channel)
    bus.start()
    bus.publish(Hint("room", "a", 1))
    assert channel.taken.get(timeout=PATIENCE) == [Hint("room", "a", 1)]
    for number in (2, 4, 3):  # whose commit was first may be told of last
        bus.publish(Hint("room", "a", number))
    bus.publish(Hint("presence", "a"))
    channel.may_go_on.set()
    assert set(channel.taken.get(timeout=PATIENCE)) == {Hint("room", "a", 4), Hint("presence", "a")}


@pytest.mark.usefixtures("database")
def test_postgresql_takes_as_many_hints_as_a_message_may_have() -> None:
    hints = {
        Hint("room", project_room(new_id()), 2**63 - 1) for _ in range(10 * HINTS_OF_A_MESSAGE)
    }
    channel = PostgresChannel(db)
    messages = pack(hints)
    assert len(messages) == 10
    listening = channel.listen()
    assert next(listening) is None
    channel.send(messages)
    heard: set[Hint] = set()
    while not hints <= heard:  # other tests may say something, too
        heard.update(unpack(next(listening) or ""))
