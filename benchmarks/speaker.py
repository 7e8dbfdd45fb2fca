"""Who writes events into a room, and what its receivers say to be told of them."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks.database import Database
from benchmarks.reader import Reader

WRITE = """
    WITH room AS (UPDATE rooms SET seq = seq + %(count)s WHERE id = %(room)s RETURNING id, seq),
    written AS (
        INSERT INTO events (room, seq, at, type, actor_id, subject_id, version, data)
        SELECT room.id, room.seq - %(count)s + number, clock_timestamp(), 'task.updated',
               %(user_id)s, %(user_id)s, 1, jsonb_build_object('filling', repeat('x', 120))
        FROM room, generate_series(1, %(count)s) AS number
    )
    SELECT pg_notify('stint', 'room ' || id || ' ' || seq) FROM room
"""

Say = Callable[[int, float], None]  # so many messages, with pauses of so many seconds between them


@contextmanager
def speaker(database: Database, reader: Reader) -> Iterator[Say]:
    """Yield what writes events into the room of a reader's project: at once, or with pauses."""
    values = {"room": f"project:{reader.project_id}", "user_id": reader.user_id}
    with database.connect() as connection:

        def say(messages: int, pause: float) -> None:
            if not pause:
                connection.execute(WRITE, values | {"count": messages})
                return
            started = time.monotonic()
            for number in range(1, messages + 1):
                connection.execute(WRITE, values | {"count": 1})
                time.sleep(max(0.0, started + number * pause - time.monotonic()))

        yield say


def subscription(reader: Reader) -> tuple[list[str], bytes]:
    """Return the headers and the first message of a socket that follows that room."""
    message = {"type": "subscribe", "room": f"project:{reader.project_id}"}
    return [f"Authorization: Bearer {reader.token}"], json.dumps(message).encode()
