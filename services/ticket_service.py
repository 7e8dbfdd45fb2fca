"""Tickets for WebSockets: each opens one, within half a minute."""

import secrets
from datetime import timedelta

from sqlalchemy import bindparam, delete, func, insert, literal
from sqlalchemy.types import Interval

from models.principal import Principal
from models.ticket import Ticket, TicketRow
from services.db_client import DatabaseClient, db
from services.portions import delete_portion
from utils.errors import UnauthenticatedError
from utils.helpers import digest_of

LIFETIME = timedelta(seconds=30)

ISSUE = insert(TicketRow).values(
    digest=bindparam("digest"),
    session_id=bindparam("session_id"),
    expires_at=func.now() + literal(LIFETIME, Interval),
)
SPEND = (
    delete(TicketRow)
    .where(TicketRow.digest == bindparam("digest"), TicketRow.expires_at > func.now())
    .returning(TicketRow.session_id)
)
PURGE = delete_portion(TicketRow, TicketRow.expires_at < func.now())


class TicketService:
    """Issues and takes tickets; only their hashes are kept."""

    def __init__(self, database: DatabaseClient) -> None:
        self._issue = database.prepare(ISSUE)
        self._spend = database.prepare(SPEND)
        self._purge = database.prepare(PURGE)

    def issue(self, principal: Principal) -> Ticket:
        """Return a ticket for the caller's session."""
        ticket = secrets.token_urlsafe(32)
        self._issue.execute(digest=digest_of(ticket), session_id=principal.credential_id)
        return Ticket(ticket=ticket, expires_in=int(LIFETIME.total_seconds()))

    def spend(self, ticket: str) -> str:
        """Take a ticket and return the session it is for; it opens nothing any more."""
        row = self._spend.first(digest=digest_of(ticket))
        if row is None:
            raise UnauthenticatedError(
                "This ticket was used or has expired; get another one.", code="ticket_invalid"
            )
        return str(row["session_id"])

    def purge(self) -> dict[str, int]:
        """Delete some tickets that nobody used in time; returns how many, until none is."""
        return {"tickets": self._purge.execute()}


ticket_service = TicketService(db)
