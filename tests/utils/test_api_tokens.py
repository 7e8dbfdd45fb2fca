"""The form of API tokens: what can be told of one without asking anybody."""

import re

import pytest

from utils.api_tokens import (
    ALPHABET,
    OF_AGENTS,
    OF_PEOPLE,
    Prefix,
    checksum,
    is_well_formed,
    make_token,
    names_api_token,
)
from utils.helpers import digest_of

KINDS: tuple[Prefix, ...] = (OF_PEOPLE, OF_AGENTS)


@pytest.mark.parametrize("prefix", KINDS)
def test_a_token_has_thirty_random_characters_and_six_to_check_them(prefix: Prefix) -> None:
    token = make_token(prefix)
    assert re.fullmatch(rf"{prefix}[0-9A-Za-z]{{36}}", token)
    assert is_well_formed(token)


def test_no_two_tokens_are_alike() -> None:
    assert len({make_token(OF_PEOPLE) for _ in range(1_000)}) == 1_000


def test_tokens_use_every_character_of_base_62() -> None:
    random = "".join(make_token(OF_PEOPLE)[len(OF_PEOPLE) : -6] for _ in range(200))
    assert set(random) == set(ALPHABET)


def test_the_checksum_is_crc_32_in_base_62() -> None:
    """The check value of CRC-32, 0xCBF43926, is that of "123456789" in every catalogue."""
    # 3421780262 = 3 * 62**5 + 45 * 62**4 + 35 * 62**3 + 27 * 62**2 + 22 * 62 + 14, and of
    # 0-9A-Za-z these digits are 3, j, Z, R, M and E.
    assert checksum("123456789") == "3jZRME"


def test_a_short_checksum_is_filled_up() -> None:
    assert checksum("") == "000000"  # the CRC-32 of nothing is 0


def test_a_digest_is_sha_256() -> None:
    """The vector of FIPS 180-2, appendix B.1."""
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest_of("abc") == expected


@pytest.mark.parametrize("position", range(len(OF_PEOPLE) + 36))
def test_a_token_with_one_wrong_character_is_not_well_formed(position: int) -> None:
    token = make_token(OF_PEOPLE)
    wrong = "B" if token[position] == "A" else "A"
    assert not is_well_formed(token[:position] + wrong + token[position + 1 :])


def test_a_token_of_a_person_is_none_of_an_agent() -> None:
    assert not is_well_formed(make_token(OF_PEOPLE).replace(OF_PEOPLE, OF_AGENTS))


@pytest.mark.parametrize("change", ["{}A", "A{}", "{} ", "{}\n", "{}\0"])
def test_a_token_with_something_around_it_is_not_well_formed(change: str) -> None:
    assert not is_well_formed(change.format(make_token(OF_PEOPLE)))


@pytest.mark.parametrize("cut", [1, 6, 36])
def test_a_token_that_was_cut_off_is_not_well_formed(cut: int) -> None:
    assert not is_well_formed(make_token(OF_PEOPLE)[:-cut])


@pytest.mark.parametrize("token", ["stint_pat_", "stint_agt_x"])
def test_a_token_is_known_by_its_prefix(token: str) -> None:
    assert names_api_token(token)
    assert not names_api_token(token.upper())
    assert not names_api_token("eyJhbGciOiJIUzI1NiJ9")
