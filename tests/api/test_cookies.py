"""Tokens in cookies: for browsers, whose other pages must gain nothing by it."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from config import settings
from tests.factories import PASSWORD, Person, sign_up
from tests.sql import rows

ACCESS, REFRESH = "__Host-stint_access", "__Host-stint_refresh"
CSRF, REFRESH_CSRF = "__Host-stint_csrf", "__Host-stint_refresh_csrf"


@pytest.fixture
def browser(app: Flask) -> Person:
    """Somebody who is signed in by cookies alone."""
    person = sign_up(app, "Browser")
    person.client = app.test_client()
    body = {"email": person.email, "password": PASSWORD, "cookies": True}
    person.tokens = {}
    answer = log_in_at(person, body)
    assert answer.status_code == 200, answer.text
    return person


def log_in_at(person: Person, body: dict[str, object]) -> TestResponse:
    return person.post("/auth/login", body)


def cookie(client: FlaskClient, name: str) -> str:
    found = client.get_cookie(name)
    assert found is not None, name
    return found.value


def csrf_of(person: Person, name: str = CSRF) -> dict[str, str]:
    return {"X_CSRF_TOKEN": cookie(person.client, name)}


def rename(person: Person, **headers: str) -> TestResponse:
    return person.patch("/users/me", {"name": "New"}, **headers)


def refused(answer: TestResponse) -> str:
    assert answer.status_code == 403, answer.text
    return str(answer.get_json()["code"])


def test_signing_in_by_cookies_answers_no_token(app: Flask, alice: Person) -> None:
    person = Person(app.test_client())
    body = {"email": alice.email, "password": PASSWORD, "cookies": True}
    answer = log_in_at(person, body)
    assert answer.get_json() == {
        "access_token": None,
        "refresh_token": None,
        "token_type": "Bearer",
        "expires_in": 900,
    }
    set_cookies = {line.split("=")[0]: line for line in answer.headers.getlist("Set-Cookie")}
    assert set(set_cookies) == {ACCESS, REFRESH, CSRF, REFRESH_CSRF}
    for name, line in set_cookies.items():
        assert {"Secure", "Path=/", "SameSite=Strict"} <= set(line.split("; ")), line
        assert ("HttpOnly" in line) == (name in (ACCESS, REFRESH))
        assert "Domain" not in line


def test_cookies_read(browser: Person) -> None:
    assert browser.get("/users/me").get_json()["id"] == browser.id


def test_cookies_write_with_the_csrf_token(browser: Person) -> None:
    assert rename(browser, **csrf_of(browser)).status_code == 200


@pytest.mark.parametrize("csrf", [None, "", "guessed", "é"])
def test_cookies_write_nothing_without_it(browser: Person, csrf: str | None) -> None:
    headers = {} if csrf is None else {"X_CSRF_TOKEN": csrf}
    assert refused(rename(browser, **headers)) == "csrf_token_wrong"
    assert browser.get("/users/me").get_json()["name"] == "Browser"


def test_the_csrf_token_of_another_session_is_worth_nothing(
    app: Flask, browser: Person, alice: Person
) -> None:
    other = Person(app.test_client())
    log_in_at(other, {"email": alice.email, "password": PASSWORD, "cookies": True})
    assert refused(rename(browser, **csrf_of(other))) == "csrf_token_wrong"


@pytest.mark.parametrize(
    "origin",
    [
        "https://attacker.example",
        "null",
        "http://localhost.attacker.example",
        "http://attackerlocalhost",
        "http://sub.localhost",
        "http://localhost:8000",
        "http://localhost.",
        "ftp://localhost",
        "file://",
    ],
)
def test_pages_of_other_sites_write_nothing_even_with_it(browser: Person, origin: str) -> None:
    headers = csrf_of(browser) | {"Origin": origin}
    assert refused(rename(browser, **headers)) == "foreign_origin"


def test_pages_of_our_own_write(browser: Person) -> None:
    headers = csrf_of(browser) | {"Origin": "http://localhost"}
    assert rename(browser, **headers).status_code == 200


def test_a_header_wins_over_cookies_and_needs_no_csrf_token(browser: Person, alice: Person) -> None:
    authorization = f"Bearer {alice.tokens['access_token']}"
    answer = rename(browser, Authorization=authorization)
    assert answer.get_json()["id"] == alice.id


def test_a_wrong_header_is_not_made_good_by_cookies(browser: Person) -> None:
    answer = browser.get("/users/me", Authorization="Bearer wrong")
    assert answer.status_code == 401


def test_cookies_refresh(browser: Person) -> None:
    before = cookie(browser.client, ACCESS)
    answer = browser.post("/auth/refresh", {}, **csrf_of(browser, REFRESH_CSRF))
    assert answer.status_code == 200, answer.text
    assert answer.get_json()["access_token"] is None
    assert cookie(browser.client, ACCESS) != before
    assert rename(browser, **csrf_of(browser)).status_code == 200


def test_cookies_go_when_their_session_ends(browser: Person, database: str) -> None:
    query = """
        UPDATE sessions SET created_at = now() - %(days)s * interval '1 day' + interval '1 h'
        WHERE user_id = %(id)s
    """
    rows(database, query, {"id": browser.id, "days": settings.session_days})
    answer = browser.post("/auth/refresh", {}, **csrf_of(browser, REFRESH_CSRF))
    ages = re.findall(r"Max-Age=(\d+)", str(answer.headers.getlist("Set-Cookie")))
    assert [3_500 < int(age) <= 3_600 for age in ages] == [True] * 4


def test_cookies_do_not_refresh_with_the_csrf_token_of_the_access_token(browser: Person) -> None:
    answer = browser.post("/auth/refresh", {}, **csrf_of(browser))
    assert refused(answer) == "csrf_token_wrong"


def test_a_refresh_cookie_is_no_access_cookie(browser: Person) -> None:
    browser.client.set_cookie(ACCESS, cookie(browser.client, REFRESH))
    assert browser.get("/users/me").status_code == 401


def test_without_cookie_and_token_there_is_nothing_to_refresh(anonymous: Person) -> None:
    answer = anonymous.post("/auth/refresh", {})
    assert (answer.status_code, answer.get_json()["code"]) == (401, "unauthenticated")


def test_signing_out_deletes_the_cookies(browser: Person) -> None:
    assert browser.post("/auth/logout", **csrf_of(browser)).status_code == 204
    assert browser.client.get_cookie(ACCESS) is None
    assert browser.client.get_cookie(REFRESH) is None
    assert browser.get("/users/me").status_code == 401
