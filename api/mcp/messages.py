"""What clients and the server of MCP tell each other, as in MCP's schema."""

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from api.mcp.rpc import Params

MINUTE = 60_000  # in milliseconds


class Initialize(Params):
    """What the handshake of older versions tells."""

    protocol_version: str = Field(alias="protocolVersion")


class ListPage(Params):
    """Which page of a list."""

    cursor: str | None = None


class CallTool(Params):
    """Which tool to call with what."""

    name: str
    arguments: dict[str, Any] | None = None


class ReadResource(Params):
    """Which resource to read."""

    uri: str


class Part(BaseModel):
    """Base of what answers are made of."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True)


class Result(Part):
    """Base of results. `fresh_for` is how long it may be kept, in milliseconds, None for not."""

    fresh_for: ClassVar[int | None] = None
    cache_scope: ClassVar[Literal["public", "private"]] = "private"


class Implementation(Part):
    """Who speaks."""

    name: str
    title: str
    version: str


class Capabilities(Part):
    """What the server has to offer; nothing is announced when it changes."""

    tools: dict[str, Any] = Field(default_factory=dict)
    resources: dict[str, Any] = Field(default_factory=dict)


class Initialized(Result):
    """The server's part of the handshake."""

    protocol_version: str
    capabilities: Capabilities
    server_info: Implementation
    instructions: str


class Discovered(Result):
    """What there is to know before anything is asked."""

    fresh_for = 60 * MINUTE
    cache_scope = "public"

    supported_versions: list[str]
    capabilities: Capabilities
    instructions: str


class Annotations(Part):
    """What clients may tell people about a tool before they let it be called."""

    read_only_hint: bool
    destructive_hint: bool
    idempotent_hint: bool
    open_world_hint: bool = False


class ToolDescription(Part):
    """A tool, as clients show it to models."""

    name: str
    title: str
    description: str
    input_schema: dict[str, Any]
    output_schema: dict[str, Any]
    annotations: Annotations


class ToolList(Result):
    """The tools that the caller's scopes permit."""

    fresh_for = 5 * MINUTE

    tools: list[ToolDescription]


class TextContent(Part):
    """Text for a model."""

    type: Literal["text"] = "text"
    text: str


class ToolResult(Result):
    """What came of a call; `structured_content` is the same JSON as the text."""

    content: list[TextContent]
    structured_content: Any = None
    is_error: bool = False


class ResourceDescription(Part):
    """Something to read."""

    uri: str
    name: str
    title: str
    description: str
    mime_type: str


class ResourceList(Result):
    """A page of what there is to read."""

    fresh_for = 0

    resources: list[ResourceDescription]
    next_cursor: str | None = None


class ResourceTemplate(Part):
    """A family of resources."""

    uri_template: str
    name: str
    title: str
    description: str
    mime_type: str


class ResourceTemplateList(Result):
    """All families of resources."""

    fresh_for = 60 * MINUTE
    cache_scope = "public"

    resource_templates: list[ResourceTemplate]


class ResourceContents(Part):
    """A resource as it is now."""

    uri: str
    mime_type: str
    text: str


class ReadResult(Result):
    """What was read."""

    fresh_for = 0

    contents: list[ResourceContents]
