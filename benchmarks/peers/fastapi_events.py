"""The yardstick, whose create also does what Stint's does: it tells of the task in an event.

The room's counter and the event go into the transaction of the task by the very statement of Stint,
which spares it a round trip that the ORM's manual would take. What Stint does after the commit, to
wake those who listen, it leaves out.
"""

from fastapi import FastAPI, status

from benchmarks.peers.fastapi_tasks import (
    CallerId,
    SessionDep,
    TaskCreate,
    TaskOut,
    TaskRow,
    reading,
)
from benchmarks.peers.statements import APPEND, created_event

app = FastAPI(title="FastAPI yardstick with events")
app.include_router(reading)


@app.post("/api/v1/tasks", response_model=TaskOut, status_code=status.HTTP_201_CREATED)
async def create_task(body: TaskCreate, session: SessionDep, caller_id: CallerId) -> TaskRow:
    """Add a task of the caller, and its event."""
    task = TaskRow(created_by=caller_id, **body.model_dump())
    session.add(task)
    await session.flush()
    data = TaskOut.model_validate(task).model_dump(mode="json", by_alias=True)
    event = created_event(str(caller_id), str(task.id), task.version, data)
    connection = await session.connection()
    await connection.exec_driver_sql(APPEND.sql, tuple(event))
    await session.commit()
    return task
