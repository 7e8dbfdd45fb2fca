"""What second factors are made of, in no log line and no answer but the one that it is for."""

from pathlib import Path
from typing import Any

import pyotp
import pytest

from tests.authenticator import ORIGIN, Authenticator
from tests.factories import PASSWORD, email_of
from tests.server import Client, Server
from utils.helpers import utc_now

Json = dict[str, Any]


class Told:
    """Uses second factors in every way, right and wrong, and remembers what is secret."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.secrets: list[str] = []
        self.problems: list[str] = []
        self.credentials = {"email": email_of("Canary"), "password": PASSWORD}

    def send(self, status: int, method: str, path: str, body: Json) -> Json:
        answer = self._client.request(method, path, json=body)
        assert answer.status_code == status, answer.text
        if status >= 400:
            self.problems.append(answer.text)
        sent: Json = answer.json() if answer.content else {}
        return sent

    def sign_up(self) -> None:
        self.send(201, "POST", "/users", self.credentials | {"name": "Canary"})
        self.authorise(self.send(200, "POST", "/auth/login", self.credentials))

    def authorise(self, tokens: Json) -> None:
        self._client.headers["Authorization"] = f"Bearer {tokens['access_token']}"

    def use_app(self) -> None:
        setup = self.send(200, "POST", "/users/me/totp", {"password": PASSWORD})
        app = pyotp.TOTP(setup["secret"])
        codes = [app.at(utc_now(), counter_offset=steps) for steps in (0, 1)]
        self.send(400, "POST", "/users/me/totp/confirm", {"code": self.wrong(app)})
        recovery = self.send(200, "POST", "/users/me/totp/confirm", {"code": codes[0]})
        self.secrets += [setup["secret"], *recovery["recovery_codes"]]
        challenge = self.challenge()
        answer = {"challenge": challenge, "code": codes[1]}
        self.send(401, "POST", "/auth/second-factor", answer | {"code": self.wrong(app)})
        self.send(422, "POST", "/auth/second-factor", answer | {"recovery_code": "canary-a1"})
        self.authorise(self.send(200, "POST", "/auth/second-factor", answer))
        self.send(401, "POST", "/auth/second-factor", answer)
        code = recovery["recovery_codes"][0]
        answer = {"challenge": self.challenge(), "recovery_code": code}
        self.authorise(self.send(200, "POST", "/auth/second-factor", answer))
        self.secrets.append("canary-a1")

    def wrong(self, app: pyotp.TOTP) -> str:
        return app.at(utc_now(), counter_offset=50)

    def challenge(self) -> str:
        problem = self.send(401, "POST", "/auth/login", self.credentials)
        self.problems.pop()  # the answer that the challenge is for
        self.secrets.append(problem["challenge"])
        return str(problem["challenge"])

    def use_passkey(self) -> None:
        for origin, status in (("https://attacker.example", 400), (ORIGIN, 201)):
            options = self.send(200, "POST", "/users/me/passkeys/options", {"password": PASSWORD})
            authenticator = Authenticator(origin=origin)
            credential = authenticator.create(options["public_key"])
            body = {"name": "Key", "credential": credential}
            self.send(status, "POST", "/users/me/passkeys", body)
            self.secrets += [options["challenge"], credential["response"]["attestationObject"]]
        for origin, status in (("https://attacker.example", 401), (ORIGIN, 200)):
            authenticator.origin = origin
            options = self.send(200, "POST", "/auth/passkeys/options", {})
            credential = authenticator.get(options["public_key"])
            body = {"challenge": options["challenge"], "credential": credential}
            self.send(status, "POST", "/auth/passkeys", body)
            self.send(401, "POST", "/auth/passkeys", body)
            self.secrets += [options["challenge"], credential["response"]["signature"]]


@pytest.fixture(scope="module")
def log(database: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a server has logged all it can."""
    return tmp_path_factory.mktemp("secrets") / "log"


@pytest.fixture(scope="module")
def told(log: Path) -> Told:
    """What that server was told."""
    options = {"LOG_FORMAT": "json", "LOG_LEVEL": "DEBUG", "PUBLIC_URL": ORIGIN}
    options |= {"WEB_CONCURRENCY": "1"}
    with Server.running(log, **options) as server, server.client() as client:
        told = Told(client)
        told.sign_up()
        told.use_app()
        told.use_passkey()
    return told


def test_no_secret_of_a_second_factor_is_logged(log: Path, told: Told) -> None:
    text = log.read_text()
    assert "/auth/second-factor" in text
    assert len(told.secrets) > 15
    assert [secret for secret in told.secrets if secret in text] == []


def test_no_problem_repeats_a_secret_of_a_second_factor(told: Told) -> None:
    assert len(told.problems) > 5
    assert [each for each in told.problems for secret in told.secrets if secret in each] == []
