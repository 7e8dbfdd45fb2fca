"""The application, for which hints have to do: it looks for what it missed after minutes only.

tests/live/test_hints.py runs it under gunicorn.
"""

from api import create_app
from services import live_service, presence_service, room_feed

MINUTES = 600

live_service.WATCH_SECONDS = room_feed.POLL_SECONDS = presence_service.RENEW_SECONDS = MINUTES
presence_service.LEASE_SECONDS = 2 * MINUTES

app = create_app()
