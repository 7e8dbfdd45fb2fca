"""Hints over Redis: where many processes write, it takes the load off the database."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from redis import Redis, RedisError

from utils.errors import UnavailableError

CHANNEL = "stint"
PROBE_SECONDS = 15


class RedisChannel:
    """Publishes and subscribes; Redis keeps nothing.

    Installations that share a Redis hear each other, which costs each a look and nothing more:
    what a hint names is known by an id that is nobody else's.
    """

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(
            url,
            decode_responses=True,
            socket_connect_timeout=3,
            socket_timeout=10,
            health_check_interval=PROBE_SECONDS,
        )

    def send(self, lines: Sequence[str]) -> None:
        """Publish lines in one round trip."""
        with _translating(), self._redis.pipeline(transaction=False) as pipeline:
            for line in lines:
                pipeline.publish(CHANNEL, line)
            pipeline.execute()

    def listen(self) -> Iterator[str | None]:
        """Yield what is published."""
        with _translating(), self._redis.pubsub(ignore_subscribe_messages=True) as subscription:  # type: ignore[no-untyped-call]  # untyped in redis
            subscription.subscribe(CHANNEL)
            yield None
            while True:
                message = subscription.get_message(timeout=5)
                if message is not None:
                    yield message["data"]


@contextmanager
def _translating() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        raise UnavailableError(f"Redis is away: {error}", code="redis_away") from error
