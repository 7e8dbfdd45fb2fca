"""Signing in on a WebSocket: by header, by ticket, or with the first message."""

from flask import Request
from pydantic import ValidationError

from api.middleware.auth import (
    authenticate,
    authenticate_ticket,
    authenticate_token,
    authorise,
)
from models.live import SIGN_IN, CloseCode
from models.principal import Principal
from models.scope import Scope
from services.live.connection import Connection
from utils.errors import ForbiddenError, ServiceError, UnauthenticatedError
from utils.logger import get_logger

logger = get_logger(__name__)

FIRST_MESSAGE_SECONDS = 5.0
TICKET_PREFIX = "ticket."


def sign_in(connection: Connection, request: Request) -> Principal | None:
    """Return who has opened a socket; None after closing it where that is not known."""
    try:
        principal = _find_principal(connection, request)
        authorise(principal, Scope.ROOMS_READ)
        return principal
    except ServiceError as error:
        logger.info("socket.refused", connection_id=connection.id, code=error.code)
        connection.close(_close_code_of(error), error.detail)
        return None


def _close_code_of(error: ServiceError) -> CloseCode:
    match error:
        case UnauthenticatedError():
            return CloseCode.UNAUTHENTICATED
        case ForbiddenError():
            return CloseCode.NOT_A_MEMBER
    return CloseCode.RESTARTING


def _find_principal(connection: Connection, request: Request) -> Principal:
    if "Authorization" in request.headers:
        return authenticate(request)
    ticket = _ticket_of(request)
    if ticket is not None:
        return authenticate_ticket(ticket)
    return authenticate_token(_first_message(connection), request)


def _ticket_of(request: Request) -> str | None:
    offered = request.headers.get("Sec-WebSocket-Protocol", "").split(",")
    tickets = [name.strip() for name in offered if name.strip().startswith(TICKET_PREFIX)]
    return tickets[0].removeprefix(TICKET_PREFIX) if tickets else None


def _first_message(connection: Connection) -> str:
    message = connection.receive(FIRST_MESSAGE_SECONDS)
    if isinstance(message, str):
        try:
            return SIGN_IN.validate_json(message).token
        except ValidationError:
            pass  # whatever else it is, it does not say who it is from
    raise UnauthenticatedError(
        "Say who you are within 5 seconds: by header, ticket, or a message authenticate."
    )
