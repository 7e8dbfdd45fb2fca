"""FastAPI tuned by an expert: raw asyncpg, no ORM, orjson, nothing between route and bytes.

asyncpg keeps statements prepared on the connections of its pool; they are not reset on their
return, as no request leaves anything behind. A token that was checked once is trusted until it
expires: nobody looks the user up, so that someone who was removed stays in that long. Reads ask for
no more than the yardstick's do; create sends the same statements as Stint.
"""

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache, partial
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import jwt
import orjson
from fastapi import FastAPI, HTTPException, Query, Request, Response, status
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from benchmarks.peers.fastapi_tasks import SECRET_KEY, TaskCreate
from benchmarks.peers.statements import APPEND, CREATE, FIELDS, created_event, new_task

DATABASE_URL = os.environ["PEER_DATABASE_URL"].replace("+asyncpg", "")
POOL_SIZE = 20
TOKENS_KEPT = 10_000

SELECT = f"SELECT {', '.join(FIELDS)} FROM tasks WHERE deleted_at IS NULL AND"  # noqa: S608 - our own names
GET = f"{SELECT} id = $1 AND scope_id = $2"
LIST = f"{SELECT} scope_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2"

to_json = partial(orjson.dumps, option=orjson.OPT_UTC_Z)


@asynccontextmanager
async def pooled(app: FastAPI) -> AsyncIterator[None]:
    """Keep a pool as long as the process serves."""
    async with asyncpg.create_pool(
        DATABASE_URL, min_size=1, max_size=POOL_SIZE, init=set_up, reset=leave_as_it_is
    ) as app.state.pool:
        yield


async def set_up(connection: asyncpg.Connection) -> None:
    """Have ids as text and JSON as what it means."""
    kinds: dict[str, Any] = {"uuid": (str, str), "jsonb": (_to_text, orjson.loads)}
    for name, (encoder, decoder) in kinds.items():
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=encoder, decoder=decoder, format="text"
        )


async def leave_as_it_is(_connection: asyncpg.Connection) -> None:
    """Spare the round trip of a reset."""


def _to_text(value: Any) -> str:
    return value if isinstance(value, str) else to_json(value).decode()


@lru_cache(TOKENS_KEPT)
def read_token(token: str) -> tuple[str, float]:
    """Return whom a valid token names, and when it expires."""
    options = {"require": ["exp", "sub"]}
    claims = jwt.decode(token, SECRET_KEY, algorithms=["HS256"], options=options)
    return str(UUID(claims["sub"])), claims["exp"]


def find_caller(request: Request) -> str:
    """Return who asks; raises HTTPException."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        user_id, expires = read_token(token)
    except (jwt.InvalidTokenError, ValueError):
        expires = 0
    if scheme != "Bearer" or expires < time.time():
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "invalid token")
    return user_id


def answer(content: Any, status_code: int = status.HTTP_200_OK) -> Response:
    """Return an answer that nothing looks at any more."""
    return Response(to_json(content), status_code, media_type="application/json")


app = FastAPI(title="FastAPI by an expert", lifespan=pooled)


@app.get("/api/v1/tasks/{task_id}")
async def get_task(task_id: UUID, request: Request) -> Response:
    """One task of the caller."""
    caller_id = find_caller(request)
    async with app.state.pool.acquire() as connection:
        row = await connection.fetchrow(GET, task_id, caller_id)
    if row is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "no such task")
    return answer(dict(row))


@app.get("/api/v1/tasks")
async def list_tasks(request: Request, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> Response:
    """The caller's tasks, newest first."""
    caller_id = find_caller(request)
    async with app.state.pool.acquire() as connection:
        rows = await connection.fetch(LIST, caller_id, limit)
    return answer([dict(row) for row in rows])


@app.post("/api/v1/tasks")
async def create_task(request: Request) -> Response:
    """Add a task of the caller, and its event."""
    caller_id = find_caller(request)
    try:
        body = TaskCreate.model_validate_json(await request.body())
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None
    values = new_task(body.model_dump(), caller_id)
    async with app.state.pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(CREATE.sql, *values)
        task = dict(zip(FIELDS, row, strict=True))
        event = created_event(caller_id, task["id"], task["version"], task)
        await connection.fetchrow(APPEND.sql, *event)
    return answer(task, status.HTTP_201_CREATED)
