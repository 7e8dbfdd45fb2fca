"""What browsers are told: what not to do with answers, and whose pages may read them."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests
from flask import Flask
from werkzeug.test import TestResponse

from api import create_app
from api.contract import Access
from api.cookies import ACCESS_COOKIE, CSRF_COOKIE, CSRF_HEADER
from config import settings
from tests.api.rights import contracts
from tests.factories import PASSWORD, Person, log_in, sign_up
from tests.live.sockets import Sockets
from tests.live.test_sign_in import refused_upgrade
from tests.records import done, make_task, refusal
from tests.server import Client, Server

LISTED = "https://app.example.org"
ALSO_LISTED = "http://tablet.local:8080"
# What looks like a listed origin and is none.
TRICKS = [
    "null",
    "https://attacker.example",
    f"{LISTED}.attacker.example",
    f"{LISTED}:444",
    "http://app.example.org",
    "https://xapp.example.org",
    "https://sub.app.example.org",
    "https://app-example.org",
    "https://appXexample.org",
    "https://app.example.org@attacker.example",
    "https://attacker.example/https://app.example.org",
    "https://app.example.org%60.attacker.example",
    "https://app.example.org\\.attacker.example",
    "file://",
    "*",
]
ALLOWED = "Access-Control-Allow-Origin"
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@pytest.fixture
def shared(database: str, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The application where pages of one other site may use it."""
    options = settings.model_copy(update={"cors_origins": (LISTED, ALSO_LISTED)})
    monkeypatch.setattr("api.middleware.cors.settings", options)
    monkeypatch.setattr("api.origins.settings", options)
    return create_app()


@pytest.fixture
def visitor(shared: Flask) -> Person:
    """Somebody with an account there."""
    return sign_up(shared, "Visitor")


def preflight(app: Flask, origin: str, path: str = "/users/me", **asked: str) -> TestResponse:
    headers = {"Origin": origin, "Access-Control-Request-Method": "PATCH"} | asked
    return app.test_client().options(settings.api_prefix + path, headers=headers)


def access_headers(answer: TestResponse) -> dict[str, str]:
    """Return what an answer says to pages of other sites."""
    return {
        name: value for name, value in answer.headers if name.startswith("Access-Control-Allow")
    }


# Headers of every answer


def answers(app: Flask, alice: Person) -> dict[str, Callable[[], TestResponse]]:
    client = app.test_client()
    return {
        "a page": lambda: client.get("/docs", buffered=True),
        "a script": lambda: client.get("/docs/docs.js", buffered=True),
        "a document": lambda: client.get("/openapi.json"),
        "a resource": lambda: alice.get("/users/me"),
        "a list": lambda: alice.get("/tasks"),
        "an export": lambda: alice.get("/users/me/export"),
        "nothing": lambda: alice.delete("/auth/sessions"),
        "no such address": lambda: client.get("/wp-login.php"),
        "nobody": lambda: client.get("/api/v1/users/me"),
        "health": lambda: client.get("/health"),
    }


@pytest.mark.parametrize("kind", answers(Flask("x"), Person(Flask("x").test_client())))
def test_every_answer_is_protected(app: Flask, alice: Person, kind: str) -> None:
    answer = answers(app, alice)[kind]()
    assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS
    assert "camera=()" in answer.headers["Permissions-Policy"]
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert len(answer.headers.getlist("Content-Security-Policy")) == 1


def test_a_defect_is_protected_as_well(
    app: Flask, anonymous: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.view_functions, "health.get_health", lambda: 1 / 0)
    answer = anonymous.client.get("/health")
    assert (answer.status_code, answer.headers["X-Frame-Options"]) == (500, "DENY")


@pytest.mark.parametrize(("scheme", "expected"), [("http", None), ("https", "max-age=31536000")])
def test_only_over_tls_it_is_said_that_there_is_tls(
    app: Flask, scheme: str, expected: str | None
) -> None:
    answer = app.test_client().get("/health", base_url=f"{scheme}://stint.example")
    assert answer.headers.get("Strict-Transport-Security") == expected


def test_what_has_an_etag_is_asked_for_anew_each_time(alice: Person) -> None:
    task = make_task(alice)
    answer = alice.get(f"/tasks/{task['id']}")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    again = alice.get(f"/tasks/{task['id']}", If_None_Match=answer.headers["ETag"])
    assert (again.status_code, again.headers["Cache-Control"]) == (304, "private, no-cache")


@pytest.mark.parametrize("path", ["/users/me", "/users/me/notification-preferences"])
def test_what_everybody_has_at_one_address_is_kept_nowhere(
    alice: Person, bob: Person, path: str
) -> None:
    answer, others = alice.get(path), bob.get(path)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert answer.headers["ETag"] == others.headers["ETag"]  # so it cannot tell them apart
    again = alice.get(path, If_None_Match=answer.headers["ETag"])
    assert (again.status_code, again.headers["Cache-Control"]) == (304, "no-store")


def test_credentials_and_lists_are_kept_nowhere(alice: Person) -> None:
    credentials = {"email": alice.email, "password": PASSWORD}
    for answer in (
        alice.post("/auth/login", credentials),
        alice.post("/auth/refresh", {"refresh_token": alice.tokens["refresh_token"]}),
        alice.post("/ws/tickets"),
        alice.get("/auth/sessions"),
        alice.get("/tasks"),
        alice.get("/users/me/export"),
    ):
        done(answer)
        assert answer.headers["Cache-Control"] == "no-store"


# Pages of other sites


def test_a_listed_origin_may_read_answers_with_credentials(visitor: Person) -> None:
    answer = visitor.get("/users/me", Origin=LISTED)
    assert access_headers(answer) == {
        "Access-Control-Allow-Origin": LISTED,
        "Access-Control-Allow-Credentials": "true",
    }
    assert "Origin" in answer.headers["Vary"]
    exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert set(exposed) > {
        "ETag",
        "Idempotency-Replayed",
        "Link",
        "RateLimit-Limit",
        "RateLimit-Remaining",
        "RateLimit-Reset",
        "Retry-After",
        "X-Request-Id",
    }


def test_a_listed_origin_may_read_errors_as_well(shared: Flask) -> None:
    answer = Person(shared.test_client()).get("/users/me", Origin=LISTED)
    assert answer.status_code == 401
    assert answer.headers["Access-Control-Allow-Origin"] == LISTED


def test_a_preflight_is_answered_without_signing_in(shared: Flask) -> None:
    asked = {"Access-Control-Request-Headers": "authorization, if-match, traceparent, x-csrf-token"}
    answer = preflight(shared, LISTED, **asked)
    assert answer.status_code == 200
    allowed = access_headers(answer)
    assert allowed["Access-Control-Allow-Origin"] == LISTED
    assert "PATCH" in allowed["Access-Control-Allow-Methods"]
    assert set(allowed["Access-Control-Allow-Headers"].lower().split(", ")) == {
        "authorization",
        "if-match",
        "traceparent",
        "x-csrf-token",
    }
    assert answer.headers["Access-Control-Max-Age"] == "600"


def test_an_unlisted_origin_is_answered_nothing(visitor: Person) -> None:
    for origin in TRICKS:
        assert access_headers(preflight(visitor.client.application, origin)) == {}, origin
        assert access_headers(visitor.get("/users/me", Origin=origin)) == {}, origin


def test_without_a_list_nobody_is_answered(app: Flask, alice: Person) -> None:
    assert access_headers(preflight(app, LISTED)) == {}
    assert access_headers(alice.get("/users/me", Origin=LISTED)) == {}


@pytest.mark.parametrize("listed", ["*", "null", "https://*.example.org", "https://a.example/x"])
def test_what_is_no_origin_cannot_be_listed(listed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGINS", listed)
    with pytest.raises(ValueError, match=r"must be origins like|must name each site"):
        type(settings)()


# Cookies that a page of another site makes a browser send


@pytest.fixture
def browser(visitor: Person) -> Person:
    """The visitor, signed in by cookies alone."""
    credentials = {"email": visitor.email, "password": PASSWORD, "cookies": True}
    done(visitor.post("/auth/login", credentials))
    visitor.tokens = {}
    return visitor


def csrf_of(person: Person) -> str:
    found = person.client.get_cookie(CSRF_COOKIE)
    assert found is not None
    return str(found.value)


def test_a_write_by_cookie_from_another_site_is_refused_even_with_the_csrf_token(
    browser: Person,
) -> None:
    for origin in TRICKS:
        own = {"Origin": origin, "X_CSRF_TOKEN": csrf_of(browser)}
        answer = browser.patch("/users/me", {"name": "New"}, **own)
        assert refusal(answer) == (403, "foreign_origin"), origin


def test_a_write_by_cookie_from_a_listed_site_needs_the_csrf_token_too(browser: Person) -> None:
    change = {"name": "New"}
    assert browser.patch("/users/me", change, Origin=LISTED).status_code == 403
    own = {"Origin": LISTED, "X_CSRF_TOKEN": csrf_of(browser)}
    assert browser.patch("/users/me", change, **own).status_code == 200


def test_the_csrf_token_of_another_session_does_not_do(browser: Person, shared: Flask) -> None:
    other = Person(shared.test_client(), email=browser.email)
    credentials = {"email": other.email, "password": PASSWORD, "cookies": True}
    done(other.post("/auth/login", credentials))
    answer = browser.patch("/users/me", {"name": "New"}, X_CSRF_TOKEN=csrf_of(other))
    assert refusal(answer) == (403, "csrf_token_wrong")


def routes_of_cookies() -> list[str]:
    """What writes for whoever the cookies are of; elsewhere nobody looks at them."""
    return [
        route
        for route, contract in contracts().items()
        if not route.startswith("GET")
        and (contract.access is not Access.PUBLIC or route == "POST /auth/refresh")
    ]


def test_no_route_takes_a_write_by_cookie_alone(browser: Person) -> None:
    for route in routes_of_cookies():
        method, _, rule = route.partition(" ")
        path = settings.api_prefix + _filled(rule)
        answer = browser.client.open(path, method=method, json={})
        assert refusal(answer) == (403, "csrf_token_wrong"), route


def _filled(rule: str) -> str:
    numbered = re.sub(r"<number:[^>]+>", "1", rule)
    return re.sub(r"<[^>]+>", "01890a5d-ac96-774b-bcce-b302099a8057", numbered)


def test_a_form_of_another_site_signs_nobody_in(app: Flask, alice: Person) -> None:
    form: dict[str, Any] = {"email": alice.email, "password": PASSWORD}
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain"):
        answer = app.test_client().post("/api/v1/auth/login", data=form, content_type=kind)
        assert answer.status_code == 415
        assert "Set-Cookie" not in answer.headers


def test_an_access_cookie_beside_a_header_is_not_looked_at(browser: Person, alice: Person) -> None:
    log_in(alice)
    token = alice.tokens["access_token"]
    browser.client.set_cookie(ACCESS_COOKIE, "forged")
    answer = browser.patch("/users/me", {"name": "New"}, Authorization=f"Bearer {token}")
    assert done(answer)["id"] == alice.id


# A real server


@pytest.fixture(scope="module")
def listing(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that lists one other site, and where sessions may be idle for a year."""
    log = tmp_path_factory.mktemp("listing") / "server.log"
    options = {"CORS_ORIGINS": LISTED, "REFRESH_TOKEN_DAYS": "365", "WEB_CONCURRENCY": "1"}
    with Server.running(log, **options) as running:
        yield running


def sign_in(client: Client, person: Person) -> requests.Response:
    """Sign in by cookies, and send them from now on as a browser does."""
    credentials = {"email": person.email, "password": PASSWORD, "cookies": True}
    answer = client.post("/auth/login", json=credentials)
    client.headers["Cookie"] = "; ".join(f"{each.name}={each.value}" for each in answer.cookies)
    return answer


def test_pages_of_other_sites_gain_nothing_from_cookies(listing: Server, app: Flask) -> None:
    visitor = sign_up(app, "Visitor")
    with listing.client() as browser, Sockets.at(listing) as sockets:
        csrf = {CSRF_HEADER: str(sign_in(browser, visitor).cookies[CSRF_COOKIE])}

        def write(**headers: str) -> tuple[int, str | None]:
            answer = browser.patch("/users/me", json={"name": "New"}, headers=headers)
            return answer.status_code, answer.json().get("code")

        assert write() == write(Origin=LISTED) == (403, "csrf_token_wrong")
        assert write(**csrf) == write(Origin=listing.url, **csrf) == (200, None)
        assert write(Origin=LISTED, **csrf) == (200, None)
        assert browser.get("/users/me", headers={"Origin": LISTED}).headers[ALLOWED] == LISTED
        cookies = {"Cookie": str(browser.headers["Cookie"])}
        for origin in TRICKS:
            asked = {"Origin": origin, "Access-Control-Request-Method": "PATCH"}
            assert write(Origin=origin, **csrf) == (403, "foreign_origin"), origin
            assert ALLOWED not in browser.get("/users/me", headers={"Origin": origin}).headers
            assert ALLOWED not in browser.options("/users/me", headers=asked).headers
            assert refused_upgrade(sockets, headers=cookies | {"Origin": origin}) == 403, origin
        for origin in (LISTED, listing.url):
            socket = sockets.unwelcomed(headers=cookies, origin=origin)
            socket.send("ping")  # by cookies nobody is signed in there
            assert (socket.closed()[0], socket.messages) == (4001, [])
        sockets.open(visitor, origin=LISTED).ping()


def test_cookies_and_their_session_end_at_last(listing: Server, app: Flask) -> None:
    with listing.client() as browser:
        answer = sign_in(browser, sign_up(app, "Visitor"))
        (session,) = [each for each in browser.get("/auth/sessions").json() if each["is_current"]]
    last = timedelta(days=settings.session_days)
    created, ends = (datetime.fromisoformat(session[at]) for at in ("created_at", "expires_at"))
    assert ends - created == last
    ages = [int(age) for age in re.findall(r"Max-Age=(\d+)", answer.headers["Set-Cookie"])]
    assert len(ages) == 4
    assert {last - timedelta(seconds=age) < timedelta(minutes=1) for age in ages} == {True}
    assert max(ages) <= last.total_seconds()
