"""Forged tokens: whatever is not exactly what we sign is refused the same way.

By both workers of the real server, over REST, and where access tokens sign in to a WebSocket.
"""

import base64
import hmac
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import jwt
import pytest
import requests
from flask import Flask
from werkzeug.test import TestResponse

from config import settings
from tests.crowd import crowd
from tests.factories import Person
from tests.live.sockets import Socket, Sockets
from tests.records import done
from tests.server import Client, Server

Kind = Literal["access", "refresh"]
Claims = dict[str, Any]

KINDS: tuple[Kind, ...] = ("access", "refresh")
ATTACKER = "the key of somebody else, long enough for HS256"
ATTACKERS_SITE = "https://attacker.example/keys.json"

REQUIRED = ["exp", "iat", "jti", "sub", "sid", "csrf", "type", "iss", "aud"]

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


@dataclass
class Doors:
    """Everywhere that a token may be shown."""

    clients: list[Client]
    sockets: Sockets

    def ask(self, kind: Kind, token: str) -> list[requests.Response]:
        """Use a token at both workers for what tokens of this kind are for."""
        if kind == "refresh":
            body = {"refresh_token": token}
            return [client.post("/auth/refresh", json=body) for client in self.clients]
        headers = {"Authorization": f"Bearer {token}"}
        return [client.get("/users/me", headers=headers) for client in self.clients]

    def open(self, token: str) -> Iterator[Socket]:
        """Open a socket with the token in its first message, and one with it in a header."""
        socket = self.sockets.unwelcomed()
        socket.send("authenticate", token=token)
        yield socket
        if token.isascii():
            yield self.sockets.unwelcomed(headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def doors(server: Server) -> Iterator[Doors]:
    """Connections to both workers."""
    with crowd(server, 2) as clients, Sockets.at(server) as sockets:
        yield Doors(clients, sockets)


def assert_refused(doors: Doors, kind: Kind, tokens: Mapping[str, str], *codes: str) -> None:
    for name, token in tokens.items():
        for answer in doors.ask(kind, token):
            assert answer.status_code == 401, (name, answer.text)
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert answer.json()["status"] == 401
            assert answer.json()["code"] in codes, name
        for socket in doors.open(token) if kind == "access" else ():
            assert (socket.closed()[0], socket.messages) == (4001, []), name


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_like_ours_is_accepted(doors: Doors, alice: Person, kind: Kind) -> None:
    claims = claims_of(alice, kind)
    assert set(claims) >= set(REQUIRED)
    for token in (sign(claims), forge({"alg": "HS256"}, claims, OUR_KEY)):
        assert {answer.status_code for answer in doors.ask(kind, token)} == {200}
        for socket in doors.open(token) if kind == "access" else ():
            assert socket.receive("welcome")["user_id"] == alice.id


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_without_a_claim_is_refused(doors: Doors, alice: Person, kind: Kind) -> None:
    claims = claims_of(alice, kind)
    tokens = {
        missing: sign({name: value for name, value in claims.items() if name != missing})
        for missing in REQUIRED
    }
    assert_refused(doors, kind, tokens, "token_invalid")


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_with_a_wrong_claim_is_refused(doors: Doors, alice: Person, kind: Kind) -> None:
    claims = claims_of(alice, kind)
    tokens = {
        name: forge({"alg": "HS256"}, claims | wrong, OUR_KEY) for name, wrong in WRONG.items()
    }
    stale = tokens.pop("a session that never was")
    assert_refused(doors, kind, tokens, "token_invalid")
    assert_refused(doors, kind, {"stale": stale}, "session_over")


@pytest.mark.parametrize("kind", KINDS)
def test_an_expired_token_is_refused_and_says_so(doors: Doors, alice: Person, kind: Kind) -> None:
    token = sign(claims_of(alice, kind) | {"exp": int(time.time()) - 1})
    assert_refused(doors, kind, {"expired": token}, "token_expired")


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_of_an_ended_session_is_refused(doors: Doors, alice: Person, kind: Kind) -> None:
    done(alice.post("/auth/logout"))
    assert_refused(doors, kind, {"revoked": alice.tokens[f"{kind}_token"]}, "session_over")


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_signed_another_way_is_refused(doors: Doors, alice: Person, kind: Kind) -> None:
    claims = claims_of(alice, kind)
    tokens = {name: forge(header, claims, key) for name, (header, key) in FORGED_HEADERS.items()}
    assert_refused(doors, kind, tokens, "token_invalid")


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_without_a_signature_is_refused(doors: Doors, alice: Person, kind: Kind) -> None:
    claims = claims_of(alice, kind)
    tokens = {
        algorithm: forge({"alg": algorithm}, claims, OUR_KEY).rpartition(".")[0] + "."
        for algorithm in ("none", "None", "NONE", "nOnE", "HS256", "")
    }
    assert_refused(doors, kind, tokens, "token_invalid")


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_whose_claims_were_changed_is_refused(
    doors: Doors, alice: Person, bob: Person, kind: Kind
) -> None:
    header, _, signature = alice.tokens[f"{kind}_token"].split(".")
    _, payload, _ = bob.tokens[f"{kind}_token"].split(".")
    tokens = {"of bob": f"{header}.{payload}.{signature}"}
    no_objects: list[Any] = [[], "claims", None, 1]
    tokens |= {f"{claims}": forge({"alg": "HS256"}, claims, OUR_KEY) for claims in no_objects}
    assert_refused(doors, kind, tokens, "token_invalid")


@pytest.mark.parametrize("kind", KINDS)
def test_garbage_is_no_token(doors: Doors, kind: Kind) -> None:
    tokens = [token for token in GARBAGE if kind == "access" or len(token) < 4_000]
    assert_refused(doors, kind, {token[:20]: token for token in tokens}, "token_invalid")


def test_a_refresh_token_is_no_access_token(doors: Doors, alice: Person) -> None:
    refresh = alice.tokens["refresh_token"]
    assert_refused(doors, "access", {"refresh": refresh}, "token_invalid")


def test_an_access_token_is_no_refresh_token(doors: Doors, alice: Person) -> None:
    tokens = {"access": alice.tokens["access_token"], "none": ""}
    assert_refused(doors, "refresh", tokens, "token_invalid")


# Where a token is looked for


def assert_unauthenticated(answer: TestResponse) -> None:
    assert (answer.status_code, answer.get_json()["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic {}", "Token {}", "JWT {}", "{}"]
)
def test_another_scheme_is_refused(alice: Person, header: str) -> None:
    token = alice.tokens["access_token"]
    answer = alice.get("/users/me", Authorization=header.format(token))
    assert_unauthenticated(answer)


def test_the_name_of_the_scheme_may_be_written_in_any_case(alice: Person) -> None:
    answer = alice.get("/users/me", Authorization=f"bEARER {alice.tokens['access_token']}")
    assert answer.status_code == 200


@pytest.mark.parametrize("name", ["access_token", "token", "jwt"])
def test_a_token_in_the_address_does_not_count(alice: Person, name: str) -> None:
    path = f"/users/me?{name}={alice.tokens['access_token']}"
    assert_unauthenticated(alice.get(path, Authorization=""))


def test_a_token_in_a_cookie_does_not_count(app: Flask, alice: Person) -> None:
    stranger = Person(app.test_client())
    stranger.client.set_cookie("access_token_cookie", alice.tokens["access_token"])
    assert_unauthenticated(stranger.get("/users/me"))


def test_a_refused_token_is_not_repeated(alice: Person) -> None:
    assert "canary" not in alice.get("/users/me", Authorization="Bearer canary").text
