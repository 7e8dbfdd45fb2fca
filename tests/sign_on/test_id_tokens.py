"""What a provider says about somebody counts only when everything about it is right."""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from threading import Event
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from structlog.testing import capture_logs

from models.identity import ProviderName
from services.identity_providers import identity_providers
from services.sign_on.openid import OpenIdProvider
from tests.factories import Person
from tests.server import free_port
from tests.sign_on.conftest import CLIENT
from tests.sign_on.fake_provider import CLIENT_SECRET, FakeProvider, in_json, new_key, sign
from tests.sign_on.flow import come_back, leave, refused, sign_in
from tests.sql import number

LIES = [
    ("nonce", "another", "nonce"),
    ("nonce", None, "nonce"),
    ("nonce", "", "nonce"),
    ("iss", "https://evil.example", "issuer"),
    ("iss", None, "issuer"),
    ("aud", "somebody else", "audience"),
    ("aud", ["somebody else"], "audience"),
    ("aud", ["stint", "somebody else"], "audience"),
    ("aud", None, "audience"),
    ("azp", "somebody else", "audience"),
    ("sub", None, "subject"),
    ("sub", "", "subject"),
    ("sub", 4711, "subject"),
    ("sub", "x" * 256, "subject"),
    ("exp", int(time.time()) - 3_600, "time"),
    ("exp", None, "time"),
    ("exp", "tomorrow", "time"),
    ("iat", int(time.time()) + 3_600, "time"),
    ("iat", None, "time"),
    ("nbf", int(time.time()) + 3_600, "time"),
]


def accounts_of(database: str, provider: FakeProvider) -> int:
    count = "SELECT count(*) FROM users WHERE email = %(email)s"
    return number(database, count, {"email": provider.account["email"]})


def encode(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def segment(content: dict[str, Any]) -> str:
    return encode(json.dumps(content).encode())


def nonce_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["nonce"][0]


def come_back_with(ada: Person, provider: FakeProvider, header: dict[str, Any], key: Any) -> str:
    """Come back when the provider signs true claims otherwise; return what the refusal says."""
    url = leave(ada)
    provider.token = sign(header, provider.claims(nonce_of(url)), key)
    return refused(come_back(ada, provider.allow(url)), 401, "id_token_invalid")


@pytest.mark.parametrize(
    ("claim", "value", "part"), LIES, ids=[f"{number}-{lie[0]}" for number, lie in enumerate(LIES)]
)
def test_a_wrong_claim_is_refused_and_named(
    ada: Person, provider: FakeProvider, database: str, claim: str, value: Any, part: str
) -> None:
    provider.lies[claim] = value
    said = refused(sign_in(ada, provider), 401, "id_token_invalid")
    assert f"its {part} is wrong" in said
    assert accounts_of(database, provider) == 0


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": ["stint"]},
        {"aud": ["stint", "somebody else"], "azp": "stint"},
        {"exp": int(time.time()) + 3_600, "iat": int(time.time()) - 3_600},
    ],
)
def test_what_is_right_in_another_way_is_taken(
    ada: Person, provider: FakeProvider, claims: dict[str, Any]
) -> None:
    provider.lies |= claims
    assert sign_in(ada, provider).status_code == 200


def test_a_signature_by_another_key_is_refused(ada: Person, provider: FakeProvider) -> None:
    header = {"alg": "RS256", "kid": "first"}
    assert "signature" in come_back_with(ada, provider, header, new_key("first"))


def test_a_key_that_nobody_published_is_refused(ada: Person, provider: FakeProvider) -> None:
    header = {"alg": "RS256", "kid": "unknown"}
    assert "signature" in come_back_with(ada, provider, header, new_key("unknown"))


def test_a_key_in_the_token_itself_is_refused(ada: Person, provider: FakeProvider) -> None:
    key = new_key("first")
    header = {"alg": "RS256", "kid": "first", "jwk": key.as_dict(private=False)}
    assert "signature" in come_back_with(ada, provider, header, key)


def test_without_a_signature_a_token_is_refused(ada: Person, provider: FakeProvider) -> None:
    url = leave(ada)
    claims = provider.claims(nonce_of(url))
    provider.token = f"{segment({'alg': 'none', 'kid': 'first'})}.{segment(claims)}."
    said = refused(come_back(ada, provider.allow(url)), 401, "id_token_invalid")
    assert "signature" in said


@pytest.mark.parametrize("secret", ["public key", "client secret"])
def test_a_signature_that_its_checker_could_make_is_refused(
    ada: Person, provider: FakeProvider, secret: str
) -> None:
    known = {
        "public key": provider.key.as_pem(private=False),
        "client secret": CLIENT_SECRET.encode(),
    }
    url = leave(ada)
    claims = provider.claims(nonce_of(url))
    # Written by hand: libraries do not sign with a public key, which attackers do.
    signed = f"{segment({'alg': 'HS256', 'kid': 'first'})}.{segment(claims)}"
    mac = hmac.digest(known[secret], signed.encode(), "sha256")
    provider.token = f"{signed}.{encode(mac)}"
    said = refused(come_back(ada, provider.allow(url)), 401, "id_token_invalid")
    assert "signature" in said


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "....", None, 1])
def test_what_is_no_token_is_refused(ada: Person, provider: FakeProvider, token: Any) -> None:
    answer = {"access_token": "opens the account", "token_type": "bearer", "id_token": token}
    provider.answers["/token"] = in_json(answer)
    refused(sign_in(ada, provider), 401, "id_token_invalid")


def test_a_new_key_is_looked_for_once_it_is_named(ada: Person, provider: FakeProvider) -> None:
    assert sign_in(ada, provider).status_code == 200
    provider.key = new_key("second")
    assert sign_in(ada, provider).status_code == 200
    assert provider.asked.count("/jwks") == 2


@pytest.mark.parametrize(("others", "status"), [(0, 200), (1, 401)])
def test_a_token_may_name_no_key_where_there_is_but_one(
    ada: Person, provider: FakeProvider, others: int, status: int
) -> None:
    provider.published = [new_key("other")] * others
    url = leave(ada)
    provider.token = sign({"alg": "RS256"}, provider.claims(nonce_of(url)), provider.key)
    assert come_back(ada, provider.allow(url)).status_code == status


def test_a_refusal_is_logged_without_anything_secret(ada: Person, provider: FakeProvider) -> None:
    provider.lies["aud"] = "somebody else"
    with capture_logs() as lines:
        sign_in(ada, provider)
    (line,) = [line for line in lines if line["event"] == "sign_on.id_token_refused"]
    assert {"provider": "oidc", "reason": "audience"}.items() <= line.items()
    assert provider.account["email"] not in str(lines)


# Addresses


@pytest.mark.parametrize(
    "lies",
    [
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "true"},
        {"email_verified": 1},
        {"email": "no address"},
        {"email": ""},
        {"email": ["ada@example.org"]},
    ],
)
def test_an_address_that_is_not_verified_there_opens_nothing(
    ada: Person, provider: FakeProvider, database: str, lies: dict[str, Any]
) -> None:
    provider.lies |= lies
    said = refused(sign_in(ada, provider), 400, "address_unverified")
    assert "verify it there" in said
    assert accounts_of(database, provider) == 0


def test_an_address_that_is_told_on_request_only_is_asked_for(
    ada: Person, provider: FakeProvider
) -> None:
    provider.lies |= {"email": None, "email_verified": None}
    assert sign_in(ada, provider).status_code == 200
    assert "/userinfo" in provider.asked


def test_an_address_of_somebody_else_is_refused(ada: Person, provider: FakeProvider) -> None:
    provider.lies |= {"email": None, "email_verified": None}
    provider.answers["/userinfo"] = in_json(provider.account | {"sub": "somebody else"})
    refused(sign_in(ada, provider), 401, "id_token_invalid")


@pytest.mark.parametrize(
    ("name", "kept"), [("x" * 200, "x" * 100), (None, "ada-"), (" \0", "ada-"), (7, "7")]
)
def test_a_name_is_made_to_fit(ada: Person, provider: FakeProvider, name: Any, kept: str) -> None:
    provider.lies["name"] = name
    tokens = sign_in(ada, provider).get_json()
    me = ada.get("/users/me", Authorization=f"Bearer {tokens['access_token']}").get_json()
    assert me["name"].startswith(kept)


# Providers that do not answer as they should


BAD_ANSWERS = {
    "an error": (500, b"{}", {}),
    "no JSON": (200, b"<html>", {}),
    "another type": (200, b"[]", {}),
    "too much": (200, b'{"a": "' + b"x" * 400_000 + b'"}', {}),
    "a redirect": (302, b"{}", {"Location": "/jwks"}),
}
PATHS = ["/.well-known/openid-configuration", "/jwks", "/token"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("answer", BAD_ANSWERS)
def test_a_provider_that_answers_nonsense_is_away(
    ada: Person, provider: FakeProvider, path: str, answer: str
) -> None:
    provider.answers[path] = BAD_ANSWERS[answer]
    left = ada.post("/auth/sign-on/oidc", {})
    if left.status_code == 200:
        left = come_back(ada, provider.allow(left.get_json()["authorization_url"]))
    assert "another way" in refused(left, 503, "provider_away")
    assert "Retry-After" in left.headers


def test_a_provider_that_takes_long_is_away(
    ada: Person, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = provider.allow(leave(ada))
    provider.slow = Event()  # it takes the connection and says nothing
    monkeypatch.setattr("services.sign_on.wire.TIMEOUT_SECONDS", 0.2)
    refused(come_back(ada, question), 503, "provider_away")


def test_a_provider_that_goes_on_for_ever_is_away(
    ada: Person, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte comes soon enough; all of them would not."""
    question = provider.allow(leave(ada))
    provider.answers["/token"] = (200, b"{" + b" " * 10_000 + b"}", {})
    provider.dripping = True
    monkeypatch.setattr("services.sign_on.wire.TIMEOUT_SECONDS", 0.3)
    started = time.monotonic()
    refused(come_back(ada, question), 503, "provider_away")
    assert time.monotonic() - started < 60


def test_a_provider_that_is_down_is_away(
    ada: Person, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    known = OpenIdProvider(ProviderName.OIDC, "Example", url, CLIENT)
    monkeypatch.setitem(identity_providers, "oidc", known)
    refused(ada.post("/auth/sign-on/oidc", {}), 503, "provider_away")


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"token_endpoint": "file:///etc/passwd"},
        {"jwks_uri": "ftp://127.0.0.1/"},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
)
def test_a_provider_that_describes_itself_wrongly_is_not_used(
    ada: Person, provider: FakeProvider, change: dict[str, Any]
) -> None:
    provider.configuration |= change
    refused(ada.post("/auth/sign-on/oidc", {}), 503, "provider_away")


def test_a_provider_that_takes_its_secret_in_the_form_gets_it_there(
    ada: Person, provider: FakeProvider
) -> None:
    methods = ["client_secret_post", "private_key_jwt"]
    provider.configuration["token_endpoint_auth_methods_supported"] = methods
    provider.configuration["token_endpoint"] = f"{provider.url}/login/oauth/access_token"
    # That one gives no ID token: it took the secret all the same.
    refused(sign_in(ada, provider), 401, "id_token_invalid")
