"""Tests of many cases: none is left out, and each that fails is told."""

import inspect
import re

import pytest

from tests.cases import for_each


def test_every_case_is_tried_and_those_that_fail_are_named() -> None:
    tried = []

    @for_each("number", [1, 2, 3, 4])
    def is_odd(number: int) -> None:
        tried.append(number)
        assert number % 2

    with pytest.raises(AssertionError, match=r"^2 of 4 fail\.\n") as failed:
        is_odd()
    assert tried == [1, 2, 3, 4]
    assert re.findall(r"With number (\d):\n", str(failed.value)) == ["2", "4"]
    assert str(failed.value).count("assert number % 2") == 2


def test_without_cases_nothing_is_proven() -> None:
    @for_each("number", [])
    def is_odd(number: int) -> None:
        assert number % 2

    with pytest.raises(AssertionError, match="nothing to try"):
        is_odd()


def test_cases_have_parts_and_names_and_go_through_each_other() -> None:
    tried = []

    @for_each("sign", "+-")
    @for_each("left,right", {"small": (1, 2), "large": (10, 20)})
    def add(given: str, sign: str, left: int, right: int) -> None:
        tried.append((given, sign, left, right))

    add(given="fixture")
    assert list(inspect.signature(add).parameters) == ["given"]
    assert tried == [("fixture", sign, *pair) for sign in "+-" for pair in ((1, 2), (10, 20))]


def test_cases_that_look_alike_are_refused() -> None:
    with pytest.raises(ValueError, match="look alike"):
        for_each("number", [1, "1"])
