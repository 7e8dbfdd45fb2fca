"""Planning: which events are to be sent to which webhooks.

A write to a room that webhooks follow asks for one `webhooks.plan`. That makes a delivery of each
event since the last one planned, for each webhook that wants to know of it.
"""

from typing import Any

from sqlalchemy import text

from models.delivery import Replay
from models.webhook import Webhook
from services.db_client import DatabaseClient, db
from services.event_service import PLAN_WEBHOOKS, project_room
from services.job_queue import JobQueue, Lane, job_queue
from services.prepared import Prepared, Row
from services.webhook_sender import WebhookSender, webhook_sender
from utils.helpers import new_id

PLANNED_AT_ONCE = 500

# Of several that plan at once the others wait here, and then go on from what is planned.
OPEN_WEBHOOKS = text(
    """
    SELECT webhooks.id, event_types, planned
    FROM webhooks JOIN projects ON projects.id = project_id
    WHERE project_id = CAST(:project_id AS uuid) AND webhooks.active
      AND projects.deleted_at IS NULL
    ORDER BY webhooks.id FOR UPDATE OF webhooks
    """
)
EVENTS = text(
    """
    SELECT seq, type FROM events WHERE room = :room AND seq > :since AND seq <= :until
    ORDER BY seq LIMIT :limit
    """
)
PLAN = """
    INSERT INTO deliveries (id, webhook_id, seq, type, next_attempt_at)
    SELECT event.id, :webhook_id, event.seq, event.type, now()
    FROM unnest(
        CAST(:ids AS uuid[]), CAST(:seqs AS bigint[]), CAST(:types AS text[])
    ) AS event (id, seq, type)
    ON CONFLICT (webhook_id, seq) DO
"""
PLAN_ONCE = text(f"{PLAN} NOTHING")
PLAN_AGAIN = text(
    f"""
    {PLAN} UPDATE SET status = 'pending', round_began = deliveries.attempts,
        next_attempt_at = now()
    """
)
NOTE_PLANNED = text("UPDATE webhooks SET planned = :seq WHERE id = :id")
FOR_EVER = 2**63 - 1


class WebhookPlanner:
    """Makes deliveries of events."""

    def __init__(self, database: DatabaseClient, queue: JobQueue, sender: WebhookSender) -> None:
        self._db = database
        self._sender = sender
        self._open_webhooks = database.prepare(OPEN_WEBHOOKS)
        self._events = database.prepare(EVENTS)
        self._plan_once = database.prepare(PLAN_ONCE)
        self._plan_again = database.prepare(PLAN_AGAIN)
        self._note_planned = database.prepare(NOTE_PLANNED)
        queue.job(PLAN_WEBHOOKS, self.plan, lane=Lane.WEBHOOKS)

    def plan(self, room: str) -> None:
        """Make deliveries of the events that have none."""
        while self._db.transaction(lambda: self._plan_some(room)):
            pass

    def _plan_some(self, room: str) -> bool:
        """Return whether there may be more."""
        webhooks = self._open_webhooks.all(project_id=room.removeprefix(project_room("")))
        if not webhooks:
            return False
        since = min(webhook["planned"] for webhook in webhooks)
        events = self._read(room, since, FOR_EVER)
        for webhook in webhooks:
            new = [event for event in events if event["seq"] > webhook["planned"]]
            if new:
                self._insert(self._plan_once, webhook["id"], webhook["event_types"], new)
                self._note_planned.execute(id=webhook["id"], seq=new[-1]["seq"])
        return len(events) == PLANNED_AT_ONCE

    def replay(self, webhook: Webhook, body: Replay) -> int:
        """Let events be sent once more, or those for the first time that were not; how many."""
        room, since, count = project_room(webhook.project_id), body.since, 0
        while events := self._read(room, since, body.until):
            count += self._insert(self._plan_again, webhook.id, webhook.event_types, events)
            since = events[-1]["seq"]
        return count

    def _read(self, room: str, since: int, until: int) -> list[Row]:
        return self._events.all(room=room, since=since, until=until, limit=PLANNED_AT_ONCE)

    def _insert(
        self, statement: Prepared, webhook_id: str, types: list[str], events: list[dict[str, Any]]
    ) -> int:
        """Make deliveries of the events that a webhook wants to know of; returns how many."""
        wanted = [event for event in events if not types or event["type"] in types]
        if wanted:
            statement.execute(
                webhook_id=webhook_id,
                ids=[new_id() for _ in wanted],
                seqs=[event["seq"] for event in wanted],
                types=[event["type"] for event in wanted],
            )
            self._sender.send_soon(webhook_id)
        return len(wanted)


webhook_planner = WebhookPlanner(db, job_queue, webhook_sender)
