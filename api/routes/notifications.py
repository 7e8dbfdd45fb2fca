"""Notifications, by which ways they come, and messages to others."""

from flask import Blueprint

from api.endpoint import endpoint
from models.message import MessageCreate, QueuedMessage
from models.notification import AllRead, Notification, NotificationQuery
from models.notification_preferences import NotificationPreferences, NotificationPreferencesUpdate
from models.principal import Principal
from models.scope import Scope
from services.message_service import message_service
from services.notification_preferences_service import notification_preferences_service
from services.notification_service import notification_service
from utils.pages import Page
from utils.preconditions import IfMatch

notifications = Blueprint("notifications", __name__)


@notifications.get("/notifications")
@endpoint(access=Scope.NOTIFY_READ)
def list_notifications(principal: Principal, query: NotificationQuery) -> Page[Notification]:
    """List what concerns you, newest first; it is kept for 90 days."""
    return notification_service.page(principal, query)


@notifications.post("/notifications/read-all")
@endpoint(access=Scope.NOTIFY_WRITE)
def read_all_notifications(principal: Principal) -> AllRead:
    """Mark all of your notifications as read; of very many, the older ones are a moment later."""
    return notification_service.read_all(principal)


@notifications.post("/notifications/<id:notification_id>/read")
@endpoint(access=Scope.NOTIFY_WRITE)
def read_notification(principal: Principal, notification_id: str) -> Notification:
    """Mark a notification of yours as read."""
    return notification_service.read(principal, notification_id)


@notifications.post("/notify")
@endpoint(access=Scope.NOTIFY_WRITE, status=202)
def send_message(principal: Principal, body: MessageCreate) -> QueuedMessage:
    """Send a message to somebody who shares a project with you, or to yourself.

    Administrators may write to everybody. It becomes a notification, which goes by mail to whoever
    has not preferred otherwise.
    """
    return message_service.send(principal, body)


@notifications.get("/users/me/notification-preferences")
@endpoint(access=Scope.ACCOUNT_READ)
def get_preferences(principal: Principal) -> NotificationPreferences:
    """Read by which ways you are told of what."""
    return notification_preferences_service.get(principal)


@notifications.patch("/users/me/notification-preferences")
@endpoint(access=Scope.ACCOUNT_WRITE)
def update_preferences(
    principal: Principal, body: NotificationPreferencesUpdate, if_match: IfMatch
) -> NotificationPreferences:
    """Change by which ways you are told of what."""
    return notification_preferences_service.update(principal, body, if_match)
