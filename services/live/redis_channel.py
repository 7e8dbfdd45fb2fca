"""Hints over Redis: where many processes write, it takes the load off the database."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from redis import Redis, RedisError
from redis import TimeoutError as RedisTimeoutError

from utils.errors import UnavailableError

CHANNEL = "stint"
PROBE_SECONDS = 5.0
ANSWER_SECONDS = 3.0


class RedisChannel:
    """Publishes and subscribes; Redis keeps nothing.

    Installations that share a Redis hear each other, which costs each a look and nothing more:
    what a hint names is known by an id that is nobody else's.
    """

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(
            url,
            decode_responses=True,
            socket_connect_timeout=ANSWER_SECONDS,
            socket_timeout=ANSWER_SECONDS,
        )

    def send(self, messages: Sequence[str]) -> None:
        """Publish messages in one round trip."""
        with _translating(), self._redis.pipeline(transaction=False) as pipeline:
            for message in messages:
                pipeline.publish(CHANNEL, message)
            pipeline.execute()

    def listen(self) -> Iterator[str | None]:
        """Yield what is published; a connection that died without a word is noticed in time."""
        with _translating(), self._redis.pubsub() as subscription:  # type: ignore[no-untyped-call]  # untyped in redis
            subscription.subscribe(CHANNEL)
            is_asked = False
            while True:
                message = subscription.get_message(timeout=PROBE_SECONDS)
                if message is None and is_asked:
                    raise RedisTimeoutError("it does not answer")
                if message is None:
                    subscription.ping()
                elif message["type"] == "subscribe":
                    yield None  # not before it holds: what comes in between would be missed
                elif message["type"] == "message":
                    yield message["data"]
                is_asked = message is None


@contextmanager
def _translating() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        raise UnavailableError(f"Redis is away: {error}", code="redis_away") from error
