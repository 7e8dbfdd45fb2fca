"""The bus: hints from process to process that there is something new to read.

A hint that gets lost delays, it never loses: the log is the truth, and whoever follows it looks
there every few seconds anyway.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from threading import Event
from time import sleep
from typing import Protocol

from config import settings
from services.db_client import db
from services.live.hints import Hint, pack, unpack
from services.live.loops import run_forever
from services.live.postgres_channel import PostgresChannel
from utils.metrics import WAKE_UPS

# Between two sends: what comes meanwhile goes together. With NOTIFY each send is a transaction, and
# wakes up every process.
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
        self._outgoing: deque[Hint] = deque()
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
            self._outgoing.append(hint)
            self._something_to_send.set()

    def _send(self) -> None:
        self._something_to_send.wait()
        self._something_to_send.clear()
        if messages := pack(self._take()):
            self._channel.send(messages)
        sleep(PAUSE_SECONDS)

    def _take(self) -> list[Hint]:
        """Return what is to be sent; other threads may add to it meanwhile."""
        numbers: dict[tuple[str, str], int] = {}
        while self._outgoing:
            topic, subject, number = self._outgoing.popleft()
            numbers[topic, subject] = max(number, numbers.get((topic, subject), 0))
        return [Hint(*about, number) for about, number in numbers.items()]

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
        WAKE_UPS.inc()
        for hint in unpack(message):
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
