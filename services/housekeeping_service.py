"""Housekeeping: what has expired, or lain in the trash for long, is deleted for good."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from services.api_token_service import api_token_service
from services.attempt_service import attempt_service
from services.audit_service import audit_service
from services.challenge_service import challenge_service
from services.db_client import DatabaseClient, db
from services.delivery_service import delivery_service
from services.event_log import event_log
from services.idempotency_service import idempotency_service
from services.job_queue import JobQueue, job_queue
from services.job_service import job_service
from services.mail_token_service import mail_token_service
from services.notification_service import notification_service
from services.session_service import session_service
from services.sign_on_service import sign_on_service
from services.ticket_service import ticket_service
from services.trash_service import trash_service
from utils.errors import ServiceError
from utils.logger import get_logger

EVERY_HOUR = "17 * * * *"

Purge = Callable[[], Mapping[str, int]]

logger = get_logger(__name__)


class HousekeepingService:
    """Purges by portions, each in a transaction of its own; several at a time do no harm.

    Each of `purges` deletes a portion and tells how many of what, until nothing is left.
    """

    def __init__(self, database: DatabaseClient, jobs: JobQueue, purges: Sequence[Purge]) -> None:
        self._db = database
        self._purges = purges
        jobs.every(EVERY_HOUR, "housekeeping.purge", self._purge_for_worker)

    def purge(self) -> dict[str, int]:
        """Delete all that is due; returns how many of what. Opens its transactions itself.

        What fails keeps nothing else from being purged; its error is raised after that.
        """
        counts: Counter[str] = Counter()
        errors = []
        for purge in self._purges:
            try:
                self._purge_all(purge, counts)
            except ServiceError as error:
                errors.append(error)
        if errors:
            raise errors[0]
        return dict(counts)

    def _purge_all(self, purge: Purge, counts: Counter[str]) -> None:
        while any((portion := self._db.transaction(purge)).values()):
            counts.update(portion)
        counts.update(portion)

    def _purge_for_worker(self) -> None:
        counts = self.purge()
        logger.info(
            "housekeeping.purged", **{name.replace(" ", "_"): counts[name] for name in counts}
        )


housekeeping_service = HousekeepingService(
    db,
    job_queue,
    [
        idempotency_service.purge,
        ticket_service.purge,  # before the sessions, which look for theirs one by one
        sign_on_service.purge,
        session_service.purge,
        mail_token_service.purge,
        challenge_service.purge,
        api_token_service.purge,
        attempt_service.purge,
        event_log.purge,
        trash_service.purge,
        audit_service.purge,
        notification_service.purge,
        delivery_service.purge,
        job_service.purge,
    ],
)
