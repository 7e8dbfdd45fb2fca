"""Forged tokens: whatever is not exactly what we sign is refused the same way."""

import base64
import hmac
import json
import time
from typing import Any, Literal

import jwt
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from config import settings
from tests.factories import Person

Kind = Literal["access", "refresh"]
Claims = dict[str, Any]

KINDS: tuple[Kind, ...] = ("access", "refresh")
ATTACKER = "the key of somebody else, long enough for HS256"
ATTACKERS_SITE = "https://attacker.example/keys.json"

REQUIRED = ["exp", "iat", "jti", "sub", "sid", "type", "iss", "aud"]

WRONG: dict[str, Claims] = {
    "aud of another service": {"aud": "other"},
    "several auds of others": {"aud": ["other", "another"]},
    "no aud": {"aud": None},
    "iss of another service": {"iss": "other"},
    "no iss": {"iss": None},
    "iat in the future": {"iat": 4_000_000_000},
    "nbf in the future": {"nbf": 4_000_000_000},
    "exp that is no number": {"exp": "tomorrow"},
    "no exp": {"exp": None},
    "unknown type": {"type": "admin"},
    "no type": {"type": None},
    "sub that is no text": {"sub": 1},
    "sid that is no text": {"sid": 1},
    "no sid": {"sid": None},
    "a session that never was": {"sid": "01890a5d-ac96-774b-bcce-b302099a8057"},
}

OUR_KEY = settings.signing_key
FORGED_HEADERS: dict[str, tuple[Claims, str]] = {
    "another key": ({"alg": "HS256"}, ATTACKER),
    "no key": ({"alg": "HS256"}, ""),
    "no algorithm named": ({"typ": "JWT"}, OUR_KEY),
    "null for an algorithm": ({"alg": None}, OUR_KEY),
    "HS384": ({"alg": "HS384"}, OUR_KEY),
    "HS512": ({"alg": "HS512"}, OUR_KEY),
    "RS256 with the shared key": ({"alg": "RS256"}, OUR_KEY),
    "ES256 with the shared key": ({"alg": "ES256"}, OUR_KEY),
    "PS256 with the shared key": ({"alg": "PS256"}, OUR_KEY),
    "EdDSA with the shared key": ({"alg": "EdDSA"}, OUR_KEY),
    "none with a signature": ({"alg": "none"}, OUR_KEY),
    "kid that names an empty file": ({"alg": "HS256", "kid": "../../../dev/null"}, ""),
    "kid with SQL in it": ({"alg": "HS256", "kid": "' UNION SELECT 'key' --"}, "key"),
    "jwk of one's own": (
        {"alg": "HS256", "jwk": {"kty": "oct", "k": base64.b64encode(ATTACKER.encode()).decode()}},
        ATTACKER,
    ),
    "jku of one's own": ({"alg": "HS256", "jku": ATTACKERS_SITE, "kid": "1"}, ATTACKER),
    "x5u of one's own": ({"alg": "HS256", "x5u": ATTACKERS_SITE}, ATTACKER),
    "extension that must be understood": ({"alg": "HS256", "crit": ["exp2"], "exp2": 1}, OUR_KEY),
}

GARBAGE = ["null", "a", "a.b", "a.b.c", "..", "a.b.c.d.e", "é.é.é", "%00", "'", "A" * 7_000]


def claims_of(person: Person, kind: Kind) -> Claims:
    claims: Claims = jwt.decode(person.tokens[f"{kind}_token"], options={"verify_signature": False})
    return claims


def sign(claims: Claims) -> str:
    return jwt.encode(claims, OUR_KEY, algorithm="HS256")


def base64url(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def forge(header: Claims, claims: Any, key: str) -> str:
    """Write a token by hand, which the library would refuse to do."""
    digest = {"HS384": "sha384", "HS512": "sha512"}.get(header.get("alg") or "", "sha256")
    signed = b".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
    signature = hmac.digest(key.encode(), signed, digest)
    return b".".join([signed, base64url(signature)]).decode()


def present(person: Person, kind: Kind, token: str) -> TestResponse:
    """Use a token for what tokens of this kind are for."""
    if kind == "refresh":
        return person.post("/auth/refresh", {"refresh_token": token})
    return person.get("/users/me", Authorization=f"Bearer {token}")


def assert_refused(answer: TestResponse, *codes: str) -> None:
    assert answer.status_code == 401, answer.text
    assert answer.mimetype == "application/problem+json"
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.get_json()["status"] == 401
    assert answer.get_json()["code"] in codes


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_like_ours_is_accepted(alice: Person, kind: Kind) -> None:
    claims = claims_of(alice, kind)
    assert set(claims) >= set(REQUIRED)
    assert present(alice, kind, sign(claims)).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_written_by_hand_like_ours_is_accepted(alice: Person, kind: Kind) -> None:
    token = forge({"alg": "HS256"}, claims_of(alice, kind), OUR_KEY)
    assert present(alice, kind, token).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("claim", REQUIRED)
def test_a_token_without_a_claim_is_refused(alice: Person, claim: str, kind: Kind) -> None:
    claims = claims_of(alice, kind)
    del claims[claim]
    assert_refused(present(alice, kind, sign(claims)), "token_invalid")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wrong", WRONG)
def test_a_token_with_a_wrong_claim_is_refused(alice: Person, wrong: str, kind: Kind) -> None:
    token = forge({"alg": "HS256"}, claims_of(alice, kind) | WRONG[wrong], OUR_KEY)
    assert_refused(present(alice, kind, token), "token_invalid", "session_over")


@pytest.mark.parametrize("kind", KINDS)
def test_an_expired_token_is_refused_and_says_so(alice: Person, kind: Kind) -> None:
    token = sign(claims_of(alice, kind) | {"exp": int(time.time()) - 1})
    assert_refused(present(alice, kind, token), "token_expired")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("forgery", FORGED_HEADERS)
def test_a_token_signed_another_way_is_refused(alice: Person, forgery: str, kind: Kind) -> None:
    header, key = FORGED_HEADERS[forgery]
    token = forge(header, claims_of(alice, kind), key)
    assert_refused(present(alice, kind, token), "token_invalid")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "HS256", ""])
def test_a_token_without_a_signature_is_refused(alice: Person, algorithm: str, kind: Kind) -> None:
    token = forge({"alg": algorithm}, claims_of(alice, kind), OUR_KEY)
    unsigned = token.rpartition(".")[0] + "."
    assert_refused(present(alice, kind, unsigned), "token_invalid")


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_whose_claims_were_changed_is_refused(
    alice: Person, bob: Person, kind: Kind
) -> None:
    header, _, signature = alice.tokens[f"{kind}_token"].split(".")
    _, payload, _ = bob.tokens[f"{kind}_token"].split(".")
    assert_refused(present(alice, kind, f"{header}.{payload}.{signature}"), "token_invalid")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("claims", [[], "claims", None, 1])
def test_a_token_whose_claims_are_no_object_is_refused(
    alice: Person, claims: Any, kind: Kind
) -> None:
    token = forge({"alg": "HS256"}, claims, OUR_KEY)
    assert_refused(present(alice, kind, token), "token_invalid")


@pytest.mark.parametrize("token", GARBAGE)
def test_garbage_is_no_access_token(alice: Person, token: str) -> None:
    assert_refused(present(alice, "access", token), "token_invalid")


@pytest.mark.parametrize("token", ["", *(each for each in GARBAGE if len(each) < 4_000)])
def test_garbage_is_no_refresh_token(alice: Person, token: str) -> None:
    assert_refused(present(alice, "refresh", token), "token_invalid")


def test_a_refresh_token_is_no_access_token(alice: Person) -> None:
    assert_refused(present(alice, "access", alice.tokens["refresh_token"]), "token_invalid")


def test_an_access_token_is_no_refresh_token(alice: Person) -> None:
    assert_refused(present(alice, "refresh", alice.tokens["access_token"]), "token_invalid")


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic {}", "Token {}", "JWT {}", "{}"]
)
def test_another_scheme_is_refused(alice: Person, header: str) -> None:
    token = alice.tokens["access_token"]
    answer = alice.get("/users/me", Authorization=header.format(token))
    assert_refused(answer, "unauthenticated")


def test_the_name_of_the_scheme_may_be_written_in_any_case(alice: Person) -> None:
    answer = alice.get("/users/me", Authorization=f"bEARER {alice.tokens['access_token']}")
    assert answer.status_code == 200


@pytest.mark.parametrize("name", ["access_token", "token", "jwt"])
def test_a_token_in_the_address_does_not_count(alice: Person, name: str) -> None:
    path = f"/users/me?{name}={alice.tokens['access_token']}"
    assert_refused(alice.get(path, Authorization=""), "unauthenticated")


def test_a_token_in_a_cookie_does_not_count(app: Flask, alice: Person) -> None:
    stranger = Person(app.test_client())
    stranger.client.set_cookie("access_token_cookie", alice.tokens["access_token"])
    assert_refused(stranger.get("/users/me"), "unauthenticated")


def test_a_refused_token_is_not_repeated(alice: Person) -> None:
    assert "canary" not in present(alice, "access", "canary").text
