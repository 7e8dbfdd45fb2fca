"""Sending what is planned for webhooks, in order, and again until it arrives.

Of `webhooks.send` there is only ever one at a time for a webhook: it sends what is due, by seq.
What fails is due again later, and until then others go ahead. All that is known stands in
`deliveries`, so that any of these jobs may be done twice, and one that is killed is simply done
again. A receiver that timed out would take a place among the calls of the worker from all others:
it is called at places of its own until it answers.
"""

import time
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import text

from models.delivery import PING, Message
from models.notification import NotificationKind
from services.db_client import DatabaseClient, db
from services.event_service import project_room
from services.job_queue import Job, JobQueue, Lane, job_queue
from services.notification_service import NotificationService, notification_service
from services.prepared import Row
from services.secret_box import SecretBox, secret_box
from services.webhook_service import WebhookService, webhook_service
from services.webhooks.caller import Answer, WebhookCaller, webhook_caller
from services.webhooks.pauses import end_of_rest, next_attempt
from services.webhooks.signing import signed_headers
from utils.helpers import utc_now
from utils.logger import get_logger
from utils.trace_context import Errand, current_errand, on_errand

BODY_MAX_BYTES = 20_000  # less than this
TURN_SECONDS = 20.0  # then other webhooks are served first
OVERDUE_SECONDS = 60
GONE = 410
LINE = "webhook:"  # then the id of one: its jobs are done one after another

# Pings come first, and reach those that are switched off as well. Each kind is asked for by itself:
# in one the order would not be that of an index.
DUE = """
    SELECT id AS delivery_id, seq, type, attempts, round_began, created_at
    FROM deliveries
    WHERE webhook_id = webhooks.id AND status = 'pending' AND next_attempt_at <= now()
"""
NEXT = text(
    f"""
    SELECT delivery_id AS id, seq, type, attempts, round_began, due.created_at,
           webhooks.id AS webhook_id, project_id, url, secret, timeouts,
           CASE WHEN old_secret_until > now() THEN old_secret END AS old_secret,
           resting_until > now() AS resting
    FROM webhooks
    JOIN projects ON projects.id = project_id AND projects.deleted_at IS NULL
    CROSS JOIN LATERAL (
        ({DUE} AND seq IS NULL LIMIT 1)
        UNION ALL
        ({DUE} AND seq IS NOT NULL AND webhooks.active ORDER BY seq LIMIT 1)
    ) AS due
    WHERE webhooks.id = :id
    ORDER BY seq NULLS FIRST LIMIT 1
    """  # noqa: S608 - of the text above
)
# What nobody is woken for: it was due while its project was in the trash, or its job was given up.
OVERDUE = text(
    """
    SELECT webhooks.id FROM webhooks
    JOIN projects ON projects.id = project_id AND projects.deleted_at IS NULL
    WHERE COALESCE(resting_until, '-infinity') <= now()
      AND EXISTS (
          SELECT FROM deliveries
          WHERE webhook_id = webhooks.id AND status = 'pending'
            AND next_attempt_at <= now() - make_interval(secs => :seconds)
            AND (webhooks.active OR seq IS NULL)
      )
      AND NOT EXISTS (
          SELECT FROM procrastinate_jobs
          WHERE lock = :line || webhooks.id AND status IN ('todo', 'doing')
      )
    """
)
EVENT = text(
    """
    SELECT type, at AS timestamp, room, seq, actor_id AS actor, client_id, request_id, traceparent,
           subject_id AS subject, version, data
    FROM events WHERE room = :room AND seq = :seq
    """
)
# Somebody may have asked for it once more, or switched the webhook off, while it was sent.
NOTE_ANSWER = text(
    """
    UPDATE deliveries SET
        attempts = attempts + 1, last_attempt_at = now(), answer_status = :status,
        answer = :answer, ms = :ms, error = :error,
        status = CASE WHEN 'pending' = status OR 'delivered' = :state THEN :state ELSE status END,
        next_attempt_at = CASE WHEN status = 'pending' THEN CAST(:next AS timestamptz) END
    WHERE id = :id
    """
)
NOTE_TIMEOUTS = text(
    "UPDATE webhooks SET timeouts = :timeouts, resting_until = :until WHERE id = :id"
)

OWNERS = text(
    """
    SELECT user_id FROM memberships WHERE project_id = CAST(:project_id AS uuid) AND role = 'owner'
    """
)

logger = get_logger(__name__)


class WebhookSender:
    """Makes deliveries, and gives up on receivers that do not work."""

    def __init__(
        self,
        database: DatabaseClient,
        queue: JobQueue,
        webhooks: WebhookService,
        notifications: NotificationService,
        box: SecretBox,
        caller: WebhookCaller,
    ) -> None:
        self._db = database
        self._queue = queue
        self._webhooks = webhooks
        self._notifications = notifications
        self._box = box
        self._caller = caller
        self._next = database.prepare(NEXT)
        self._overdue = database.prepare(OVERDUE)
        self._event = database.prepare(EVENT)
        self._note_answer = database.prepare(NOTE_ANSWER)
        self._owners = database.prepare(OWNERS)
        self._note_timeouts = database.prepare(NOTE_TIMEOUTS)
        self._send = queue.job("webhooks.send", self.send, lane=Lane.WEBHOOKS)
        self._send_late = queue.job("webhooks.send_late", self.send_late, lane=Lane.LATE_WEBHOOKS)
        # One that waits for its time would hold up the line.
        self._wake = queue.job("webhooks.wake", self.wake, lane=Lane.WEBHOOKS)
        queue.every("* * * * *", "webhooks.wake_overdue", self.wake_overdue)

    def send_soon(self, webhook_id: str) -> None:
        """Ask for what is due to be sent."""
        self._join_line(self._send, webhook_id)

    def _join_line(self, job: Job, webhook_id: str) -> None:
        job.defer(in_line=f"{LINE}{webhook_id}", webhook_id=webhook_id)

    def wake(self, webhook_id: str) -> None:
        """Join the line of a webhook, now that something is due again."""
        self._db.transaction(lambda: self.send_soon(webhook_id))

    def wake_overdue(self) -> None:
        """Wake whoever has something due that no job is going to send."""
        for row in self._db.reading(lambda: self._overdue.all(seconds=OVERDUE_SECONDS, line=LINE)):
            self.wake(row["id"])

    def send(self, webhook_id: str) -> None:
        """Send what is due, for a while; then other webhooks have their turn."""
        end = time.monotonic() + TURN_SECONDS
        while delivery := self._next_due(webhook_id):
            if delivery["timeouts"]:
                self._db.transaction(lambda: self._join_line(self._send_late, webhook_id))
                return
            self._attempt(delivery)
            if time.monotonic() > end or self._queue.stopping.is_set():
                self.wake(webhook_id)
                return

    def send_late(self, webhook_id: str) -> None:
        """Try once a receiver that timed out, where others like it are all that it holds up."""
        if delivery := self._next_due(webhook_id):
            self._attempt(delivery)
            self.wake(webhook_id)

    def _next_due(self, webhook_id: str) -> Row | None:
        delivery = self._db.reading(lambda: self._next.first(id=webhook_id))
        return None if delivery is None or delivery["resting"] else delivery

    def _attempt(self, delivery: Row) -> None:
        event = self._db.reading(lambda: self._event_of(delivery))
        if event is None:
            answer = Answer(0, error="the event is older than EVENT_DAYS and was deleted")
            self._db.transaction(lambda: self._note(delivery, answer, "failed", None))
            return
        with _on_errand_of(event):
            self._send_message(delivery, _encode(Message.model_validate(event)))

    def _send_message(self, delivery: Row, body: bytes) -> None:
        stored = [delivery["secret"], delivery["old_secret"]]
        keys = [self._box.decrypt(secret) for secret in stored if secret is not None]
        headers = signed_headers(delivery["id"], utc_now(), body, keys)
        answer = self._caller.post(delivery["url"], headers, body)
        _log_call(delivery, answer)
        self._db.transaction(lambda: self._conclude(delivery, answer))

    def _event_of(self, delivery: Row) -> Row | None:
        """Return what is sent; None when there is no such event any more."""
        room = project_room(delivery["project_id"])
        if delivery["seq"] is None:
            return {"type": PING, "timestamp": delivery["created_at"], "room": room, "seq": None}
        return self._event.first(room=room, seq=delivery["seq"])

    def _conclude(self, delivery: Row, answer: Answer) -> None:
        """Note what came of an attempt, and what follows from it.

        Like everybody else it locks the webhook first, where it must, and then deliveries.
        """
        self._note_rest(delivery, answer)
        if answer.is_success:
            self._note(delivery, answer, "delivered", None)
            return
        is_ping = delivery["seq"] is None
        made = delivery["attempts"] - delivery["round_began"]
        at = None if is_ping else next_attempt(made, answer.retry_after)
        if at is None or answer.status == GONE:
            if answer.status == GONE or not is_ping:
                self._give_up(delivery, answer)
            self._note(delivery, answer, "failed", None)
        else:
            self._note(delivery, answer, "pending", at)
            self._wake.defer(at=at, webhook_id=delivery["webhook_id"])

    def _note(self, delivery: Row, answer: Answer, state: str, at: datetime | None) -> None:
        self._note_answer.execute(
            id=delivery["id"],
            status=answer.status,
            answer=answer.text,
            ms=answer.ms,
            error=answer.error,
            state=state,
            next=at,
        )

    def _note_rest(self, delivery: Row, answer: Answer) -> None:
        """Remember how often in a row the receiver kept us waiting."""
        timeouts = delivery["timeouts"] + 1 if answer.timed_out else 0
        if timeouts == delivery["timeouts"]:
            return
        until = end_of_rest(timeouts)
        self._note_timeouts.execute(id=delivery["webhook_id"], timeouts=timeouts, until=until)
        if until is not None:
            self._wake.defer(at=until, webhook_id=delivery["webhook_id"])

    def _give_up(self, delivery: Row, answer: Answer) -> None:
        """Switch a webhook off and tell the owners of its project."""
        reason = "gone" if answer.status == GONE else "failing"
        row = self._webhooks.disable(delivery["webhook_id"], delivery["url"], reason)
        if row is None:
            return
        logger.warning("webhook.disabled", webhook_id=row.id, reason=reason)
        self._notifications.notify(
            NotificationKind.WEBHOOK_DISABLED,
            [owner["user_id"] for owner in self._owners.all(project_id=row.project_id)],
            key=f"webhook_disabled:{row.id}:{row.version}",
            project_id=row.project_id,
            subject_id=row.id,
            title=urlsplit(row.url).hostname or "",
        )


def _on_errand_of(event: Row) -> AbstractContextManager[object]:
    """Send an event for the request that made it: one job sends those of several."""
    current, request_id = current_errand(), event.get("request_id")
    if request_id is None or (current is not None and current.request_id == request_id):
        return nullcontext()
    return on_errand(Errand(request_id).part_of(event["traceparent"]))


def _log_call(delivery: Row, answer: Answer) -> None:
    """Tell operators what came of a call, without the address, which may hold a secret."""
    call = {
        "webhook_id": delivery["webhook_id"],
        "delivery_id": delivery["id"],
        "status": answer.status,
        "ms": answer.ms,
    }
    if answer.is_success:
        logger.info("webhook.called", **call)
    else:
        reason = answer.error or f"the answer is {answer.status}"
        logger.warning("webhook.called", reason=reason, **call)


def _encode(message: Message) -> bytes:
    """Return the body; what is too large goes without its data, which is at rooms/{room}/events."""
    body = message.model_dump_json().encode()
    if len(body) < BODY_MAX_BYTES:
        return body
    return message.model_copy(update={"data": None, "truncated": True}).model_dump_json().encode()


webhook_sender = WebhookSender(
    db, job_queue, webhook_service, notification_service, secret_box, webhook_caller
)
