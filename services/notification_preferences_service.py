"""Notification preferences: read and changed by whose they are."""

from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from models.base import patch_json
from models.notification import NotificationKind
from models.notification_preferences import (
    NotificationPreferences,
    NotificationPreferencesRow,
    NotificationPreferencesUpdate,
    channels_of,
)
from models.principal import Principal
from services.access_service import ME
from services.db_client import DatabaseClient, db
from utils.preconditions import IfMatch

GET = select(NotificationPreferencesRow.version, NotificationPreferencesRow.channels).where(
    NotificationPreferencesRow.user_id == ME
)
ENSURE = (
    insert(NotificationPreferencesRow)
    .values(user_id=bindparam("me"))
    .on_conflict_do_nothing(index_elements=["user_id"])
)


class NotificationPreferencesService:
    """A row is made when somebody first decides something; until then it is as if it were there."""

    def __init__(self, database: DatabaseClient) -> None:
        self._db = database
        self._get = database.prepare(GET)
        self._ensure = database.prepare(ENSURE)

    def get(self, principal: Principal) -> NotificationPreferences:
        """Return one's own preferences."""
        row = self._get.first(me=principal.id) or {"version": 1, "channels": {}}
        return _preferences(**row)

    def update(
        self, principal: Principal, changes: NotificationPreferencesUpdate, if_match: IfMatch
    ) -> NotificationPreferences:
        """Change one's own preferences."""
        self._ensure.execute(me=principal.id)
        row = self._db.session.get_one(
            NotificationPreferencesRow, principal.id, with_for_update=True
        )
        if_match.check(_preferences(row.version, row.channels))
        patch_json(row, "channels", _dump(changes))
        self._db.session.flush()
        return _preferences(row.version, row.channels)


def _dump(changes: NotificationPreferencesUpdate) -> dict[str, Any]:
    decided: dict[str, Any] = changes.model_dump(mode="json", exclude_unset=True)
    channels: dict[str, Any] = decided.get("kinds", {})
    return channels


def _preferences(version: int, channels: dict[str, dict[str, bool]]) -> NotificationPreferences:
    kinds = {kind: channels_of(kind, channels.get(kind, {})) for kind in NotificationKind}
    return NotificationPreferences(version=version, kinds=kinds)


notification_preferences_service = NotificationPreferencesService(db)
