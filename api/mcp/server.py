"""The server of MCP: from the body of a POST to its answer. Nothing is kept between two of them."""

from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any

import orjson
from flask import Request, current_app
from pydantic_core import from_json

from api.answers import Answer
from api.mcp.messages import Result
from api.mcp.methods import SERVER, Methods
from api.mcp.rpc import ErrorCode, Message, RpcError, problem_in_full
from api.mcp.versions import META, VERSION_2025_03, check_version, is_stateless, version_in
from api.middleware.rate_limit import count_request
from models.principal import Principal
from services.rate_limiter import RateKind
from utils.errors import NotFoundError, ServiceError, UnprocessableError
from utils.logger import get_logger
from utils.trace_context import current_request_id

logger = get_logger(__name__)

BATCH_MAX = 10  # all answers are held until the last one is there
HEADERS = [("Content-Type", "application/json")]
SERVER_INFO = {META + "serverInfo": SERVER.model_dump(by_alias=True)}

# What the client did wrong with the message itself, which is no answer to what the message asks.
REFUSALS = {
    ErrorCode.PARSE_ERROR,
    ErrorCode.INVALID_REQUEST,
    ErrorCode.HEADER_MISMATCH,
    ErrorCode.UNSUPPORTED_PROTOCOL_VERSION,
}


@dataclass(frozen=True)
class Reply:
    """What is said to one message; `body` is None where nothing is."""

    status: HTTPStatus
    body: dict[str, Any] | None = None

    def answer(self) -> Answer:
        """Return it as the answer to a POST."""
        if self.body is None:
            return Answer(self.status)
        return Answer(self.status, orjson.dumps(self.body), HEADERS)


class McpServer:
    """Answers messages."""

    def __init__(self, methods: Methods) -> None:
        self._methods = methods

    def answer(self, principal: Principal, asked: Request, body: bytes) -> Answer:
        """Answer the body of a POST: a message, or in one version several at once."""
        try:
            sent = from_json(body)
        except ValueError:
            sent = RpcError(ErrorCode.PARSE_ERROR, "The body is not JSON in UTF-8.")
        if isinstance(sent, list):
            return self._answer_batch(principal, asked, sent)
        return self._reply(principal, asked, sent).answer()

    def _answer_batch(self, principal: Principal, asked: Request, sent: list[Any]) -> Answer:
        """Answer each message of a batch; the versions since 2025-06-18 have none."""
        if version_in(asked.headers) != VERSION_2025_03 or not 1 <= len(sent) <= BATCH_MAX:
            told = f"Batches have 1 to {BATCH_MAX} messages, and only version {VERSION_2025_03}."
            refused = RpcError(ErrorCode.INVALID_REQUEST, told)
            return self._reply(principal, asked, refused).answer()
        replies = [self._reply(principal, asked, each).body for each in sent]
        bodies = [body for body in replies if body is not None]
        if not bodies:
            return Answer(HTTPStatus.ACCEPTED)
        return Answer(HTTPStatus.OK, orjson.dumps(bodies), HEADERS)

    def _reply(self, principal: Principal, asked: Request, sent: Any) -> Reply:
        """Answer one message; what is wrong with it becomes an error of JSON-RPC.

        What could not be read as a message comes as the error that it is; it counts like others.
        """
        version = version_in(asked.headers)
        try:
            count_request(self._kind_of(sent), asked, principal)
            if isinstance(sent, RpcError):
                raise sent
            message = Message.read(sent)
            check_version(message, asked.headers)
            if message.is_notification:
                return Reply(HTTPStatus.ACCEPTED)
            result = self._methods.perform(version, principal, message)
        except RpcError as error:
            return _fault(version, sent, error)
        except ServiceError as error:
            if _is_notification(sent):
                return Reply(error.status)
            return _fault(version, sent, _rpc_error_of(version, error))
        told = {"jsonrpc": "2.0", "id": message.id, "result": _dress(version, result)}
        return Reply(HTTPStatus.OK, told)

    def _kind_of(self, sent: Any) -> RateKind | None:
        """Tell what a message counts as: calls of tools as what REST counts them as."""
        match sent:
            case {"method": "tools/call", "params": {"name": str(name)}}:
                tool = self._methods.tools.get(name)
                return tool.procedure.kind if tool else RateKind.READS
        return RateKind.READS


def _dress(version: str, result: Result) -> dict[str, Any]:
    """Return a result as it is sent; since 2026-07-28 each says what it is, and from whom."""
    told = result.model_dump(by_alias=True, exclude_none=True)
    if not is_stateless(version):
        return told
    told |= {"resultType": "complete", "_meta": SERVER_INFO}
    if result.fresh_for is not None:
        told |= {"ttlMs": result.fresh_for, "cacheScope": result.cache_scope}
    return told


def _rpc_error_of(version: str, error: ServiceError) -> RpcError:
    """Return a problem as an error of JSON-RPC: by its status where JSON-RPC has no code for it."""
    problem = problem_in_full(error)
    code: int = problem.status
    if isinstance(error, UnprocessableError):
        code = ErrorCode.INVALID_PARAMS
    elif isinstance(error, NotFoundError):
        modern = is_stateless(version)
        code = ErrorCode.INVALID_PARAMS if modern else ErrorCode.OLD_RESOURCE_NOT_FOUND
    elif problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        code = ErrorCode.INTERNAL_ERROR
    return RpcError(code, problem.detail, problem.model_dump(mode="json", exclude_none=True))


def _fault(version: str, sent: Any, error: RpcError) -> Reply:
    """Return the reply to a message that has no result, with the message's id where it has one."""
    logger.info("mcp.refused", code=int(error.code))
    data = {**error.data, "request_id": current_request_id()}
    told = {"code": int(error.code), "message": error.message, "data": data}
    body = {"jsonrpc": "2.0", "id": _id_of(sent), "error": told}
    return Reply(_status_of(version, error.code), body)


def _status_of(version: str, code: int) -> HTTPStatus:
    """Return the status of an error: before 2026-07-28 whatever a message asks gets 200."""
    if code in REFUSALS:
        return HTTPStatus.BAD_REQUEST
    if not is_stateless(version):
        return HTTPStatus.OK
    if code == ErrorCode.METHOD_NOT_FOUND:
        return HTTPStatus.NOT_FOUND
    return HTTPStatus.BAD_REQUEST if code == ErrorCode.INVALID_PARAMS else HTTPStatus.OK


def _is_notification(sent: Any) -> bool:
    return isinstance(sent, dict) and "id" not in sent


def _id_of(sent: Any) -> str | int | None:
    match sent:
        case {"id": str(name)}:
            return name
        case {"id": int(number)} if not isinstance(number, bool) and abs(number) < 2**63:
            return number
    return None


@cache
def mcp_server() -> McpServer:
    """Return the current application's server; made once for each process."""
    return McpServer(Methods(current_app.view_functions))
