"""The files of the built-in page: they are known by what is in them, also while that changes."""

from pathlib import Path

import pytest

from api.built_in_page import BuiltInPage
from api.web_files import read

APP = 'import { a } from "./parts/a.js";\n\nconst later = () => import("./parts/later.js");\n'
A = 'import {\n  b,\n} from "../b.js";\nimport "./app_too.js";\n'


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, Path]:
    """The files of a small page, by their names."""
    contents = {
        "app.js": APP,
        "b.js": 'import { a } from "./parts/a.js"; // each other\n',
        "parts/a.js": A,
        "parts/app_too.js": "",
        "parts/later.js": 'import { only } from "./only_later.js";\n',
        "parts/only_later.js": "",
    }
    paths = {name: tmp_path / name for name in contents}
    for name, content in contents.items():
        paths[name].parent.mkdir(exist_ok=True)
        paths[name].write_text(content)
    return paths


def test_the_first_view_takes_what_is_imported_before_it_runs(paths: dict[str, Path]) -> None:
    first = BuiltInPage(paths).look().first
    assert first == ["app.js", "b.js", "parts/a.js", "parts/app_too.js"]


def test_the_digest_is_another_when_a_file_is(paths: dict[str, Path]) -> None:
    page = BuiltInPage(paths)
    before = page.look().digest
    assert page.look().digest == before
    paths["parts/later.js"].write_text("// another")
    assert page.look().digest != before


def test_another_process_knows_what_this_one_has_named(paths: dict[str, Path]) -> None:
    digest = BuiltInPage(paths).look().digest
    another = BuiltInPage(paths)
    assert another.find("parts/later.js", digest) == (read(paths["parts/later.js"]), True)


def test_a_changed_file_is_not_kept_under_the_name_of_what_it_was(paths: dict[str, Path]) -> None:
    page = BuiltInPage(paths)
    digest = page.look().digest
    paths["app.js"].write_text(f"{APP}// another")
    assert page.find("app.js", digest) == (read(paths["app.js"]), False)
    paths["app.js"].write_text(APP)
    assert page.find("app.js", digest) == (read(paths["app.js"]), True)


def test_a_page_that_is_there_gets_no_view_of_another_state(paths: dict[str, Path]) -> None:
    before = BuiltInPage(paths).look().digest
    paths["b.js"].write_text("// another")
    after = BuiltInPage(paths)
    assert after.find("parts/later.js", before) is None
    assert after.find("app.js", before) == (read(paths["app.js"]), False)


def test_there_are_no_other_files(paths: dict[str, Path]) -> None:
    page = BuiltInPage(paths)
    assert page.find("../config.py", page.look().digest) is None


def test_a_file_is_found_without_a_look_at_all(
    paths: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = BuiltInPage(paths)
    digest = page.look().digest
    monkeypatch.setattr(page, "look", lambda: pytest.fail("it looked at all files again"))
    assert page.find("app.js", digest) == (read(paths["app.js"]), True)
