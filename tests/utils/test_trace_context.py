"""W3C Trace Context: what is read of a traceparent, and what is passed on."""

from contextvars import copy_context

import pytest

from utils.trace_context import Errand, Traceparent, begin_errand, outgoing_headers

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"

# What was sent, and how it goes on.
UNDERSTOOD = {
    GOOD: GOOD,
    f"00-{TRACE}-{SPAN}-00": f"00-{TRACE}-{SPAN}-00",
    f"00-{TRACE}-{SPAN}-03": f"00-{TRACE}-{SPAN}-03",
    f"00-{TRACE}-{SPAN}-ff": f"00-{TRACE}-{SPAN}-03",
    f"01-{TRACE}-{SPAN}-01": GOOD,
    f"cc-{TRACE}-{SPAN}-01-what-the-future-holds": GOOD,
    f"cc-{TRACE}-{SPAN}-01-": GOOD,
}
MALFORMED = [
    "",
    "00",
    f"ff-{TRACE}-{SPAN}-01",
    f"FF-{TRACE}-{SPAN}-01",
    f"0-{TRACE}-{SPAN}-01",
    f"000-{TRACE}-{SPAN}-01",
    f"00-{'0' * 32}-{SPAN}-01",
    f"00-{TRACE}-{'0' * 16}-01",
    f"00-{TRACE[:-1]}-{SPAN}-01",
    f"00-{TRACE}0-{SPAN}-01",
    f"00-{TRACE}-{SPAN[:-1]}-01",
    f"00-{TRACE}-{SPAN}0-01",
    f"00-{TRACE}-{SPAN}-1",
    f"00-{TRACE}-{SPAN}-001",
    f"00-{TRACE.upper()}-{SPAN}-01",
    f"00-{TRACE[:-1]}g-{SPAN}-01",
    f"00-{TRACE}-{SPAN}-.1",
    f"00_{TRACE}_{SPAN}_01",
    f"00-{TRACE}-{SPAN}",
    f"{GOOD}-",
    f"{GOOD}-more",
    f"{GOOD}\n",
    f" {GOOD}",
    f"cc-{TRACE}-{SPAN}-01.more",
    f"cc-{TRACE}-{SPAN}-01-more\r\nX-Forged: 1",
    f"{GOOD},{GOOD}",
    f"00-{TRACE[:-1]}\u0663-{SPAN}-01",
]


@pytest.mark.parametrize("sent", UNDERSTOOD)
def test_a_traceparent_is_passed_on(sent: str) -> None:
    assert str(Traceparent.parse(sent)) == UNDERSTOOD[sent]


@pytest.mark.parametrize("sent", MALFORMED)
def test_a_malformed_traceparent_is_as_none(sent: str) -> None:
    assert Traceparent.parse(sent) is None
    errand = Errand.new().part_of(sent)
    assert errand.trace_id == errand.request_id


def test_a_request_without_one_begins_a_trace_by_its_own_name() -> None:
    errand = Errand.new()
    assert Traceparent.parse(errand.traceparent) == Traceparent(
        errand.request_id, errand.request_id[:16], 1
    )


def test_requests_of_ours_tell_what_they_are_for() -> None:
    def told(traceparent: str | None) -> dict[str, str]:
        begin_errand(traceparent)
        return outgoing_headers()

    assert copy_context().run(told, GOOD) == {"traceparent": GOOD}


def test_traces_are_drawn_by_ids_that_are_random_in_all_bits() -> None:
    """Samplers compare the last 64 bits with a share; of a UUID two are always the same."""
    ids = [int(Errand.new().request_id, 16) for _ in range(2_000)]
    for bit in range(128):
        assert 800 < sum(each >> bit & 1 for each in ids) < 1_200
