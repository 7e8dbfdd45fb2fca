"""Who is meant by the @names in a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.mentions import Mentionable, find_mentions

PEOPLE = [
    Mentionable("1-hopper", "Grace Hopper", "grace@example.org"),
    Mentionable("2-ada", "Ada Lovelace", "ada.lovelace@example.org"),
    Mentionable("3-ann", "Ann", "ann@example.org"),
    Mentionable("4-ann-lee", "Ann Lee", "lee@example.org"),
    Mentionable("5-jose", "José Müller-Straße", ""),
    Mentionable("6-twin", "Max Doe", "max@example.org"),
    Mentionable("7-twin", "Max Doe", "doe@example.org"),
]
GRACE, ADA, ANN, ANN_LEE, JOSE = (person.id for person in PEOPLE[:5])


@pytest.mark.parametrize(
    ("body", "mentioned"),
    [
        ("@Grace Hopper, please", [GRACE]),
        ("@grace hopper please", [GRACE]),
        ("@Grace   Hopper", [GRACE]),
        ("Ask @Grace", [GRACE]),
        ("Ask @GRACE.", [GRACE]),
        ("@Grace's idea", [GRACE]),
        ("(@Grace) **@Ada**", [GRACE, ADA]),
        ("_@Grace_", [GRACE]),
        ("Thanks.@Grace", [GRACE]),
        ("@Ada and @Grace and @Ada again", [GRACE, ADA]),
        ("@josé", [JOSE]),
        ("@Jose\u0301 MÜLLER-STRASSE", [JOSE]),
        ("@grace@example.org", [GRACE]),
        ("Is it @Ada.Lovelace@Example.org?", [ADA]),
        ("@grace@example.org.", [GRACE]),
    ],
)
def test_names_first_names_and_addresses_mention(body: str, mentioned: list[str]) -> None:
    assert find_mentions(body, PEOPLE) == mentioned


def test_the_longest_name_wins() -> None:
    assert find_mentions("@Ann Lee", PEOPLE) == [ANN_LEE]
    assert find_mentions("@Ann leaves", PEOPLE) == [ANN]


def test_a_first_name_of_two_people_means_neither() -> None:
    people = [Mentionable("1", "Grace Hopper", ""), Mentionable("2", "Grace Kelly", "")]
    assert find_mentions("@Grace", people) == []
    assert find_mentions("@Grace Kelly", people) == ["2"]


def test_a_full_name_means_everybody_who_is_called_so() -> None:
    assert find_mentions("@Max Doe", PEOPLE) == ["6-twin", "7-twin"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "@",
        "@@",
        "Grace Hopper",
        "@Nobody",
        "@Max",
        "@ Grace",
        "@Gracefully",
        "@Grace-Ann",
        "@Ada@elsewhere.example",
        "@grace@example.com",
        "write to foo@Grace",
        "foo.bar@grace",
        "foo+@grace",
        "grace@example.org",
        "https://example.org/@grace",
        "[post](https://example.org/@grace)",
    ],
)
def test_other_text_mentions_nobody(body: str) -> None:
    assert find_mentions(body, PEOPLE) == []


@pytest.mark.parametrize(
    ("body", "mentioned"),
    [
        ("`@Grace`", []),
        ("``a ` @Grace``", []),
        ("`@Grace` @Ada", [ADA]),
        ("`\n@Grace\n`", []),
        ("a ` lone @Grace", [GRACE]),
        ("a ` lone\n\n@Grace and another `", [GRACE]),
        ("\\`@Grace\\`", [GRACE]),
        ("@Grace `x` Hopper", [GRACE]),
        ("```\n@Grace\n```\n@Ada", [ADA]),
        ("```python\n@Grace\n@Ada", []),
        ("~~~~\n@Grace\n~~~\n@Grace\n~~~~~\n@Ada", [ADA]),
        ("> ```\n> @Grace\n> ```\n> @Ada", [ADA]),
        ("```one line``` @Grace", [GRACE]),
    ],
)
def test_code_mentions_nobody(body: str, mentioned: list[str]) -> None:
    assert find_mentions(body, PEOPLE) == mentioned


def test_nobody_can_be_mentioned_where_nobody_is() -> None:
    assert find_mentions("@Grace", []) == []


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "part", ["@", "`", " @a", "a.", "a@", "```\n", "~", "` ", "@x ", "\n\n`", "a://", "> "]
)
def test_the_longest_text_is_read_quickly(part: str) -> None:
    assert find_mentions((part * 10_000)[:10_000], PEOPLE) == []


@given(st.text(alphabet="@`~ \n.-_aGrceHop"))
def test_any_text_can_be_read(body: str) -> None:
    assert set(find_mentions(body, PEOPLE)) <= {person.id for person in PEOPLE}
