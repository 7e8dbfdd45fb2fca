"""The feed: reads the logs of the rooms that somebody here follows, each event once."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from threading import Event as Signal
from time import monotonic, time

from models.event import Event
from services.db_client import DatabaseClient, db
from services.event_bus import EventBus, event_bus
from services.event_log import EventLog, Head, LogState, event_log, is_gapless
from services.live.hints import Hint
from services.live.loops import run_forever
from utils.logger import get_logger
from utils.metrics import RELAY_SECONDS

BATCH = 200
READERS = 4
POLL_SECONDS = 2.0

logger = get_logger(__name__)

Deliver = Callable[[str, Sequence[Event]], None]
Reset = Callable[[str, Head | None], None]


@dataclass(slots=True)
class _Followed:
    """A room that somebody here follows: delivered up to `seq`, to be read up to `wanted`."""

    epoch: str = ""
    seq: int = 0
    wanted: int = 0
    known: bool = False
    queued: bool = False
    followers: int = 0
    waiting: set[Signal] = field(default_factory=set)

    def begin_at(self, epoch: str, seq: int) -> None:
        """Take what the log has now as delivered."""
        self.epoch, self.seq, self.known = epoch, seq, True

    def advance_to(self, seq: int) -> None:
        """Note what was delivered, and wake up whoever waits for it."""
        self.seq = seq
        self.wake_up()

    def wake_up(self) -> None:
        """Let whoever waits look again."""
        for signal in self.waiting:
            signal.set()
        self.waiting.clear()


class RoomFeed:
    """Hands every event of every followed room to `deliver`, room by room in order.

    Whoever follows a room before reading its log misses nothing: what the log does not have yet
    is delivered.
    """

    def __init__(self, database: DatabaseClient, bus: EventBus, log: EventLog) -> None:
        self._db = database
        self._log = log
        self._rooms: dict[str, _Followed] = {}
        self._to_read: SimpleQueue[tuple[str, _Followed]] = SimpleQueue()
        self._look_around = Signal()
        self._is_ending = False
        self.deliver: Deliver = _nobody_listens
        self.reset: Reset = _nobody_listens
        bus.on("room", self._hear)
        bus.on_gap(self._look_around.set)

    def start(self) -> None:
        """Begin to read; before that, whoever waits for something waits in vain."""
        for _ in range(READERS):
            run_forever("feed-reader", self._read_next)
        run_forever("feed-poll", self._poll)

    def stop(self) -> None:
        """Let nobody wait any longer, as this process is about to end."""
        self._is_ending = True
        for followed in self._rooms.values():
            followed.wake_up()

    def follow(self, room: str) -> None:
        """Count one more follower; `locate` must come before anything is delivered."""
        self._rooms.setdefault(room, _Followed()).followers += 1

    def unfollow(self, room: str) -> None:
        """Count one less; a room that nobody follows is not read any more."""
        followed = self._rooms[room]
        followed.followers -= 1
        if not followed.followers:
            del self._rooms[room]

    def locate(self, room: str) -> LogState:
        """Return the state of a followed room's log, within a unit of work."""
        state = self._log.state(room)
        followed = self._rooms[room]
        if not followed.known:
            followed.begin_at(state.epoch, state.seq)
        self._want(room, followed, state.seq)
        return state

    def __len__(self) -> int:
        return len(self._rooms)

    def position(self, room: str) -> int:
        """Return the seq up to which a followed room was delivered here."""
        return self._rooms[room].seq

    @contextmanager
    def following(self, room: str) -> Iterator[None]:
        """Follow a room for a while."""
        self.follow(room)
        try:
            yield
        finally:
            self.unfollow(room)

    def wait_beyond(self, room: str, seq: int, seconds: float) -> bool:
        """Wait until a followed room was delivered beyond `seq`; False when nobody waits longer."""
        deadline = monotonic() + seconds
        while (followed := self._rooms[room]).seq <= seq:
            signal = Signal()
            followed.waiting.add(signal)
            if self._is_ending or not signal.wait(max(0.0, deadline - monotonic())):
                followed.waiting.discard(signal)
                return False
        return True

    def _hear(self, hint: Hint) -> None:
        followed = self._rooms.get(hint.subject)
        if followed is not None:
            self._want(hint.subject, followed, hint.number)

    def _want(self, room: str, followed: _Followed, seq: int) -> None:
        followed.wanted = max(followed.wanted, seq)
        if followed.known and followed.wanted > followed.seq and not followed.queued:
            followed.queued = True
            self._to_read.put((room, followed))

    def _read_next(self) -> None:
        room, followed = self._to_read.get()
        try:
            self._read(room, followed)
        finally:
            followed.queued = False

    def _read(self, room: str, followed: _Followed) -> None:
        """Deliver what is new; it stays queued meanwhile, so nobody else reads the room."""
        while followed.seq < followed.wanted:
            since = followed.seq
            events = self._db.reading(partial(self._log.read, room, since, BATCH))
            if not events or followed.seq != since or self._rooms.get(room) is not followed:
                return
            if not is_gapless(events, since):
                self._start_over(room, followed, Head(followed.epoch, followed.wanted))
                return
            self.deliver(room, events)
            RELAY_SECONDS.observe(max(0.0, time() - events[0].at.timestamp()))
            followed.advance_to(events[-1].seq)

    def _poll(self) -> None:
        """Compare every followed room with its log; this is what a lost hint waits for."""
        self._look_around.wait(POLL_SECONDS)
        self._look_around.clear()
        # What is delivered while the heads are read may lie beyond them.
        before = [(room, each, each.seq) for room, each in self._rooms.items() if each.known]
        if not before:
            return
        heads = self._db.reading(lambda: self._log.heads([room for room, _, _ in before]))
        for room, followed, seq in before:
            head = heads.get(room)
            if head is None or head.epoch != followed.epoch or head.seq < seq:
                self._start_over(room, followed, head)
            else:
                self._want(room, followed, head.seq)

    def _start_over(self, room: str, followed: _Followed, head: Head | None) -> None:
        """Another log has taken the place of the one that was followed."""
        if self._rooms.get(room) is followed:
            logger.warning("feed.starts_over", room=room)
            followed.known, followed.wanted = False, 0
            self.reset(room, head)


def _nobody_listens(*_: object) -> None:
    """Do nothing."""


room_feed = RoomFeed(db, event_bus, event_log)
