"""Messages as they go over the wire."""

from models.live import ServerMessage
from utils.websocket_frames import text_frame


def frame_of(message: ServerMessage) -> bytes:
    """Encode a message, once for however many receivers."""
    return text_frame(message.model_dump_json().encode())
