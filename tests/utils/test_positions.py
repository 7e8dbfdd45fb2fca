"""Positions: keys that sort like what they stand for, however often something goes in between."""

import secrets
import time
from itertools import pairwise, product

import pytest
from fractional_indexing import (  # type: ignore[import-untyped]  # it ships no types
    BASE_62_DIGITS,
    FIError,
    validate_order_key,
)
from hypothesis import example, given
from hypothesis import strategies as st

from utils import positions
from utils.positions import (
    JITTER_STEPS,
    last_position,
    position_between,
    positions_between,
)

Ends = tuple[str | None, str | None]

# Where each key goes, as the share of the keys that come before it.
WHERE = st.lists(st.floats(0, 1), max_size=60)
ALWAYS_FIRST, ALWAYS_LAST, ALWAYS_SECOND = [0.0] * 300, [1.0] * 300, [1.0, 1.0] + [1e-9] * 300


def assert_sound(keys: list[str]) -> None:
    """They rise by code point, and there is room around each of them."""
    assert all(low < high for low, high in pairwise(keys))
    for key in keys:
        validate_order_key(key)  # nothing fits before a fraction that ends in 0
        assert set(key) <= set(BASE_62_DIGITS)


def inserted(keys: list[str], where: list[float]) -> list[str]:
    """Return the keys with one more for each share in `where`."""
    keys = list(keys)
    for share in where:
        place = gap(keys, share)
        keys.insert(place, position_between(*ends(keys, place)))
    return keys


def gap(keys: list[str], share: float) -> int:
    """Return how many keys come before; only a share of 0 is before all."""
    return min(len(keys), int(share * len(keys)) + (share > 0))


def ends(keys: list[str], place: int) -> Ends:
    """Return the keys around a place, None at the start and the end."""
    low = keys[place - 1] if place > 0 else None
    return low, keys[place] if place < len(keys) else None


@given(WHERE)
@example(ALWAYS_FIRST)
@example(ALWAYS_LAST)
@example(ALWAYS_SECOND)
def test_keys_stay_in_order_wherever_others_go_in(where: list[float]) -> None:
    assert_sound(inserted([], where))


@given(WHERE, st.integers(1, 20))
def test_keys_go_in_around_those_that_were_put_last(where: list[float], count: int) -> None:
    assert_sound(inserted([last_position() for _ in range(count)], where))


@given(WHERE, st.floats(0, 1), st.integers(0, 40))
def test_many_at_once_lie_in_order_inside_their_place(
    where: list[float], share: float, count: int
) -> None:
    keys = inserted([], where)
    place = gap(keys, share)
    new = positions_between(*ends(keys, place), count)
    assert len(new) == count
    assert_sound([*keys[:place], *new, *keys[place:]])


@given(WHERE, st.floats(0, 1), st.integers(2, 20))
def test_those_made_at_once_leave_room_between_them(
    where: list[float], share: float, count: int
) -> None:
    keys = inserted([], where)
    new = positions_between(*ends(keys, gap(keys, share)), count)
    between = [position_between(low, high) for low, high in pairwise(new)]
    assert_sound(sorted([*new, *between]))
    assert len({*new, *between}) == 2 * count - 1


@pytest.mark.parametrize("place", [(None, None), (None, "a1"), ("a1", None), ("a1", "a2")])
def test_of_two_keys_for_one_place_one_in_64_is_like_the_other(
    monkeypatch: pytest.MonkeyPatch, place: Ends
) -> None:
    keys = set()
    for choices in product((0, 1), repeat=JITTER_STEPS):
        chosen = iter(choices)
        monkeypatch.setattr(secrets, "randbelow", lambda _, chosen=chosen: next(chosen))
        keys.add(position_between(*place))
    assert len(keys) == 2**JITTER_STEPS == 64


@pytest.mark.parametrize(("low", "high"), [("a1", "a1"), ("a2", "a1")])
def test_there_is_no_place_between_keys_that_do_not_rise(low: str, high: str) -> None:
    with pytest.raises(FIError):
        position_between(low, high)


# At the end, without asking what is there


def test_each_last_position_is_behind_those_before() -> None:
    assert_sound([last_position() for _ in range(10_000)])


@pytest.mark.parametrize("step", [0, -1_000_000_000])
def test_it_is_behind_them_when_the_clock_stands_or_goes_back(
    monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    keys = [last_position()]
    start = time.time_ns()
    for number in range(100):
        monkeypatch.setattr(time, "time_ns", lambda number=number: start + number * step)
        keys.append(last_position())
    assert_sound(keys)


def test_processes_that_put_something_last_in_one_microsecond_differ_almost_always(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_800_000_000_000_000_000)
    keys = set()
    for _ in range(1_000):
        monkeypatch.setattr(positions, "_latest", 0)
        keys.add(last_position())
    assert len(keys) > 800


@pytest.mark.parametrize("year", [1970, 2026, 2397])
def test_last_positions_are_of_one_length_for_centuries(
    monkeypatch: pytest.MonkeyPatch, year: int
) -> None:
    monkeypatch.setattr(positions, "_latest", 0)
    microseconds = (year - 1970) * 365.2425 * 86_400 * 1e6
    monkeypatch.setattr(time, "time_ns", lambda: int(microseconds) * 1_000)
    key = last_position()
    validate_order_key(key)
    assert len(key) == 12


@given(st.integers(1, 20))
def test_what_is_put_after_the_last_by_hand_is_before_what_comes_later(count: int) -> None:
    by_hand = [last_position()]
    for _ in range(count):
        by_hand.append(position_between(by_hand[-1], None))
    time.sleep(2 * JITTER_STEPS * count / 1e6)  # each went some microseconds ahead
    assert_sound([*by_hand, last_position()])
