"""Frames of RFC 6455 from a server: not masked, whole, and without extensions.

Such a frame is the same bytes for every receiver, so one is made for all of them.
"""

import struct

PING = b"\x89\x00"

_TEXT = 0x81
_SHORT, _MEDIUM = 126, 1 << 16


def text_frame(payload: bytes) -> bytes:
    """Return the frame of a text message; `payload` is UTF-8."""
    size = len(payload)
    if size < _SHORT:
        return struct.pack("!BB", _TEXT, size) + payload
    if size < _MEDIUM:
        return struct.pack("!BBH", _TEXT, 126, size) + payload
    return struct.pack("!BBQ", _TEXT, 127, size) + payload
