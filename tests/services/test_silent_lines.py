"""Connections on which nothing comes back any more, though they are open."""

import asyncio
from collections.abc import Iterator

import psycopg
import pytest

from config import settings
from services.db_client import DatabaseClient
from services.event_bus import Channel
from services.live.postgres_channel import PostgresChannel
from services.live.redis_channel import RedisChannel
from services.patient_connection import SILENT, PatientAsyncConnection
from services.worker import connector_for
from tests.proxy import DatabaseProxy, Proxy, Way, Weather
from tests.sql import run
from tests.test_live_delivery import redis_answers
from utils.errors import UnavailableError

pytestmark = pytest.mark.faults

SILENCE = Weather(swallows=frozenset(Way))
IMPATIENT = settings.model_copy(update={"database_statement_ms": 100})


@pytest.fixture
def proxy(database: str) -> Iterator[DatabaseProxy]:
    with DatabaseProxy.before(database) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: DatabaseProxy) -> Iterator[DatabaseClient]:
    client = DatabaseClient(lambda: proxy.url, IMPATIENT)
    yield client
    client.dispose()


def test_a_write_whose_commit_is_not_answered_is_given_up(
    client: DatabaseClient, proxy: DatabaseProxy
) -> None:
    def write() -> None:
        run(client, "SELECT 1")
        proxy.weather = SILENCE

    with pytest.raises(UnavailableError, match="cannot be reached"):
        client.transaction(write)
    proxy.clear_up()
    assert client.transaction(lambda: run(client, "SELECT 2")) == 2


def test_a_read_that_is_not_answered_is_repeated_on_another_connection(
    client: DatabaseClient, proxy: DatabaseProxy
) -> None:
    reads: list[str] = []

    def read() -> int:
        proxy.weather = SILENCE if not reads else Weather()
        reads.append("begun")
        return int(run(client, "SELECT 3"))

    client.reading(lambda: run(client, "SELECT 1"))
    assert client.reading(read) == 3
    assert len(reads) == 2


def test_the_worker_gives_up_who_does_not_answer(database: str) -> None:
    async def ask() -> None:
        url = database.replace("+psycopg", "")
        async with await PatientAsyncConnection.connect(url) as connection:
            connection.patience = 0.1
            await connection.execute("SELECT pg_sleep(60)")

    with pytest.raises(psycopg.OperationalError, match=SILENT):
        asyncio.run(ask())


@pytest.mark.usefixtures("database")
def test_what_the_worker_waits_no_longer_for_the_server_has_ended() -> None:
    async def ask() -> float:
        connector = connector_for(1)
        await connector.open_async()
        limit = "SELECT setting::int AS ms FROM pg_settings WHERE name = 'statement_timeout'"
        row = await connector.execute_query_one_async(limit)
        await connector.close_async()
        return float(row["ms"]) / 1000

    patience = PatientAsyncConnection.patience
    assert patience is not None
    assert 0 < asyncio.run(ask()) < patience


def notices_silence(channel: Channel, proxy: Proxy) -> bool:
    """Tell whether who listens on a line that died finds it out."""
    heard = channel.listen()
    assert next(heard) is None
    proxy.weather = SILENCE
    with pytest.raises(UnavailableError):
        next(heard)
    return True


def test_who_listens_to_the_database_notices_that_it_is_silent(
    client: DatabaseClient, proxy: DatabaseProxy
) -> None:
    assert notices_silence(PostgresChannel(client), proxy)


@pytest.mark.skipif(not redis_answers(), reason="no Redis answers on 127.0.0.1:6379")
def test_who_listens_to_redis_notices_that_it_is_silent() -> None:
    with Proxy(("127.0.0.1", 6379)).opened() as proxy:
        channel = RedisChannel(f"redis://127.0.0.1:{proxy.port}/0")
        assert notices_silence(channel, proxy)


@pytest.mark.skipif(not redis_answers(), reason="no Redis answers on 127.0.0.1:6379")
def test_nobody_listens_to_redis_before_it_has_heard_of_it() -> None:
    with Proxy(("127.0.0.1", 6379)).opened() as proxy:
        proxy.on_question = lambda piece: b"SUBSCRIBE" not in piece
        with pytest.raises(UnavailableError):
            next(RedisChannel(f"redis://127.0.0.1:{proxy.port}/0").listen())
