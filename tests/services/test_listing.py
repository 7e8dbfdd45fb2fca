"""Lists: how many statements they come from, whatever is asked."""

import pytest

from services.listing import USUAL_LIMITS
from tests.factories import Person
from tests.plans import recorded_reads
from tests.records import done, make_task
from utils.pages import PAGE_SIZE_MAX


def of_a_page(person: Person, path: str) -> str:
    """Return the statement that a page of tasks comes from."""
    with recorded_reads() as statements:
        done(person.get(path))
    (statement,) = {text for text, _ in statements if "AS key_" in text}
    return statement


def test_unusual_limits_share_one_statement(alice: Person) -> None:
    make_task(alice)
    texts = {of_a_page(alice, f"/tasks?limit={limit}") for limit in (3, 19, 21, PAGE_SIZE_MAX - 1)}
    assert len(texts) == 1


@pytest.mark.parametrize("limit", sorted(USUAL_LIMITS))
def test_a_usual_limit_is_part_of_the_statement(alice: Person, limit: int) -> None:
    make_task(alice)
    assert f"LIMIT {limit + 1}" in of_a_page(alice, f"/tasks?limit={limit}")
