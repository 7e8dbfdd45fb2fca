"""A provider on loopback that says what a test wants, and is strict about what it is asked."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc import jws
from joserfc.jwk import RSAKey

CLIENT_ID, CLIENT_SECRET = "stint", "a secret of the provider's"
ACCESS_TOKEN = "opens the account"
BASIC = "Basic " + base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()

Answer = tuple[int, bytes, dict[str, str]]


def new_key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})


@cache
def first_key() -> RSAKey:
    """The key of every provider at first: to make one takes longer than most tests."""
    return new_key("first")


def in_json(content: Any, status: int = 200) -> Answer:
    return status, json.dumps(content).encode(), {"Content-Type": "application/json"}


@dataclass
class FakeProvider:
    """OpenID Connect and GitHub's API for one account; the fields are for tests to change."""

    url: str
    account: dict[str, Any]
    key: RSAKey = field(default_factory=first_key)
    published: list[RSAKey] = field(default_factory=list)
    lies: dict[str, Any] = field(default_factory=dict)  # claims as they are not; None leaves out
    token: str | None = None  # the whole ID token instead of a true one
    configuration: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)  # instead of the true ones, by path
    asked: list[str] = field(default_factory=list)
    github_id: int = field(default_factory=lambda: secrets.randbelow(2**40))
    github_addresses: list[dict[str, Any]] = field(default_factory=list)
    slow: Event | None = None
    dripping: bool = False  # whether answers come byte by byte
    closing: Event = field(default_factory=Event)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def allow(self, authorization_url: str) -> str:
        """Let the person sign in; returns the question with which their browser is sent back."""
        query = dict(parse_qsl(urlsplit(authorization_url).query))
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT_ID
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(8)
        self._codes[code] = query
        return urlencode({"code": code, "state": query["state"]})

    def answer(self, path: str, headers: Any, form: dict[str, str]) -> Answer:
        """Answer a request."""
        self.asked.append(path)
        if self.slow is not None:
            self.slow.wait(10)
        if path in self.answers:
            return self.answers[path]
        match path:
            case "/.well-known/openid-configuration":
                return in_json(self._describe())
            case "/jwks":
                keys = [self.key, *self.published]
                return in_json({"keys": [key.as_dict(private=False) for key in keys]})
            case "/token" if headers["Authorization"] == BASIC:
                return self._redeem(form, lambda query: {"id_token": self._id_token(query)})
            case "/login/oauth/access_token" if form.get("client_secret") == CLIENT_SECRET:
                return self._redeem(form, lambda _: {})
        return self._tell(path, headers["Authorization"])

    def _tell(self, path: str, authorization: str) -> Answer:
        """Answer what only the access token opens."""
        if authorization != f"Bearer {ACCESS_TOKEN}":
            return in_json({"error": "invalid_client"}, 401)
        told: dict[str, Any] = {
            "/userinfo": self.account,
            "/user": {"id": self.github_id, "login": "ada", "name": None, "email": None},
            "/user/emails": self.github_addresses,
        }
        return in_json(told[path]) if path in told else in_json({}, 404)

    def _describe(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "userinfo_endpoint": f"{self.url}/userinfo",
        } | self.configuration

    def _redeem(self, form: dict[str, str], more: Any) -> Answer:
        query = self._codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            query is None
            or form["grant_type"] != "authorization_code"
            or query["redirect_uri"] != form["redirect_uri"]
            or query["code_challenge"] != challenge
        ):
            return in_json({"error": "invalid_grant"}, 400)
        token = {"access_token": ACCESS_TOKEN, "token_type": "bearer", "expires_in": 60}
        return in_json(token | more(query))

    def _id_token(self, query: dict[str, str]) -> str:
        if self.token is not None:
            return self.token
        return sign({"alg": "RS256", "kid": self.key.kid}, self.claims(query["nonce"]), self.key)

    def claims(self, nonce: str) -> dict[str, Any]:
        """What the ID token says."""
        now = int(time.time())
        true = {"iss": self.url, "aud": CLIENT_ID, "exp": now + 60, "iat": now, "nonce": nonce}
        said = self.account | true | self.lies
        return {name: value for name, value in said.items() if value is not None}


def sign(header: dict[str, Any], claims: dict[str, Any], key: Any) -> str:
    """Write a JWT, also one that should not be."""
    algorithms = ["RS256", "HS256", "none"]
    return jws.serialize_compact(header, json.dumps(claims).encode(), key, algorithms)


@contextmanager
def running_provider(account: dict[str, Any]) -> Iterator[FakeProvider]:
    """Run a provider until the end of the test."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            form = parse_qs(self.rfile.read(length).decode())
            fields = {name: value for name, (value,) in form.items()}
            status, body, headers = provider.answer(self.path, self.headers, fields)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            pieces = [body[i : i + 1] for i in range(len(body))] if provider.dripping else [body]
            for piece in pieces:
                self.wfile.write(piece)
                provider.closing.wait(0.01 if provider.dripping else 0)

        do_POST = do_GET  # noqa: N815 - likewise

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    class Listener(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """Clients that hang up early are what some tests are about."""

    with Listener(("127.0.0.1", 0), Handler) as server:
        provider = FakeProvider(f"http://127.0.0.1:{server.server_port}", account)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield provider
        provider.dripping = False
        for waited_for in (provider.slow, provider.closing):
            if waited_for is not None:
                waited_for.set()
        server.shutdown()
        thread.join()
