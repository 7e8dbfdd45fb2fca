"""JSON-RPC 2.0, which MCP is spoken in."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.arguments import field_errors
from api.problem import Problem, problem_of
from utils.errors import ServiceError

FAULTS_NAMED = 3

JsonRpcId = str | Annotated[int, Field(ge=-(2**63), lt=2**63)]


class ErrorCode(IntEnum):
    """Codes of JSON-RPC and of MCP; other problems have the status of HTTP as their code."""

    PARSE_ERROR = -32700
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    INTERNAL_ERROR = -32603
    OLD_RESOURCE_NOT_FOUND = -32002  # until 2025-11-25; INVALID_PARAMS since then
    HEADER_MISMATCH = -32020
    UNSUPPORTED_PROTOCOL_VERSION = -32022


class RpcError(Exception):
    """A message that is not answered with a result; `data` becomes a member of the error."""

    def __init__(self, code: int, message: str, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data or {}


def faults(error: ValidationError, place: str) -> str:
    """Name what is wrong with a message."""
    found = field_errors(error, place)[:FAULTS_NAMED]
    return ", ".join(f"{each.field[:100]}: {each.message}" for each in found)


class Params(BaseModel):
    """Base of what requests are about; members that are not ours are let be, as MCP has it."""

    model_config = ConfigDict(strict=True)


P = TypeVar("P", bound=Params)


class Message(BaseModel):
    """A request, or without an id a notification, which gets no answer."""

    model_config = ConfigDict(strict=True)

    jsonrpc: Literal["2.0"]
    id: JsonRpcId = ""
    method: str
    params: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def read(cls, sent: Any) -> Self:
        """Return a message as it was sent; RpcError for anything else."""
        try:
            return cls.model_validate(sent)
        except ValidationError as error:
            told = f"This is no message of JSON-RPC 2.0: {faults(error, 'message')}."
            raise RpcError(ErrorCode.INVALID_REQUEST, told) from None

    @property
    def is_notification(self) -> bool:
        """True where nobody waits for an answer."""
        return "id" not in self.model_fields_set

    def params_as(self, model: type[P]) -> P:
        """Return what a request is about; RpcError where it does not say that."""
        try:
            return model.model_validate(self.params)
        except ValidationError as error:
            raise RpcError(
                ErrorCode.INVALID_PARAMS, f"Look at {faults(error, 'params')}."
            ) from None

    @property
    def meta(self) -> dict[str, Any]:
        """What the message says of itself."""
        found = self.params.get("_meta")
        return found if isinstance(found, dict) else {}


def problem_in_full(error: ServiceError) -> Problem:
    """Return a problem with what REST says of it in a header: how many seconds to wait."""
    problem = problem_of(error)
    wait = error.headers.get("Retry-After")
    return problem if wait is None else problem.model_copy(update={"retry_after": int(wait)})
