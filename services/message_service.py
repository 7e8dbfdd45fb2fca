"""Messages: from an administrator to anybody, from everybody else to those they work with."""

from sqlalchemy import Boolean, bindparam, or_, select

from models.message import MessageCreate, QueuedMessage
from models.notification import NotificationKind
from models.principal import Principal
from models.user import UserKind, UserRole, UserRow
from services.access_service import ME, shares_project
from services.db_client import DatabaseClient, db
from services.notification_service import NotificationService, notification_service
from services.rate_limiter import RateKind, RateLimiter, rate_limiter
from utils.errors import NotFoundError, TooManyRequestsError
from utils.helpers import new_id

FIND = select(UserRow.id).where(
    or_(UserRow.id == bindparam("user_id"), UserRow.email == bindparam("email")),
    UserRow.kind == UserKind.PERSON,
    UserRow.is_active,
    or_(bindparam("is_admin", type_=Boolean()), UserRow.id == ME, shares_project(UserRow.id)),
)


class MessageService:
    """Sends messages as notifications, so many of one sender."""

    def __init__(
        self, database: DatabaseClient, notifications: NotificationService, rates: RateLimiter
    ) -> None:
        self._notifications = notifications
        self._rates = rates
        self._find = database.prepare(FIND)

    def send(self, principal: Principal, body: MessageCreate) -> QueuedMessage:
        """Send a message; whom one may not write to is not told from whom there is not."""
        self._count(principal)
        row = self._find.first(
            user_id=body.user_id,
            email=body.email,
            is_admin=principal.role is UserRole.ADMIN,
            me=principal.id,
        )
        made = self._notifications.tell(
            NotificationKind.MESSAGE,
            [row["id"]] if row else [],
            key=f"message {new_id()}",
            actor_id=principal.id,
            title=body.subject,
            message=body.message,
        )
        if not made:
            raise NotFoundError(
                "There is nobody with this address or id in a project of yours; add them first."
            )
        return QueuedMessage(status="queued", id=made[0])

    def _count(self, principal: Principal) -> None:
        standing = self._rates.take(RateKind.MESSAGES, principal.id)
        if standing is not None and standing.exceeded:
            raise TooManyRequestsError(
                f"These were more than {standing.limit:,} messages in a while; wait as long as "
                "Retry-After says.",
                seconds=standing.reset,
            )


message_service = MessageService(db, notification_service, rate_limiter)
