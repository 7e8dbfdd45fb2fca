"""The application and one more route, which sends more into a room than events ever do.

tests/live/test_slow_readers.py runs it under gunicorn.
"""

import random
import time

from flask import Blueprint

from api import create_app
from services.connection_manager import connection_manager
from utils.websocket_frames import text_frame

FRAMES, FRAME_BYTES = 200, 200_000
AT_ONCE, STEADILY, AS_READ = "at-once", "steadily", "as-read"
PAUSE_SECONDS = 0.005

flood = Blueprint("flood", __name__, url_prefix="/flood")


def text_of(number: int) -> str:
    """Return what a frame says; no two say the same."""
    return random.Random(number).randbytes(FRAME_BYTES // 2).hex()


@flood.post("/<room>/<pace>")
def send_all(room: str, pace: str) -> dict[str, str]:
    """Broadcast all frames in a room."""
    frames = [text_frame(text_of(number).encode()) for number in range(FRAMES)]
    for frame in frames:
        connection_manager.broadcast(room, frame)
        if pace == STEADILY:
            time.sleep(PAUSE_SECONDS)
        if pace == AS_READ:
            for connection in connection_manager.with_room(room):
                connection.wait_until_read()
    return {}


@flood.get("/<room>")
def count_listeners(room: str) -> dict[str, int]:
    """Tell how many have the room open."""
    return {"listeners": len(connection_manager.with_room(room))}


app = create_app()
app.register_blueprint(flood)
