"""Long polls: the feed of a room for whoever has no WebSocket, like curl."""

from models.event import EventQuery
from models.principal import Principal
from services.credential_service import CredentialService, credential_service
from services.db_client import DatabaseClient, db
from services.event_log import LogState
from services.event_service import EventService, event_service
from services.room_feed import RoomFeed, room_feed


class LongPollService:
    """Waits for events without holding anything of the database."""

    def __init__(
        self,
        database: DatabaseClient,
        credentials: CredentialService,
        events: EventService,
        feed: RoomFeed,
    ) -> None:
        self._db = database
        self._credentials = credentials
        self._events = events
        self._feed = feed

    def wait(self, principal: Principal, room: str, query: EventQuery) -> None:
        """Return when there are events after `query.since`, or after `query.wait` seconds.

        An entry point of its own. The caller is looked up again, as that may be over meanwhile.
        """
        if not query.wait:
            return
        with self._feed.following(room):
            state = self._db.reading(lambda: self._enter(principal, room))
            if state.seq == query.since and state.continues(query.since, query.epoch):
                self._feed.wait_beyond(room, query.since, query.wait)
        self._db.reading(lambda: self._credentials.find_again(principal))

    def _enter(self, principal: Principal, room: str) -> LogState:
        self._events.require_entry(principal, room)
        return self._feed.locate(room)


long_poll_service = LongPollService(db, credential_service, event_service, room_feed)
