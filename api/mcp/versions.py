"""Versions of MCP: which are spoken, and what a request has to say in each.

Since 2026-07-28 a request says by itself what it needs, in `_meta` and again in headers for whoever
stands between. Before, a handshake said it; as nothing of it is kept here, that is an answer like
any other, and the header alone names the version.
"""

import base64
import re
from typing import Any

from werkzeug.datastructures import Headers

from api.mcp.rpc import ErrorCode, Message, RpcError

VERSION_2025_03 = "2025-03-26"
VERSION_2026_07 = "2026-07-28"
WITH_HANDSHAKE = ("2025-11-25", "2025-06-18", VERSION_2025_03)
VERSIONS = (VERSION_2026_07, *WITH_HANDSHAKE)

META = "io.modelcontextprotocol/"
NAMED_BY = {"tools/call": "name", "resources/read": "uri"}
ENCODED = re.compile(r"=\?base64\?(.*)\?=")


def negotiate(wanted: str) -> str:
    """Return the version for a client that shakes hands: the one it wants, or else our newest."""
    return wanted if wanted in WITH_HANDSHAKE else WITH_HANDSHAKE[0]


def version_in(headers: Headers) -> str:
    """Return the version that a request names; who names none is of before there was a header."""
    return str(headers.get("MCP-Protocol-Version", VERSION_2025_03))


def is_stateless(version: str) -> bool:
    """Tell whether requests of a version say all by themselves."""
    return version == VERSION_2026_07


def check_version(message: Message, headers: Headers) -> None:
    """Refuse versions that are not ours, and messages that are not as their version has it."""
    version = version_in(headers)
    if version not in VERSIONS:
        raise RpcError(
            ErrorCode.UNSUPPORTED_PROTOCOL_VERSION,
            "This version of MCP is not spoken here; use one of data.supported.",
            {"supported": VERSIONS, "requested": version[:100]},
        )
    if message.is_notification:
        return
    if is_stateless(version):
        _check_meta(message)
        _check_header("Mcp-Method", headers.get("Mcp-Method"), message.method)
        if message.method in NAMED_BY:
            name = message.params.get(NAMED_BY[message.method])
            _check_header("Mcp-Name", _decode(headers.get("Mcp-Name")), name)
    if META + "protocolVersion" in message.meta:
        named = message.meta[META + "protocolVersion"]
        _check_header("MCP-Protocol-Version", headers.get("MCP-Protocol-Version"), named)


def _check_meta(message: Message) -> None:
    for name, kind in (("protocolVersion", str), ("clientCapabilities", dict)):
        if not isinstance(message.meta.get(META + name), kind):
            raise RpcError(
                ErrorCode.INVALID_PARAMS,
                f"params._meta must have {META}{name}; every request since {VERSION_2026_07} does.",
            )


def _check_header(name: str, sent: str | None, said: Any) -> None:
    """Refuse a header that others may have acted upon and that is not what the message says."""
    if sent != said:
        raise RpcError(
            ErrorCode.HEADER_MISMATCH,
            f"Header mismatch: {name} is missing or not what the body says.",
        )


def _decode(value: str | None) -> str | None:
    """Read a name from its header, which may be in base64 where it is not plain ASCII."""
    encoded = ENCODED.fullmatch(value or "")
    if encoded is None:
        return value
    try:
        return base64.b64decode(encoded[1], validate=True).decode()
    except ValueError:
        return None  # it matches nothing
