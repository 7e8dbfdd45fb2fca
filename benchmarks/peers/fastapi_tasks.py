"""The yardstick: Stint's task routes the way FastAPI's and SQLAlchemy's own manuals teach them.

Async SQLAlchemy with mapped classes and a session per request, asyncpg, pydantic response models,
PyJWT and the user looked up on every request. It works on Stint's own tables, so both sides read
the same rows through the same indexes, and answers with the same fields. What Stint adds to a write
(the event) it does not do; fastapi_events.py does.
"""

import os
from collections.abc import AsyncIterator
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar
from uuid import UUID

import jwt
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, status
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import DateTime, Enum, FetchedValue, ForeignKey, Text, Uuid, func, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from uuid_utils.compat import uuid7

from utils.positions import last_position

SECRET_KEY = os.environ["PEER_SECRET_KEY"]
POOL_SIZE = 20

engine = create_async_engine(os.environ["PEER_DATABASE_URL"], pool_size=POOL_SIZE, max_overflow=0)
async_session = async_sessionmaker(engine, expire_on_commit=False)


class TaskStatus(StrEnum):
    """Where a task stands."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class TaskPriority(StrEnum):
    """How pressing a task is."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    URGENT = "urgent"


class Base(DeclarativeBase):
    """What the mapped classes share."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        datetime: DateTime(timezone=True),
        list[str]: ARRAY(Text),
        dict[str, Any]: JSONB,
        TaskStatus: Enum(TaskStatus, native_enum=False, values_callable=list),
        TaskPriority: Enum(TaskPriority, name="task_priority", values_callable=list),
    }


class UserRow(Base):
    """Who may sign in."""

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str | None]
    name: Mapped[str]
    is_active: Mapped[bool]


class TaskRow(Base):
    """One task; `scope_id`, on which lists are indexed, is its project or else its creator."""

    __tablename__ = "tasks"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    project_id: Mapped[UUID | None]
    created_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    scope_id: Mapped[UUID] = mapped_column(server_default=FetchedValue(), deferred=True)
    assignee_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    delegate_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    parent_id: Mapped[UUID | None]
    blocked_by: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), default=list)
    position: Mapped[str] = mapped_column(default=last_position)
    title: Mapped[str]
    description: Mapped[str]
    status: Mapped[TaskStatus]
    priority: Mapped[TaskPriority]
    due_at: Mapped[datetime | None]
    recurrence: Mapped[str | None]
    series: Mapped[dict[str, Any] | None]
    next_id: Mapped[UUID | None]
    labels: Mapped[list[str]]
    task_metadata: Mapped[dict[str, Any]] = mapped_column("metadata")
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())
    deleted_at: Mapped[datetime | None] = mapped_column(deferred=True)
    version: Mapped[int] = mapped_column(default=1)


class TaskCreate(BaseModel):
    """What a client may say about a new task."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    description: Annotated[str, Field(max_length=20_000)] = ""
    status: TaskStatus = TaskStatus.PENDING
    priority: TaskPriority = TaskPriority.NONE
    due_at: AwareDatetime | None = None
    labels: Annotated[list[str], Field(max_length=20)] = []
    task_metadata: Annotated[dict[str, Any], Field(alias="metadata")] = {}


class TaskOut(BaseModel):
    """What a client is told about a task."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    created_at: datetime
    updated_at: datetime
    version: int
    project_id: UUID | None
    created_by: UUID
    assignee_id: UUID | None
    delegate_id: UUID | None
    parent_id: UUID | None
    blocked_by: list[UUID]
    position: str
    title: str
    description: str
    status: TaskStatus
    priority: TaskPriority
    due_at: datetime | None
    recurrence: str | None
    series: dict[str, Any] | None
    next_id: UUID | None
    labels: list[str]
    task_metadata: Annotated[dict[str, Any], Field(serialization_alias="metadata")]
    started_at: datetime | None
    completed_at: datetime | None


async def get_session() -> AsyncIterator[AsyncSession]:
    """One session for one request."""
    async with async_session() as session:
        yield session


SessionDep = Annotated[AsyncSession, Depends(get_session)]
Credentials = Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]


async def get_token_user_id(credentials: Credentials) -> UUID:
    """The user whom a valid token names."""
    try:
        claims = jwt.decode(
            credentials.credentials,
            SECRET_KEY,
            algorithms=["HS256"],
            options={"require": ["exp", "sub"]},
        )
        return UUID(claims["sub"])
    except (jwt.InvalidTokenError, ValueError):
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "invalid token") from None


TokenUserId = Annotated[UUID, Depends(get_token_user_id)]


async def get_active_user_id(session: SessionDep, user_id: TokenUserId) -> UUID:
    """The same once the database has said that this user is still active."""
    user = await session.get(UserRow, user_id)
    if user is None or not user.is_active:
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "unknown user")
    return user.id


CHECKS = {"database": get_active_user_id, "token": get_token_user_id}
CallerId = Annotated[UUID, Depends(CHECKS[os.environ.get("PEER_USER_CHECK", "database")])]
reading = APIRouter(prefix="/api/v1/tasks", tags=["tasks"])
writing = APIRouter(prefix="/api/v1/tasks", tags=["tasks"])


@reading.get("/{task_id}", response_model=TaskOut)
async def get_task(task_id: UUID, session: SessionDep, caller_id: CallerId) -> TaskRow:
    """One task of the caller."""
    task = await session.scalar(
        select(TaskRow).where(
            TaskRow.id == task_id, TaskRow.scope_id == caller_id, TaskRow.deleted_at.is_(None)
        )
    )
    if task is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "no such task")
    return task


@reading.get("", response_model=list[TaskOut])
async def list_tasks(
    session: SessionDep, caller_id: CallerId, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> list[TaskRow]:
    """The caller's tasks, newest first."""
    tasks = await session.scalars(
        select(TaskRow)
        .where(TaskRow.scope_id == caller_id, TaskRow.deleted_at.is_(None))
        .order_by(TaskRow.created_at.desc(), TaskRow.id.desc())
        .limit(limit)
    )
    return list(tasks)


@writing.post("", response_model=TaskOut, status_code=status.HTTP_201_CREATED)
async def create_task(body: TaskCreate, session: SessionDep, caller_id: CallerId) -> TaskRow:
    """Add a task of the caller."""
    task = TaskRow(created_by=caller_id, **body.model_dump())
    session.add(task)
    await session.commit()
    return task


app = FastAPI(title="FastAPI yardstick")
app.include_router(reading)
app.include_router(writing)
