"""MCP: the endpoint that language models' clients connect to."""

from flask import Blueprint, Request, Response, request

from api.mcp.server import mcp_server
from api.middleware.auth import authenticate_by_header
from api.middleware.rate_limit import identify
from api.origins import refuse_foreign_origin
from api.request_body import read_json_body
from services.rate_limiter import RateKind

mcp = Blueprint("mcp", __name__)


@mcp.post("/mcp")
def converse() -> Response:
    """Answer a message of JSON-RPC; what it may ask for is what REST lets its sender do."""
    asked: Request = request._get_current_object()  # type: ignore[attr-defined]  # Werkzeug's own way out of the proxy
    refuse_foreign_origin(asked)
    principal = identify(RateKind.READS, asked, authenticate_by_header)
    return mcp_server().answer(principal, asked, read_json_body(asked)).response()
