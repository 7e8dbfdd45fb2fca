"""The AsyncAPI 3 document of the WebSocket, written from the models of its messages."""

from functools import cache
from typing import Any

import orjson
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api.openapi import VERSION
from config import settings
from models.live import (
    CLIENT_ID_PATTERN,
    CLIENT_MESSAGES,
    CLOSE_REASONS,
    SERVER_MESSAGES,
    SUBPROTOCOL,
)

REFERENCE = "#/components/schemas/{model}"

CLIENT_ID = (
    "The `client_id` names this device or tab: 8 to 64 letters, digits and . _ ~ -. "
    "Send it as `X-Client-Id` with REST changes to know them again among the events."
)

INTRODUCTION = f"""\
Every change in the rooms that you have open, in order, once.

Connect to `/ws/{{client_id}}` and prove who you are: with the header `Authorization: Bearer ...`;
or from a browser with the subprotocols `{SUBPROTOCOL}` and `ticket.{{ticket}}`, the ticket being of
`POST {settings.api_prefix}/ws/tickets`; or with a first message `authenticate` within 5 seconds.

{CLIENT_ID} Messages are JSON objects that their `type` tells apart.

Fetch `{settings.api_prefix}/rooms/{{room}}/snapshot` and subscribe with its `epoch` and `seq`: what
happened since comes as events. Remember the `seq` of the last one in each room, pass over any that
you have already, and subscribe with it when a connection was lost: so you miss nothing.

When the server closes, it says why, and behind that in brackets the request to name in a report.
"""


def describe() -> dict[str, Any]:
    """Return the document."""
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Stint, live", "version": VERSION, "description": INTRODUCTION},
        "defaultContentType": "application/json",
        "channels": {"live": _channel()},
        "operations": {
            "receive": _operation("receive", "What clients send", CLIENT_MESSAGES),
            "send": _operation("send", "What the server sends", SERVER_MESSAGES),
        },
        "components": {
            "messages": {
                model.__name__: _message(model) for model in (*CLIENT_MESSAGES, *SERVER_MESSAGES)
            },
            "schemas": _schemas(),
        },
    }


def _channel() -> dict[str, Any]:
    names = [model.__name__ for model in (*CLIENT_MESSAGES, *SERVER_MESSAGES)]
    return {
        "address": "/ws/{client_id}",
        "title": "The WebSocket",
        "parameters": {
            "client_id": {
                "description": CLIENT_ID,
                "examples": ["laptop-7f3a"],
            }
        },
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
        "x-client-id-pattern": CLIENT_ID_PATTERN,
        "x-close-codes": {str(int(code)): reason for code, reason in CLOSE_REASONS.items()},
    }


def _operation(action: str, summary: str, models: tuple[type[BaseModel], ...]) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": "#/channels/live"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/live/messages/{model.__name__}"} for model in models],
    }


def _message(model: type[BaseModel]) -> dict[str, Any]:
    """Describe a message; its docstring is the description."""
    description = " ".join((model.__doc__ or "").split())
    return {
        "name": model.model_fields["type"].annotation.__args__[0],  # type: ignore[union-attr]  # a Literal
        "title": model.__name__,
        "summary": description.partition(". ")[0].rstrip(".") + ".",
        "description": description,
        "payload": {"$ref": REFERENCE.format(model=model.__name__)},
    }


def _schemas() -> dict[str, Any]:
    incoming = [(model, "validation") for model in CLIENT_MESSAGES]
    outgoing = [(model, "serialization") for model in SERVER_MESSAGES]
    _, schema = models_json_schema([*incoming, *outgoing], ref_template=REFERENCE)  # type: ignore[list-item]  # a Literal each
    found: dict[str, Any] = schema["$defs"]
    return found


@cache
def document_of() -> bytes:
    """Return the document as it is sent; written once for each process."""
    return orjson.dumps(describe(), option=orjson.OPT_INDENT_2)
