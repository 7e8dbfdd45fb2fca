"""Tickets, which open a WebSocket where no header can be sent."""

import hashlib

import pytest

from tests.factories import Person
from tests.live.sockets import Socket, Sockets
from tests.records import done
from tests.sql import rows

AGE = "UPDATE tickets SET expires_at = now() - interval '1 second' WHERE digest = %(digest)s"


def ticket_of(person: Person) -> str:
    ticket: str = done(person.post("/ws/tickets"))["ticket"]
    return ticket


def show(sockets: Sockets, ticket: str) -> Socket:
    """Open a socket as browsers do."""
    return sockets.unwelcomed(protocols=["stint.v1", f"ticket.{ticket}"])


def test_a_ticket_signs_in(sockets: Sockets, alice: Person) -> None:
    socket = show(sockets, ticket_of(alice))
    assert socket.receive("welcome")["user_id"] == alice.id
    assert socket.connection.subprotocol == "stint.v1"


def test_a_ticket_is_good_for_thirty_seconds(alice: Person) -> None:
    answer = alice.post("/ws/tickets")
    assert (answer.status_code, done(answer)["expires_in"]) == (201, 30)


def test_a_ticket_opens_one_socket(sockets: Sockets, alice: Person) -> None:
    ticket = ticket_of(alice)
    first = show(sockets, ticket)
    first.receive("welcome")
    code, reason = show(sockets, ticket).closed()
    assert code == 4001
    assert "ticket" in reason
    first.ping()


def test_each_ticket_is_another(alice: Person) -> None:
    assert ticket_of(alice) != ticket_of(alice)


def test_an_expired_ticket_opens_nothing(sockets: Sockets, alice: Person, database: str) -> None:
    ticket = ticket_of(alice)
    rows(database, AGE, {"digest": hashlib.sha256(ticket.encode()).hexdigest()})
    assert show(sockets, ticket).closed()[0] == 4001


@pytest.mark.parametrize("ticket", ["", "never-issued"])
def test_what_is_no_ticket_opens_nothing(sockets: Sockets, ticket: str) -> None:
    assert show(sockets, ticket).closed()[0] == 4001


def test_a_ticket_of_an_ended_session_opens_nothing(sockets: Sockets, alice: Person) -> None:
    ticket = ticket_of(alice)
    done(alice.post("/auth/logout"))
    assert show(sockets, ticket).closed()[0] == 4001


def test_a_ticket_is_no_token(sockets: Sockets, alice: Person) -> None:
    socket = sockets.unwelcomed(headers={"Authorization": f"Bearer {ticket_of(alice)}"})
    assert socket.closed()[0] == 4001


def test_an_access_token_is_no_ticket(sockets: Sockets, alice: Person) -> None:
    assert show(sockets, alice.tokens["access_token"]).closed()[0] == 4001


def test_the_subprotocol_alone_signs_nobody_in(sockets: Sockets, alice: Person) -> None:
    socket = sockets.unwelcomed(protocols=["stint.v1"])
    assert socket.connection.subprotocol == "stint.v1"
    socket.send("authenticate", token=alice.tokens["access_token"])
    socket.receive("welcome")


def test_tickets_are_kept_by_their_hash_only(alice: Person, database: str) -> None:
    ticket = ticket_of(alice)
    query = "SELECT count(*) FROM tickets WHERE tickets::text LIKE '%%' || %(ticket)s || '%%'"
    assert rows(database, query, {"ticket": ticket}) == [{"count": 0}]


def test_tickets_are_for_people_who_are_signed_in(anonymous: Person) -> None:
    assert anonymous.post("/ws/tickets").status_code == 401
