"""The protocol of the WebSocket, version 1: one model for each message, told apart by `type`."""

from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, TypeAdapter

from models.event import Event
from models.presence import Presence
from utils.validators import Id

SUBPROTOCOL = "stint.v1"
MESSAGE_MAX_BYTES = 65_536

CLIENT_ID_PATTERN = r"^[A-Za-z0-9._~-]{8,64}$"
IN_REPLY_TO = "The `id` of your message."
ROOM_EXAMPLE = "project:01890a5d-ac96-774b-bcce-b302099a8057"

Room = Annotated[
    str,
    StringConstraints(max_length=60),
    Field(description="`project:{id}` or `user:{id}`.", examples=[ROOM_EXAMPLE]),
]


class CloseCode(IntEnum):
    """Why the server closed a socket."""

    TOO_LARGE = 1009
    RESTARTING = 1012
    UNAUTHENTICATED = 4001
    NOT_A_MEMBER = 4003
    TOO_SLOW = 4008
    FLOODING = 4029


CLOSE_REASONS = {
    CloseCode.TOO_LARGE: "A message was larger than 64 KiB; connect again and send smaller ones.",
    CloseCode.RESTARTING: "The server restarts; connect again after a random pause.",
    CloseCode.UNAUTHENTICATED: "Nobody is signed in, or not any more; sign in and connect again.",
    CloseCode.NOT_A_MEMBER: "Your last open room is closed to you; ask an owner to add you again.",
    CloseCode.TOO_SLOW: "You read too slowly; connect again and resume with since.",
    CloseCode.FLOODING: "You sent too many messages, or have too many sockets; connect with fewer.",
}


class ClientMessage(BaseModel):
    """Base of what clients send."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: str | None = Field(
        None, max_length=64, description="Yours; comes back as `in_reply_to` of the answer."
    )
    traceparent: str | None = Field(
        None,
        max_length=200,
        description="The trace that it is part of, as in the header of W3C Trace Context.",
    )


class Authenticate(ClientMessage):
    """Says who you are, first of all, where neither a header nor a ticket did."""

    type: Literal["authenticate"]
    token: str = Field(max_length=4_000, description="An access token, or an API token.")


class Subscribe(ClientMessage):
    """Opens a room: its events come from now on, and with `since` those that you missed."""

    type: Literal["subscribe"]
    room: Room
    since: int | None = Field(None, ge=0, le=2**63 - 1, description="The last seq that you have.")
    epoch: str | None = Field(
        None, max_length=64, description="The epoch that `since` is of; send it along."
    )


class Unsubscribe(ClientMessage):
    """Leaves a room."""

    type: Literal["unsubscribe"]
    room: Room


class SetPresence(ClientMessage):
    """Tells the others in a room what you are doing; for people.

    What an agent is doing follows from what it does: it gets an error of code `state_is_derived`.
    """

    type: Literal["presence"]
    room: Room
    state: str = Field(
        max_length=64,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="In your own words, up to 64 characters; `active` until you say otherwise.",
        examples=["active", "away", "typing"],
    )


class Ping(ClientMessage):
    """Asks for a pong."""

    type: Literal["ping"]
    id: str | None = Field(None, max_length=64, description="Yours; comes back in the pong.")


class Echo(ClientMessage):
    """Asks for the same data back."""

    type: Literal["echo"]
    data: JsonValue = Field(description="Whatever it is.")


Incoming = Annotated[
    Authenticate | Subscribe | Unsubscribe | SetPresence | Ping | Echo, Field(discriminator="type")
]
INCOMING: TypeAdapter[Incoming] = TypeAdapter(Incoming)
SIGN_IN = TypeAdapter(Authenticate)


class ServerMessage(BaseModel):
    """Base of what the server sends."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


class Welcome(ServerMessage):
    """You are signed in; comes before anything else."""

    type: Literal["welcome"] = "welcome"
    protocol: Literal[1] = Field(1, description="Version of the messages.")
    connection_id: Id = Field(description="Tells you apart in presence.")
    client_id: str = Field(description="The one that you chose.")
    user_id: Id = Field(description="Who you are signed in as; `user:{user_id}` is your own room.")
    request_id: str = Field(description="Name it when you report a problem with the socket.")
    server_time: datetime


class Outcome(StrEnum):
    """What came of a subscription."""

    OK = "ok"
    REPLAY = "replay"
    RESYNC_REQUIRED = "resync_required"


class Subscribed(ServerMessage):
    """A room is open.

    After `ok`, whatever happens comes as events; after `replay`, what you missed comes first. After
    `resync_required` the room is not open: your `since` is older than the log, ahead of it, or of
    another epoch. Fetch a snapshot and subscribe with its seq and epoch.
    """

    type: Literal["subscribed"] = "subscribed"
    room: Room
    epoch: str = Field(description="Which log the seq is of; another one after a restore.")
    seq: int = Field(description="The events after this one follow.")
    outcome: Outcome = Field(description="What follows.")
    present: list[Presence] = Field(
        description="Who has the room open, and agents that work on its tasks."
    )
    in_reply_to: str | None = Field(None, description=IN_REPLY_TO)


class EventMessage(ServerMessage):
    """Something changed; the same event as in the log that REST reads."""

    type: Literal["event"] = "event"
    event: Event


class PresenceChanged(ServerMessage):
    """Who came, went, or does something else now."""

    type: Literal["presence"] = "presence"
    room: Room
    present: list[Presence] = Field(description="Those who came or changed, as they are now.")
    gone: list[Id] = Field(
        description="Ids of connections that are no longer there, and of leases that ended."
    )


class Pong(ServerMessage):
    """The answer to a ping."""

    type: Literal["pong"] = "pong"
    id: str | None = Field(description=IN_REPLY_TO)


class Echoed(ServerMessage):
    """The data of an echo."""

    type: Literal["echo"] = "echo"
    data: JsonValue
    in_reply_to: str | None = Field(None, description=IN_REPLY_TO)


class Revoked(ServerMessage):
    """You may no longer read this room; it is closed for you."""

    type: Literal["revoked"] = "revoked"
    room: Room


class LiveError(ServerMessage):
    """A message of yours could not be followed; the connection lives on."""

    type: Literal["error"] = "error"
    code: str = Field(description="Stable, for programs.", examples=["not_found"])
    detail: str = Field(description="For people: what is wrong and what to do next.")
    request_id: str = Field(description="Name it when you report the problem.")
    room: str | None = Field(None, description="The room that your message was about.")
    in_reply_to: str | None = Field(None, description=IN_REPLY_TO)


CLIENT_MESSAGES: tuple[type[ClientMessage], ...] = (
    Authenticate,
    Subscribe,
    Unsubscribe,
    SetPresence,
    Ping,
    Echo,
)
SERVER_MESSAGES: tuple[type[ServerMessage], ...] = (
    Welcome,
    Subscribed,
    EventMessage,
    PresenceChanged,
    Pong,
    Echoed,
    Revoked,
    LiveError,
)
