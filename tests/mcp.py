"""Messages to /mcp, sent by hand or by the official client."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from werkzeug.test import TestResponse

from tests.factories import Person
from tests.records import Record
from tests.server import Server

HANDSHAKE = "2025-11-25"
STATELESS = "2026-07-28"
BATCHING = "2025-03-26"
META = "io.modelcontextprotocol/"

Mode = Literal["legacy", "auto"]
T = TypeVar("T")


def post(person: Person, message: Any, **headers: str) -> TestResponse:
    """Send a message by hand, in a version with a handshake unless headers say otherwise."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if person.tokens:
        named.setdefault("Authorization", f"Bearer {person.tokens['access_token']}")
    named.setdefault("MCP-Protocol-Version", HANDSHAKE)
    return person.client.post("/mcp", json=message, headers=named)


def request(method: str, **params: Any) -> Record:
    """Return a request as the versions with a handshake have it."""
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def stateless(person: Person, method: str, **params: Any) -> TestResponse:
    """Send a request as it is since there is no handshake."""
    meta = {META + "protocolVersion": STATELESS, META + "clientCapabilities": {}}
    headers = {"MCP_Protocol_Version": STATELESS, "Mcp_Method": method}
    if named := params.get("name") or params.get("uri"):
        headers["Mcp_Name"] = named
    return post(person, request(method, **params, _meta=meta), **headers)


def result(answer: TestResponse) -> Record:
    """Return what a request got that has a result."""
    assert answer.status_code == 200, answer.text
    told: Record = answer.get_json()["result"]
    return told


def error(answer: TestResponse) -> tuple[int, int]:
    """Return the status and the code of what a request got that has none."""
    return answer.status_code, answer.get_json()["error"]["code"]


def call(person: Person, tool: str, arguments: Record, **meta: Any) -> Record:
    """Call a tool by hand; returns its result."""
    params = {"name": tool, "arguments": arguments} | ({"_meta": meta} if meta else {})
    return result(post(person, request("tools/call", **params)))


def content(told: Record) -> Record:
    """Return what a tool answered."""
    assert not told["isError"], told
    found: Record = told["structuredContent"]
    return found


def problem(told: Record) -> Record:
    """Return the problem that a tool answered with."""
    assert told["isError"], told
    found: Record = json.loads(told["content"][0]["text"])
    return found


def talk(
    server: Server,
    person: Person,
    conversation: Callable[[Client], Awaitable[T]],
    mode: Mode = "auto",
) -> T:
    """Let the official client talk with a server as somebody."""
    headers = {"Authorization": f"Bearer {person.tokens['access_token']}"}

    async def connect() -> T:
        async with (
            httpx2.AsyncClient(headers=headers) as http,
            Client(streamable_http_client(f"{server.url}/mcp", http_client=http), mode=mode) as it,
        ):
            return await conversation(it)

    return anyio.run(connect)
