"""The log of events, read: what happened in a room, and how far back that is known."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, func, select, text

from config import settings
from models.event import Event, EventRow
from services.db_client import DatabaseClient, db
from services.portions import delete_portion
from utils.errors import NotFoundError

READ = (
    select(
        EventRow.room,
        EventRow.seq,
        EventRow.type,
        EventRow.at,
        EventRow.actor_id.label("actor"),
        EventRow.client_id,
        EventRow.request_id,
        EventRow.subject_id.label("subject"),
        EventRow.version,
        EventRow.data,
    )
    .where(EventRow.room == bindparam("room"), EventRow.seq > bindparam("since"))
    .order_by(EventRow.seq)
    .limit(bindparam("limit"))
)

# A restored dump writes the one row of the log anew, in another transaction: whatever way a backup
# came back, the epoch is another one. A restored copy of the files is told apart by `epoch` alone.
EPOCH = "(SELECT md5(concat_ws(' ', epoch, xmin, tableoid)) FROM event_log)"

STATE = text(
    f"""
    SELECT seq, {EPOCH} AS epoch,
           COALESCE((SELECT min(events.seq) FROM events WHERE room = :room), seq + 1) AS oldest
    FROM rooms WHERE id = :room
    """  # noqa: S608 - a constant
)
HEADS = text(
    f"SELECT id, seq, {EPOCH} AS epoch FROM rooms WHERE id = ANY(CAST(:rooms AS text[]))"  # noqa: S608 - a constant
)

PURGE = delete_portion(
    EventRow, EventRow.at < func.now() - func.make_interval(0, 0, 0, bindparam("days"))
)


@dataclass(frozen=True, slots=True)
class LogState:
    """What is there of a room's log: events `oldest` to `seq`, of one epoch."""

    epoch: str
    seq: int
    oldest: int

    def continues(self, since: int, epoch: str | None) -> bool:
        """Tell whether all that came after `since` of `epoch` is there."""
        return epoch in (None, self.epoch) and self.oldest - 1 <= since <= self.seq


@dataclass(frozen=True, slots=True)
class Head:
    """Where a room's log ends."""

    epoch: str
    seq: int


def is_gapless(events: Sequence[Event], since: int) -> bool:
    """Tell whether events come right after `since`, and none between them is gone.

    Purging deletes what is old in no order, so for a moment a room's log may have gaps.
    """
    return not events or events[-1].seq == since + len(events)


class EventLog:
    """Reads the log and cuts it; who may read which room is for others to say."""

    def __init__(self, database: DatabaseClient) -> None:
        self._read = database.prepare(READ)
        self._state = database.prepare(STATE)
        self._heads = database.prepare(HEADS)
        self._purge = database.prepare(PURGE)

    def read(self, room: str, since: int, limit: int) -> list[Event]:
        """Return the events of a room after `since`, oldest first."""
        rows = self._read.all(room=room, since=since, limit=limit)
        return [Event.model_validate(row) for row in rows]

    def state(self, room: str) -> LogState:
        """Return what there is of a room; NotFoundError where there is none."""
        row = self._state.first(room=room)
        if row is None:
            raise NotFoundError("There is no such room; check its id.")
        return LogState(row["epoch"], row["seq"], row["oldest"])

    def heads(self, rooms: Sequence[str]) -> dict[str, Head]:
        """Return where the logs of these rooms end; of those that there are."""
        rows = self._heads.all(rooms=list(rooms))
        return {row["id"]: Head(row["epoch"], row["seq"]) for row in rows}

    def purge(self) -> dict[str, int]:
        """Delete some of the events that are past retention; returns how many, until none is."""
        return {"events": self._purge.execute(days=settings.event_days)}


event_log = EventLog(db)
