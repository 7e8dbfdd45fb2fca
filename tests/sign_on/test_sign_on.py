"""Signing in with an account elsewhere: the way there and back, and who may not take it."""

from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from flask import Flask

from services.db_client import db
from services.identity_providers import identity_providers
from services.sign_on_service import sign_on_service
from tests.factories import Person
from tests.sign_on.fake_provider import FakeProvider
from tests.sign_on.flow import (
    STATE_COOKIE,
    come_back,
    leave,
    refused,
    sign_in,
    signed_in,
)
from tests.sql import number, rows

CALLBACK = "http://localhost/callback"


def test_providers_are_listed(anonymous: Person, provider: FakeProvider) -> None:
    assert anonymous.get("/auth/providers").get_json() == [{"id": "oidc", "name": "Example"}]


def test_where_nothing_is_set_up_nobody_can_sign_in_elsewhere(anonymous: Person) -> None:
    assert anonymous.get("/auth/providers").get_json() == []
    answer = anonymous.post("/auth/sign-on/google", {})
    assert "/auth/providers" in refused(answer, 404, "provider_unknown")


def test_who_comes_back_is_signed_in(ada: Person, provider: FakeProvider) -> None:
    tokens = sign_in(ada, provider).get_json()
    me = ada.get("/users/me", Authorization=f"Bearer {tokens['access_token']}").get_json()
    assert me["email"] == provider.account["email"]
    assert (me["name"], me["verified"]) == ("Ada Lovelace", True)
    bearer = f"Bearer {tokens['access_token']}"
    opened, *_ = ada.get("/audit?action=session.opened", Authorization=bearer).get_json()
    assert opened["ways"] == ["oidc"]


def test_a_browser_gets_cookies_and_is_sent_on(ada: Person, provider: FakeProvider) -> None:
    answer = sign_in(ada, provider, cookies=True, return_to="/docs?a=b#top")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/docs?a=b#top")
    assert answer.data == b""
    assert ada.get("/users/me").get_json()["email"] == provider.account["email"]


def test_who_comes_again_is_the_same_person(ada: Person, provider: FakeProvider) -> None:
    assert signed_in(ada, provider).id == signed_in(ada, provider).id


def test_who_comes_again_is_known_by_subject_not_by_address(
    ada: Person, provider: FakeProvider
) -> None:
    first = signed_in(ada, provider)
    provider.account |= {"email": "else@example.org", "email_verified": False}
    again = signed_in(ada, provider)
    assert (again.id, again.email) == (first.id, first.email)


def test_a_new_account_is_in_the_log_as_any_other(ada: Person, provider: FakeProvider) -> None:
    account = signed_in(ada, provider)
    events = account.get(f"/rooms/user:{account.id}/events").get_json()
    assert [each["type"] for each in events] == ["user.created", "user.verified"]
    assert events[-1]["data"] == account.get("/users/me").get_json()


def test_an_account_without_a_password_opens_with_none(ada: Person, provider: FakeProvider) -> None:
    account = signed_in(ada, provider)
    body = {"email": account.email, "password": ""}
    for password in ("", "correct horse battery"):
        refused(ada.post("/auth/login", body | {"password": password}), 401, "wrong_credentials")


def test_what_an_import_left_for_a_verified_address_is_handed_over(
    ada: Person, alice: Person, provider: FakeProvider, database: str
) -> None:
    project = alice.post("/projects", {"name": "Website"}).get_json()
    rows(
        database,
        "WITH waiting AS (INSERT INTO users (id, placeholder_email, name)"
        " VALUES (gen_random_uuid(), %(email)s, 'Ada') RETURNING id)"
        " INSERT INTO memberships (project_id, user_id, role)"
        " SELECT %(project)s, id, 'editor' FROM waiting",
        {"email": provider.account["email"], "project": project["id"]},
    )
    assert [each["id"] for each in signed_in(ada, provider).get("/projects").get_json()] == [
        project["id"]
    ]


def test_a_disabled_account_is_not_opened(
    ada: Person, provider: FakeProvider, database: str
) -> None:
    account = signed_in(ada, provider)
    rows(database, "UPDATE users SET is_active = false WHERE id = %(id)s", {"id": account.id})
    refused(sign_in(ada, provider), 401, "account_disabled")


# What is asked of the provider


def test_the_provider_is_asked_with_everything_that_ties_both_ends(
    ada: Person, provider: FakeProvider
) -> None:
    url = urlsplit(leave(ada))
    query = dict(parse_qsl(url.query))
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{provider.url}/authorize"
    assert (query["redirect_uri"], query["scope"]) == (CALLBACK, "openid email profile")
    assert query["code_challenge_method"] == "S256"
    secrets = [query["state"], query["nonce"], query["code_challenge"]]
    assert len(set(secrets)) == 3
    assert min(map(len, secrets)) == 43  # 256 bits


def test_every_attempt_has_secrets_of_its_own(ada: Person, provider: FakeProvider) -> None:
    first, second = (parse_qs(urlsplit(leave(ada)).query) for _ in range(2))
    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]


def test_the_host_header_does_not_move_the_redirect(ada: Person, provider: FakeProvider) -> None:
    answer = ada.post("/auth/sign-on/oidc", {}, Host="evil.example")
    query = dict(parse_qsl(urlsplit(answer.get_json()["authorization_url"]).query))
    assert query["redirect_uri"] == CALLBACK


def test_the_state_is_in_a_cookie_for_this_host_alone(ada: Person, provider: FakeProvider) -> None:
    answer = ada.post("/auth/sign-on/oidc", {})
    (line,) = answer.headers.getlist("Set-Cookie")
    assert line.startswith(f"{STATE_COOKIE}=")
    parts = set(line.split("; "))
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=600"} <= parts
    assert "Domain" not in line


def test_the_database_holds_no_secret_of_an_attempt(
    ada: Person, provider: FakeProvider, database: str
) -> None:
    query = dict(parse_qsl(urlsplit(leave(ada)).query))
    kept = str(rows(database, "SELECT * FROM sign_on_attempts"))
    assert not [name for name in ("state", "nonce", "code_challenge") if query[name] in kept]


def test_documents_of_the_provider_are_kept(ada: Person, provider: FakeProvider) -> None:
    for _ in range(3):
        signed_in(ada, provider)
    assert provider.asked.count("/.well-known/openid-configuration") == 1
    assert provider.asked.count("/jwks") == 1


# State


def test_a_wrong_state_is_refused(ada: Person, provider: FakeProvider) -> None:
    question = provider.allow(leave(ada)) + "x"
    refused(come_back(ada, question), 400, "sign_on_other_browser")
    assert "/token" not in provider.asked


@pytest.mark.parametrize("question", ["code=x", "code=x&state=", "state=é"])
def test_without_a_state_of_ours_nobody_comes_back(
    ada: Person, provider: FakeProvider, question: str
) -> None:
    leave(ada)
    assert come_back(ada, question).status_code in (400, 422)
    assert "/token" not in provider.asked


def test_an_empty_state_without_a_cookie_is_refused(ada: Person, provider: FakeProvider) -> None:
    refused(come_back(ada, "code=x&state="), 400, "sign_on_over")


def test_the_state_of_another_browser_is_refused(
    app: Flask, ada: Person, provider: FakeProvider
) -> None:
    mallory = Person(app.test_client())
    leave(ada)
    question = provider.allow(leave(mallory))
    refused(come_back(ada, question), 400, "sign_on_other_browser")
    assert come_back(mallory, question).status_code == 200


def test_a_state_works_once(ada: Person, provider: FakeProvider) -> None:
    question = provider.allow(leave(ada))
    cookie = ada.client.get_cookie(STATE_COOKIE)
    assert cookie is not None
    assert come_back(ada, question).status_code == 200
    assert ada.client.get_cookie(STATE_COOKIE) is None
    ada.client.set_cookie(STATE_COOKIE, cookie.value)
    refused(come_back(ada, question), 400, "sign_on_over")


def test_a_state_is_used_up_where_the_answer_is_an_error(
    ada: Person, provider: FakeProvider
) -> None:
    question = provider.allow(leave(ada))
    state = parse_qs(question)["state"][0]
    provider.lies["nonce"] = "another"
    refused(come_back(ada, question), 401, "id_token_invalid")
    del provider.lies["nonce"]
    ada.client.set_cookie(STATE_COOKIE, state)
    refused(come_back(ada, question), 400, "sign_on_over")


def test_an_expired_state_is_refused(ada: Person, provider: FakeProvider, database: str) -> None:
    question = provider.allow(leave(ada))
    rows(database, "UPDATE sign_on_attempts SET expires_at = now() - interval '1 s'")
    refused(come_back(ada, question), 400, "sign_on_over")


def test_the_state_of_one_provider_is_not_that_of_another(
    ada: Person, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(identity_providers, "google", identity_providers["oidc"])
    question = provider.allow(leave(ada))
    refused(come_back(ada, question, "google"), 400, "sign_on_over")


def test_attempts_that_nobody_finished_are_purged(
    ada: Person, provider: FakeProvider, database: str
) -> None:
    leave(ada)
    rows(database, "UPDATE sign_on_attempts SET expires_at = now() - interval '1 s'")
    question = provider.allow(leave(ada))
    assert db.transaction(sign_on_service.purge)["sign-ons not finished"] >= 1
    assert come_back(ada, question).status_code == 200


# What comes back instead of a code


def test_who_did_not_allow_it_is_told_so(ada: Person, provider: FakeProvider) -> None:
    state = parse_qs(provider.allow(leave(ada)))["state"][0]
    answer = come_back(ada, f"error=access_denied&error_description=No&state={state}")
    assert "start again" in refused(answer, 400, "sign_on_denied")


@pytest.mark.parametrize("said", ["error=server_error", "error=server_error&code=x", "scope=email"])
def test_coming_back_without_a_code_is_refused(
    ada: Person, provider: FakeProvider, said: str
) -> None:
    state = parse_qs(provider.allow(leave(ada)))["state"][0]
    refused(come_back(ada, f"{said}&state={state}"), 400, "sign_on_failed")
    assert "/token" not in provider.asked


def test_a_code_of_nobody_s_is_refused(ada: Person, provider: FakeProvider) -> None:
    state = parse_qs(provider.allow(leave(ada)))["state"][0]
    refused(come_back(ada, f"code=guessed&state={state}"), 400, "sign_on_failed")


def test_a_code_for_another_attempt_is_refused(
    app: Flask, ada: Person, provider: FakeProvider
) -> None:
    stolen = parse_qs(provider.allow(leave(Person(app.test_client()))))["code"][0]
    state = parse_qs(provider.allow(leave(ada)))["state"][0]
    refused(come_back(ada, f"code={stolen}&state={state}"), 400, "sign_on_failed")


def test_an_answer_of_another_issuer_is_refused(ada: Person, provider: FakeProvider) -> None:
    question = provider.allow(leave(ada))
    refused(come_back(ada, f"{question}&iss=https://evil.example"), 400, "sign_on_failed")
    question = provider.allow(leave(ada))
    assert come_back(ada, f"{question}&iss={provider.url}").status_code == 200


def test_a_provider_that_always_names_itself_must(ada: Person, provider: FakeProvider) -> None:
    provider.configuration["authorization_response_iss_parameter_supported"] = True
    refused(sign_in(ada, provider), 400, "sign_on_failed")
    question = provider.allow(leave(ada))
    assert come_back(ada, f"{question}&iss={provider.url}").status_code == 200


# Where it goes on


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "/docs//evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/docs\r\nSet-Cookie: a=b",
        " /docs",
        "/docs ",
        "docs",
        "",
        "javascript:alert(1)",
        "/é",
    ],
)
def test_a_browser_is_never_sent_elsewhere(
    ada: Person, provider: FakeProvider, elsewhere: str
) -> None:
    answer = ada.post("/auth/sign-on/oidc", {"cookies": True, "return_to": elsewhere})
    assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, "body.return_to")


def test_a_page_of_another_site_starts_nothing(
    ada: Person, provider: FakeProvider, database: str
) -> None:
    answer = ada.post("/auth/sign-on/oidc", {}, Origin="https://evil.example")
    refused(answer, 403, "foreign_origin")
    assert answer.headers.getlist("Set-Cookie") == []
    count = "SELECT count(*) FROM users WHERE email = %(email)s"
    assert number(database, count, {"email": provider.account["email"]}) == 0
