"""Mentions: who is meant by the @names in a Markdown text."""

import re
from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass
from unicodedata import normalize

# What is no prose: fenced code, also without an end, code spans, and addresses of pages.
NOT_PROSE = re.compile(
    r"""
    ^[ \t>]* (?P<fence> `{3,} (?=[^`\n]*$) | ~{3,} ) [^\n]*$
        .*? (?: ^[ \t>]* (?P=fence) [`~]* [ \t]*$ | \Z )
    | (?<![`\\]) (?P<ticks> `+ ) (?!`)
        (?: (?! \n[ \t]*\n ) . )*? (?<!`) (?P=ticks) (?!`)
    | \b [a-z][a-z0-9+.-]{1,20}:// \S+
    """,
    re.MULTILINE | re.DOTALL | re.VERBOSE | re.IGNORECASE,
)
REMOVED = "`"  # stands for it, so that the words around it do not become neighbours

# An @ behind a letter or digit, or behind one and a sign, is in the middle of an e-mail address.
AT = re.compile(r"(?<![^\W_])(?<![^\W_][_+%-])@")
ADDRESS = re.compile(r"""[^\s@<>()\[\],;:"]+@[\w.-]+""")
# A name ends where its word does; "Ada-Lynn" and "Ada@home" are other words than "Ada".
WORD_END = re.compile(r"(?![^\W_]|[@-]\w)")


@dataclass(frozen=True, slots=True)
class Mentionable:
    """Somebody whom a text may mention; `email` is empty for those without an address."""

    id: str
    name: str
    email: str


def find_mentions(body: str, people: Iterable[Mentionable]) -> list[str]:
    """Return the sorted ids of the people whom a text mentions.

    `@Grace Hopper` means everybody of that name, `@Grace` the only one whose first name that is,
    and `@grace@example.org` whose address that is. The longest name wins; upper and lower case
    are the same.
    """
    everybody = list(people)
    by_name, by_email = _names_of(everybody), {_key(each.email): each.id for each in everybody}
    lengths = sorted({len(name) for name in by_name if name}, reverse=True)
    prose = _key(NOT_PROSE.sub(REMOVED, body))
    found: set[str] = set()
    for at in AT.finditer(prose):
        address = ADDRESS.match(prose, at.end())
        if address is None:
            name = _name_at(prose, at.end(), by_name, lengths)
            found |= by_name.get(name, set())
        elif (user_id := by_email.get(address.group().rstrip(".-"))) is not None:
            found.add(user_id)
    return sorted(found)


def _names_of(people: list[Mentionable]) -> dict[str, set[str]]:
    """Return who is meant by each name: first names of only one person, and all full names."""
    full_names = [(_key(each.name), each.id) for each in people]
    first_names = Counter(name.partition(" ")[0] for name, _ in full_names)
    names: dict[str, set[str]] = {}
    for name, user_id in full_names:
        first_name = name.partition(" ")[0]
        if first_names[first_name] == 1:
            names[first_name] = {user_id}
        names.setdefault(name, set()).add(user_id)
    return names


def _name_at(prose: str, start: int, by_name: Container[str], lengths: Iterable[int]) -> str:
    """Return the longest name that stands there, empty where there is none."""
    for length in lengths:
        name = prose[start : start + length]
        if name in by_name and WORD_END.match(prose, start + length):
            return name
    return ""


def _key(text: str) -> str:
    """Return a text with case, kinds of whitespace and of accents made equal."""
    return " ".join(normalize("NFC", text).casefold().split())
