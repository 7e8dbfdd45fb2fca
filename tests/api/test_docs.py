"""The page that shows the API's description: it is complete and talks to this server only."""

import gzip
import json
import re
from html.parser import HTMLParser
from pathlib import PurePath

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from api import asyncapi, openapi
from api.built_in_page import PATHS, STYLES, built_in_page
from config import PROJECT_DIR
from tests.cases import for_each

ASSETS = {
    "/docs/swagger-ui-bundle.js": "text/javascript",
    "/docs/swagger-ui.css": "text/css",
    "/docs/docs.js": "text/javascript",
    "/docs/live.js": "text/javascript",
    "/docs/live.css": "text/css",
}
PAGE_FILES = [f"/web/{built_in_page.look().digest}/{name}" for name in PATHS]
KINDS = {".js": "text/javascript", ".css": "text/css"}
OF_THE_PAGE = {path: KINDS[PurePath(path).suffix] for path in PAGE_FILES}
FIRST_VIEW_MAX = 90_000  # bytes over the wire; people were promised less than 150,000
GZIP = {"Accept-Encoding": "gzip"}
BELOW_DOCS = ("/docs/LICENSE", "/docs/docs.html", "/docs/../config.py", "/docs/%2e%2e/.env")
BELOW_WEB = ("/web/x/docs.html", "/web/x/../config.py", "/web/x/vendor/manifest.json", "/web/x/")


class Page(HTMLParser):
    """What a page loads and what it runs."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: set[str] = set()
        self.linked: set[str] = set()
        self.inline: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.inline += [name for name in given if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)
        if address := given.get("src") or (given.get("href") if tag == "link" else None):
            if not address.startswith("data:"):
                self.loaded.add(address)
        elif address := given.get("href"):
            self.linked.add(address)


def fetch(app: Flask, path: str) -> TestResponse:
    answer = app.test_client().get(path, buffered=True)
    assert answer.status_code == 200, answer.text
    return answer


def policy_of(answer: TestResponse) -> dict[str, list[str]]:
    """The Content-Security-Policy of an answer."""
    directives = [each.split() for each in answer.headers["Content-Security-Policy"].split(";")]
    return {name: sources for name, *sources in directives}


def test_the_document_is_served_as_json(app: Flask) -> None:
    answer = fetch(app, "/openapi.json")
    assert answer.mimetype == "application/json"
    assert answer.get_json() == json.loads(json.dumps(openapi.describe(app)))


def test_the_document_of_the_websocket_is_served_as_json(app: Flask) -> None:
    answer = fetch(app, "/asyncapi.json")
    assert answer.mimetype == "application/json"
    assert answer.get_json() == json.loads(json.dumps(asyncapi.describe()))


def test_the_page_loads_its_assets_and_nothing_else(app: Flask) -> None:
    answer = fetch(app, "/docs")
    assert answer.mimetype == "text/html"
    assert Page(answer.text).loaded == set(ASSETS)


def test_the_built_in_page_works_below_a_path_too(app: Flask) -> None:
    answer = fetch(app, "/")
    page = Page(answer.text)
    loaded = {re.sub("^web/[0-9a-f]{16}/", "", path) for path in page.loaded}
    assert loaded == {*STYLES, *built_in_page.look().first}
    assert (page.linked, page.inline) == ({"docs"}, [])
    assert 'data-api="api/v1"' in answer.text


def test_the_built_in_page_may_do_what_that_of_the_documents_may_and_make_no_markup(
    app: Flask,
) -> None:
    policy = policy_of(fetch(app, "/"))
    assert policy.pop("require-trusted-types-for") == ["'script'"]
    assert policy.pop("trusted-types") == ["'none'"]
    assert policy == policy_of(fetch(app, "/docs"))


def test_the_first_view_is_small(app: Flask) -> None:
    paths = ["/", *(f"/{path}" for path in Page(fetch(app, "/").text).loaded)]
    answers = [app.test_client().get(path, headers=GZIP, buffered=True) for path in paths]
    assert sum(len(answer.data) for answer in answers) < FIRST_VIEW_MAX


@for_each("path", ["/", "/docs", "/docs/swagger-ui-bundle.js", *PAGE_FILES])
def test_a_file_is_compressed_for_those_who_can_read_that(app: Flask, path: str) -> None:
    plain, compressed = fetch(app, path), app.test_client().get(path, headers=GZIP, buffered=True)
    assert "Content-Encoding" not in plain.headers
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(compressed.data) == plain.data
    assert plain.headers["Vary"] == compressed.headers["Vary"] == "Accept-Encoding"
    assert plain.headers["ETag"] != compressed.headers["ETag"]


@pytest.mark.parametrize("path", ["/", "/docs", "/docs/docs.js", PAGE_FILES[0]])
def test_a_file_that_the_browser_has_is_not_sent_again(app: Flask, path: str) -> None:
    seen = fetch(app, path).headers["ETag"]
    again = app.test_client().get(path, headers={"If-None-Match": seen})
    assert (again.status_code, again.data) == (304, b"")


def test_what_the_page_names_is_kept_for_good(app: Flask) -> None:
    for path in Page(fetch(app, "/").text).loaded:
        assert "immutable" in fetch(app, f"/{path}").headers["Cache-Control"]


def test_what_a_view_asks_for_later_is_not_loaded_and_is_kept_for_good(app: Flask) -> None:
    page = fetch(app, "/").text
    (folder,) = {path.split("/")[1] for path in Page(page).loaded}
    later = set(PATHS) - {*STYLES, *built_in_page.look().first}
    assert {"views/trash.js", "vendor/uplot/uPlot.esm.js"} < later
    for name in later:
        assert name not in page
        assert "immutable" in fetch(app, f"/web/{folder}/{name}").headers["Cache-Control"]


def test_what_another_state_of_the_page_begins_with_is_asked_for_again(app: Flask) -> None:
    answer = fetch(app, "/web/another/app.js")
    assert answer.headers["Cache-Control"] == "private, no-cache"


def test_a_page_gets_no_view_of_another_state(app: Flask) -> None:
    assert app.test_client().get("/web/another/views/trash.js").status_code == 404


def test_the_page_links_to_this_server_only(app: Flask) -> None:
    linked = Page(fetch(app, "/docs").text).linked
    assert {address for address in linked if not re.match(r"/[^/]|#", address)} == set()


def test_the_page_runs_nothing_inline(app: Flask) -> None:
    assert Page(fetch(app, "/docs").text).inline == []


@for_each("path,kind", (ASSETS | OF_THE_PAGE).items())
def test_an_asset_is_served_as_what_it_is(app: Flask, path: str, kind: str) -> None:
    answer = fetch(app, path)
    assert answer.mimetype == kind
    assert len(answer.data) > 200


def test_no_other_file_is_served(app: Flask) -> None:
    for path in (*BELOW_DOCS, *BELOW_WEB):
        assert app.test_client().get(path).status_code == 404, path


def test_style_sheets_load_nothing(app: Flask) -> None:
    sheet = fetch(app, "/docs/swagger-ui.css").text
    assert "@import" not in sheet
    addresses = re.findall(r"url\(\s*[\"']?([^\"')]*)", sheet)
    assert len(addresses) > 5
    assert [address for address in addresses if not address.startswith("data:")] == []


def test_the_page_s_own_scripts_name_no_other_host(app: Flask) -> None:
    for path in ("/docs/docs.js", "/docs/live.js", *PAGE_FILES):
        assert re.findall(r"[\"'`](?:https?:)?//", fetch(app, path).text) == []


def test_the_document_is_validated_nowhere_else(app: Flask) -> None:
    script = fetch(app, "/docs/docs.js").text
    assert "validatorUrl: null" in script  # or Swagger UI sends the document to its makers


def test_the_page_keeps_no_token(app: Flask) -> None:
    # Swagger UI would put what was typed in into localStorage, for whoever sits here next.
    assert "persistAuthorization" not in fetch(app, "/docs/docs.js").text


def test_no_asset_refers_to_a_map_that_is_not_there(app: Flask) -> None:
    for path in ASSETS:
        assert "sourceMappingURL=" not in fetch(app, path).text, path


def test_the_browser_keeps_the_page_to_this_server(app: Flask) -> None:
    policy = policy_of(fetch(app, "/docs"))
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == policy["connect-src"] == ["'self'"]
    allowed = {source for sources in policy.values() for source in sources}
    assert allowed <= {"'none'", "'self'", "'unsafe-inline'", "data:"}


def test_the_browser_takes_nothing_inline(app: Flask) -> None:
    policy = policy_of(fetch(app, "/docs"))
    assert [name for name in policy if "'unsafe-inline'" in policy[name]] == []


def test_nobody_frames_the_page(app: Flask) -> None:
    assert policy_of(fetch(app, "/docs"))["frame-ancestors"] == ["'none'"]


def test_the_document_it_shows_is_ours(app: Flask) -> None:
    assert '"/openapi.json"' in (PROJECT_DIR / "web" / "docs.js").read_text()
