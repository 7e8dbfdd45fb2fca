"""Files and tests that the documents on security name exist."""

import re
from functools import cache

from config import PROJECT_DIR
from tests.cases import for_each

PATH = r"(?:[\w.-]+/)*[\w.-]+\.\w+"
DOCUMENT = (PROJECT_DIR / "docs" / "security.rst").read_text()
SIGN_IN = (PROJECT_DIR / "docs" / "sign-in.rst").read_text()
NAMED = sorted(set(re.findall(rf"``({PATH})(?:::(\w+))?``", DOCUMENT + SIGN_IN)))


@cache
def text_of(path: str) -> str:
    return (PROJECT_DIR / path).read_text()


def test_it_names_files_and_tests() -> None:
    assert ("api/cookies.py", "") in NAMED
    assert any(test for _, test in NAMED)


@for_each("path,test", NAMED)
def test_what_it_names_exists(path: str, test: str) -> None:
    assert f"def {test}(" in text_of(path) if test else text_of(path)


def test_it_names_each_requirement_once() -> None:
    names = re.findall(r"\bV\d+\.\d+\.\d+\b", DOCUMENT)
    assert len(names) == len(set(names)) == 246  # of levels 1 and 2, without WebRTC
