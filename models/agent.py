"""Agents: software that works beside people; users of their own, each in the care of a person.

They are rows of `users`. One without an owner was deleted: it is kept for what it did, and nobody
reads, changes or adds it any more.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from models.base import Change, ListQuery, Question, Resource, Schema
from models.lease import Lease
from utils.validators import Id, JsonObject, Label, Labels, Name, Prose, SearchText

CAPABILITIES = (
    "The labels of tasks that it can do. It claims tasks that have one of them, all when there are "
    "none here; tasks that are given to it by name it claims in any case."
)
STATE = (
    "What it is doing, derived from what happened last: working on a task that it holds; waiting "
    "for a person to answer its last comment on one, which has a question mark or mentions a "
    "person; stale when it holds one and was not heard of for half of what its lease lasts, at "
    "least two minutes, or the lease ran out; idle without one; offline when it was not heard of "
    "for ten minutes or is switched off. Of several tasks the liveliest counts, in this order."
)


class AgentState(StrEnum):
    """What an agent is doing; see services/agent_state_service.py."""

    WORKING = "working"
    WAITING = "waiting"
    STALE = "stale"
    IDLE = "idle"
    OFFLINE = "offline"


class AgentCreate(Question):
    """A new agent; whoever makes it owns it."""

    name: Name = Field(examples=["Release builder"])
    kind: Label = Field(
        serialization_alias="agent_kind",
        description="What it is, in your words.",
        examples=["ci", "llm", "script"],
    )
    description: Prose = ""
    capabilities: Labels = Field(
        default_factory=list, description=CAPABILITIES, examples=[["tests", "docs"]]
    )
    agent_metadata: JsonObject = Field(
        default_factory=dict, description="Yours; stored as it is.", examples=[{"model": "small"}]
    )


class AgentUpdate(Change):
    """What its owner may change; members that are absent stay as they are."""

    name: Name = Field("", examples=["Nightly builder"])
    kind: Label = Field("", serialization_alias="agent_kind")
    description: Prose = ""
    capabilities: Labels = Field(default_factory=list, description=CAPABILITIES)
    is_active: bool = Field(True, description="Switching it off ends its API tokens and its timer.")
    agent_metadata: JsonObject = Field(
        default_factory=dict, description="A JSON merge patch (RFC 7396): null removes a member."
    )


class AgentQuery(ListQuery):
    """Filters of the list of agents."""

    owner: Literal["me"] | None = Field(None, description="Only your own.")
    project_id: Id | None = Field(None, description="Only members of this project.")
    search: SearchText | None = Field(None, description="Part of the name.")


class Agent(Resource):
    """An agent, as its owner and everyone in its projects see it."""

    owner_id: Id
    name: str
    kind: str = Field(validation_alias="agent_kind")
    description: str
    capabilities: list[str] = Field(description=CAPABILITIES)
    agent_metadata: dict[str, Any]
    is_active: bool = Field(description="While it is not, its tokens do not work.")


class Sighting(Schema):
    """What an agent is doing, and when it was heard of."""

    state: AgentState = Field(description=STATE)
    last_seen_at: datetime | None = Field(
        description="When it sent its last request, to the minute, or heartbeat; null for never."
    )


class ListedAgent(Sighting, Agent):
    """An agent, with what it is doing."""


class HeldLease(Lease):
    """An agent's hold on a task that has not ended, with what it is doing there."""

    state: Literal[AgentState.WORKING, AgentState.WAITING, AgentState.STALE]


class AgentSession(Sighting):
    """What an agent is doing, and on what of what you may see."""

    agent_id: Id
    leases: list[HeldLease] = Field(description="Its holds on tasks, the oldest first.")
