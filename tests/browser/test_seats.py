"""Used pages: who has one after somebody finds nothing that they have left."""

from tests.browser.seats import Seats
from tests.server import Server


def test_a_page_is_lent_again_without_what_was_left_there(seats: Seats, server: Server) -> None:
    with seats.used(server.url) as first:
        first.goto(f"{server.url}/health")
        first.evaluate("() => localStorage.setItem('mine', 'yes')")
        first.context.add_cookies([{"name": "mine", "value": "yes", "url": server.url}])
    with seats.used(server.url) as second:
        assert second is first
        assert second.context.cookies() == []
        second.goto(f"{server.url}/health")
        assert second.evaluate("() => localStorage.getItem('mine')") is None


def test_nobody_gets_a_page_with_the_clock_of_somebody_else(seats: Seats, server: Server) -> None:
    with seats.used(server.url) as ticks:
        pass
    with seats.used(server.url) as set_back:
        assert set_back is ticks
        set_back.clock.set_fixed_time("2026-03-03T10:00:00Z")
    assert set_back.is_closed()
    with seats.used(server.url) as other:
        assert other is not set_back
