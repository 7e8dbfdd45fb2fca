"""What a client is told when the service itself fails, and what its events cost."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from config import settings
from models.event import Event
from models.live import Outcome, ServerMessage
from models.principal import Principal
from models.user import UserKind, UserRole
from services.connection_manager import ConnectionManager
from services.event_log import LogState
from services.live_service import LiveService
from services.subscription_service import SubscriptionService
from utils.helpers import new_id, utc_now

if TYPE_CHECKING:
    from services.room_feed import RoomFeed

ME = new_id()
SOMEBODY = Principal(ME, UserKind.PERSON, UserRole.MEMBER, "UTC", 1, new_id())
ROOM = f"user:{ME}"


def fake(**methods: Callable[..., object]) -> Any:
    """Return something that can do this and nothing else."""
    return SimpleNamespace(**methods)


def ignore(*_: object) -> None: ...


class FakeConnection:
    """Sends what it was made with, and keeps what it is sent."""

    closed_with = None

    def __init__(self, *messages: dict[str, Any]) -> None:
        self.id, self.client_id, self.request_id = new_id(), "laptop-1", "26b15e0d"
        self.rooms: set[str] = set()
        self.refusals = 0
        self.sent: list[ServerMessage] = []
        self.frames: list[bytes] = []
        self._messages = [json.dumps(message) for message in messages]
        self.socket = SimpleNamespace(heard_at=float("inf"))
        self.pinged_at = float("inf")

    def receive(self) -> str | None:
        return self._messages.pop(0) if self._messages else None

    def send(self, message: ServerMessage) -> None:
        self.sent.append(message)

    def send_frame(self, frame: bytes) -> None:
        self.frames.append(frame)


class FakeFeed:
    """Knows of a log with nine events, of which none was delivered yet, nor will be."""

    def __init__(self) -> None:
        self.followers = 0
        self.deliver: Callable[[str, list[Event]], None]

    def follow(self, _room: str) -> None:
        self.followers += 1

    def unfollow(self, _room: str) -> None:
        self.followers -= 1

    @contextmanager
    def following(self, room: str) -> Iterator[None]:
        self.follow(room)
        try:
            yield
        finally:
            self.unfollow(room)

    def locate(self, _room: str) -> LogState:
        return LogState("epoch", 9, 1)

    def wait_beyond(self, *_: object) -> bool:
        return False


class FakeEvents:
    """Lets everybody into every room, and fails when told to."""

    failure: Exception | None = None

    def require_entry(self, *_: object) -> None:
        if self.failure:
            raise self.failure


class World:
    """A service among collaborators that do next to nothing."""

    def __init__(self) -> None:
        self.connections = ConnectionManager(settings)
        self.feed, self.events = FakeFeed(), FakeEvents()
        database: Any = fake(reading=lambda work: work())
        feed = cast("RoomFeed", self.feed)
        presence: Any = fake(enter=lambda *_: [], leave=ignore)
        subscriptions = SubscriptionService(
            database=database,
            events=fake(require_entry=self.events.require_entry),
            log=fake(),
            feed=feed,
            connections=self.connections,
            presence=presence,
        )
        self.service = LiveService(
            database=database,
            bus=fake(on=ignore),
            credentials=fake(find_live=set),
            feed=feed,
            connections=self.connections,
            presence=presence,
            subscriptions=subscriptions,
        )

    def serve(self, *messages: dict[str, Any]) -> list[Any]:
        """Return the answers to messages of one connection, after the welcome."""
        connection: Any = FakeConnection(*messages)
        self.service.serve(connection, SOMEBODY)
        assert connection.rooms == set()
        return list(connection.sent[1:])


@pytest.fixture
def world() -> World:
    return World()


def test_a_defect_is_an_error_and_the_connection_lives_on(world: World) -> None:
    world.events.failure = RuntimeError("only for the log")
    error, pong = world.serve(
        {"type": "subscribe", "room": ROOM, "id": "1"}, {"type": "ping", "id": "2"}
    )
    assert (error.code, error.room, error.in_reply_to) == ("internal_error", ROOM, "1")
    assert "only for the log" not in error.detail
    assert (pong.type, pong.id) == ("pong", "2")
    assert world.feed.followers == 0


def test_a_log_that_cannot_be_followed_is_an_error_and_its_room_is_closed(world: World) -> None:
    subscribed, error = world.serve({"type": "subscribe", "room": ROOM, "since": 5, "id": "1"})
    assert subscribed.outcome is Outcome.REPLAY
    assert (error.code, error.room, error.in_reply_to) == ("unavailable", ROOM, "1")
    assert world.feed.followers == 0


def test_an_event_is_encoded_once_for_however_many_receivers(world: World) -> None:
    receivers: list[Any] = [FakeConnection() for _ in range(3)]
    for receiver in receivers:
        world.connections.join(receiver, ROOM)
    event = Event.model_validate(
        {"room": ROOM, "seq": 1, "type": "task.created", "at": utc_now(), "client_id": None}
        | {"actor": ME, "subject": ME, "version": 1, "data": {}}
    )
    world.feed.deliver(ROOM, [event])
    frames = [frame for receiver in receivers for frame in receiver.frames]
    assert len(frames) == 3
    assert len({id(frame) for frame in frames}) == 1
