"""Live rooms: the WebSocket, and tickets to open it with."""

from flask import Blueprint, request
from flask_sock import Sock

from api.contract import Access
from api.endpoint import endpoint
from api.middleware.socket_guard import SOCKET
from api.socket_sign_in import sign_in
from models.principal import Principal
from models.ticket import Ticket
from services.live.connection import Connection, WebSocket
from services.live_service import live_service
from services.ticket_service import ticket_service
from utils.trace_context import current_request_id

live = Blueprint("live", __name__)
sockets = Blueprint("sockets", __name__)
sock = Sock()


@live.post("/ws/tickets")
@endpoint(access=Access.SESSION, recorded=False, status=201)
def issue_ticket(principal: Principal) -> Ticket:
    """Get a ticket that opens one WebSocket within 30 seconds.

    For browsers, which cannot set headers on it: they offer the subprotocols stint.v1 and
    ticket.{ticket} instead. Idempotency-Key is ignored here: the answer holds a secret.
    """
    return ticket_service.issue(principal)


@sock.route("/ws/<client_id>", bp=sockets)  # type: ignore[untyped-decorator]  # as flask-sock is
def converse(websocket: WebSocket, client_id: str) -> None:
    """Serve one client, once it is known who that is."""
    connection = Connection(websocket, request.environ[SOCKET], client_id, current_request_id())
    try:
        principal = sign_in(connection, request)
        if principal is not None:
            live_service.serve(connection, principal)
    finally:
        live_service.disconnect(connection)
        connection.linger()
