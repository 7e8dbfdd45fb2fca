"""The bus: hints from process to process that there is something new to read.

A hint that gets lost delays, it never loses: the log is the truth, and whoever follows it looks
there every few seconds anyway.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from threading import Event
from typing import Protocol

from config import settings
from services.db_client import db
from services.live.hints import Hint, pack, unpack
from services.live.loops import run_forever
from services.live.postgres_channel import PostgresChannel
from utils.metrics import HINTS_HEARD

# What comes within it goes in one message: each is a transaction, and wakes up every process.
PAUSE_SECONDS = 0.005

Handler = Callable[[Hint], None]


class Channel(Protocol):
    """What carries messages between processes."""

    def send(self, messages: Sequence[str]) -> None:
        """Send messages to all processes; raises UnavailableError."""

    def listen(self) -> Iterator[str | None]:
        """Connect, yield None, then the messages of all processes; raises UnavailableError."""


class EventBus:
    """Sends hints after the commit, from one place, and hands those of others to handlers.

    Until it is started, as it is in processes that serve, it carries nothing to others.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._handlers: dict[str, list[Handler]] = defaultdict(list)
        self._gap_handlers: list[Callable[[], None]] = []
        self._outgoing: dict[tuple[str, str], int] = {}
        self._something_to_send = Event()
        self._started = False
        self.is_connected = False  # hears what other processes say

    def on(self, topic: str, handler: Handler) -> None:
        """Call `handler` with every hint of a topic; it must not wait for anything."""
        self._handlers[topic].append(handler)

    def on_gap(self, handler: Callable[[], None]) -> None:
        """Call `handler` whenever hints may have been lost."""
        self._gap_handlers.append(handler)

    def start(self) -> None:
        """Begin to carry hints."""
        self._started = True
        run_forever("bus-sender", self._send)
        run_forever("bus-listener", self._listen)

    def publish(self, hint: Hint) -> None:
        """Send a hint soon; of several about one subject that of the highest number is enough."""
        self._dispatch(hint)
        if self._started:
            subject = hint.topic, hint.subject
            self._outgoing[subject] = max(hint.number, self._outgoing.get(subject, 0))
            self._something_to_send.set()

    def _send(self) -> None:
        self._something_to_send.wait()
        self._something_to_send.clear()
        self._channel.send(pack(self._take()))
        time.sleep(PAUSE_SECONDS)

    def _take(self) -> Iterator[Hint]:
        """Yield what is to be sent; others may add to it meanwhile."""
        while self._outgoing:
            (topic, subject), number = self._outgoing.popitem()
            yield Hint(topic, subject, number)

    def _listen(self) -> None:
        try:
            for message in self._channel.listen():
                self.is_connected = True
                self._receive(message)
        finally:
            self.is_connected = False

    def _receive(self, message: str | None) -> None:
        if message is None:
            for handler in self._gap_handlers:
                handler()
            return
        for hint in unpack(message):
            HINTS_HEARD.inc()
            self._dispatch(hint)

    def _dispatch(self, hint: Hint) -> None:
        for handler in self._handlers[hint.topic]:
            handler(hint)


def _configured_channel() -> Channel:
    if settings.redis_url is None:
        return PostgresChannel(db)
    from services.live.redis_channel import RedisChannel  # noqa: PLC0415 - slow to import

    return RedisChannel(settings.redis_url.get_secret_value())


event_bus = EventBus(_configured_channel())
