"""The limit: bare WSGI and Stint's statements in raw psycopg, on Stint's own gunicorn worker.

There is no framework, nothing is validated, and nobody checks who asks: the token is the id of a
user. What a framework, rights, limits, logs and metrics cost is the distance to this.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar
from urllib.parse import parse_qs

import orjson
import psycopg
from gevent.queue import LifoQueue
from psycopg.types.json import JsonbDumper, set_json_loads
from psycopg.types.string import TextLoader

from benchmarks.peers.statements import (
    APPEND,
    CREATE,
    FIELDS,
    GET,
    LIST,
    Statement,
    created_event,
    new_task,
)
from services import gevent_wait

DATABASE_URL = os.environ["PEER_DATABASE_URL"].replace("+asyncpg", "")
POOL_SIZE = 15  # Stint's own
PATH = "/api/v1/tasks"

Connection = psycopg.Connection[Any]
Start = Callable[[str, list[tuple[str, str]]], Any]


class Nothing:
    """What the worker starts and stops with Stint."""

    def start(self) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""


class JsonDumper(JsonbDumper):
    """Dictionaries are JSONB wherever they are a parameter."""

    @staticmethod
    def _dumps(value: Any) -> bytes:
        return orjson.dumps(value, option=orjson.OPT_UTC_Z)


class Application:
    """What the worker serves."""

    extensions: ClassVar[dict[str, Nothing]] = {"live": Nothing(), "process_metrics": Nothing()}

    def __init__(self) -> None:
        self._idle: LifoQueue[Connection | None] = LifoQueue()
        for _ in range(POOL_SIZE):
            self._idle.put(None)  # one that is opened when it is needed

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        """Answer a request."""
        user_id = environ.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer ")
        if not user_id:
            return _answer(start, "401 Unauthorized", {})
        if environ["REQUEST_METHOD"] == "POST":
            return _answer(start, "201 Created", self._create(user_id, environ))
        if environ["PATH_INFO"] == PATH:
            return _answer(start, "200 OK", self._list(user_id, environ))
        task = self._get(user_id, environ["PATH_INFO"].rpartition("/")[2])
        return _answer(start, "200 OK" if task else "404 Not Found", task)

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        connection = self._idle.get() or _connect()
        try:
            yield connection
        finally:
            self._idle.put(connection)

    def _get(self, user_id: str, task_id: str) -> dict[str, Any] | None:
        with self._connection() as connection:
            row = _run(connection, GET, GET.values({"id": task_id, "me": user_id})).fetchone()
        return row and dict(zip(FIELDS, row, strict=True))

    def _list(self, user_id: str, environ: dict[str, Any]) -> list[dict[str, Any]]:
        limit = int(parse_qs(environ["QUERY_STRING"]).get("limit", ["50"])[0])
        values = LIST.values({"me": user_id})
        with self._connection() as connection:
            rows = _run(connection, LIST, values).fetchmany(limit)
        return [dict(zip(FIELDS, row, strict=False)) for row in rows]  # two keys come last

    def _create(self, user_id: str, environ: dict[str, Any]) -> dict[str, Any]:
        body = orjson.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        values = new_task(body, user_id)
        with self._connection() as connection:
            connection.execute("BEGIN")
            row = _run(connection, CREATE, values).fetchone()
            task = dict(zip(FIELDS, row or (), strict=True))
            _run(connection, APPEND, created_event(user_id, task["id"], task["version"], task))
            connection.execute("COMMIT")
        return task


def _connect() -> Connection:
    connection = psycopg.connect(
        DATABASE_URL, autocommit=True, options="-c timezone=UTC -c jit=off"
    )
    connection.adapters.register_loader("uuid", TextLoader)
    connection.adapters.register_dumper(dict, JsonDumper)
    set_json_loads(orjson.loads, connection)
    return connection


def _run(connection: Connection, statement: Statement, values: list[Any]) -> psycopg.Cursor[Any]:
    return psycopg.RawCursor(connection).execute(statement.sql.encode(), values)


def _answer(start: Start, status: str, content: object) -> Iterable[bytes]:
    body = orjson.dumps(content, option=orjson.OPT_UTC_Z)
    start(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


gevent_wait.install()
app = Application()
