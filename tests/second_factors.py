"""People with a second factor, and how they sign in."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pyotp
from flask import Flask
from werkzeug.test import TestResponse

from services.second_factor_service import STEP_SECONDS, second_factor_service
from tests.authenticator import Authenticator
from tests.factories import PASSWORD, Person
from tests.records import done
from utils.helpers import utc_now

Json = dict[str, Any]
PASSWORD_AGAIN = {"password": PASSWORD}


class Clock:
    """What time the service believes it is."""

    def __init__(self) -> None:
        self.now = utc_now()

    def __call__(self) -> datetime:
        return self.now

    def pass_steps(self, count: int) -> None:
        """Let so many codes of apps go by."""
        self.now += timedelta(seconds=STEP_SECONDS * count)


class App:
    """An authenticator app, whose clock is the service's."""

    def __init__(self, secret: str) -> None:
        self._codes = pyotp.TOTP(secret)

    def code(self, steps: int = 0) -> str:
        """Return the code that it shows so many steps from now."""
        return self._codes.at(second_factor_service.clock(), counter_offset=steps)


def set_up_app(person: Person) -> Json:
    setup: Json = done(person.post("/users/me/totp", PASSWORD_AGAIN))
    return setup


def turn_on_app(person: Person) -> tuple[App, list[str]]:
    """Turn an app on with the code of now; returns it and the recovery codes."""
    app = App(set_up_app(person)["secret"])
    codes = done(person.post("/users/me/totp/confirm", {"code": app.code()}))
    return app, codes["recovery_codes"]


def add_passkey(person: Person, authenticator: Authenticator | None = None) -> Authenticator:
    """Add a passkey and return what holds it."""
    authenticator = authenticator or Authenticator()
    options = creation_options(person)
    done(register(person, authenticator.create(options)))
    return authenticator


def creation_options(person: Person) -> Json:
    options: Json = done(person.post("/users/me/passkeys/options", PASSWORD_AGAIN))["public_key"]
    return options


def register(person: Person, credential: Json, name: str = "Telephone") -> TestResponse:
    return person.post("/users/me/passkeys", {"name": name, "credential": credential})


def confirm(person: Person, path: str, method: str = "POST", **body: str) -> TestResponse:
    """Ask for something that takes the password once more."""
    return person.send(method, path, headers={}, json=PASSWORD_AGAIN | body)


def confirmed_by(authenticator: Authenticator, person: Person) -> Json:
    """Return a confirmation by a passkey instead of the password."""
    options = done(person.post("/users/me/confirmations/options"))
    credential = authenticator.get(options["public_key"])
    return {"passkey": {"challenge": options["challenge"], "credential": credential}}


def stranger(app: Flask, person: Person) -> Person:
    """The same person at a device that is not signed in."""
    return replace(person, client=app.test_client(), tokens={})


def begin(person: Person, password: str = PASSWORD) -> Json:
    """Send the password and return the problem that asks for the second factor."""
    answer = person.post("/auth/login", {"email": person.email, "password": password})
    problem: Json = answer.get_json()
    assert (answer.status_code, problem["code"]) == (401, "second_factor_required"), answer.text
    return problem


def finish(person: Person, challenge: str, **answer: Any) -> TestResponse:
    return person.post("/auth/second-factor", {"challenge": challenge, **answer})


def sign_in_with(person: Person, **answer: Any) -> TestResponse:
    """Sign in with the password and this."""
    return finish(person, begin(person)["challenge"], **answer)


def sign_in_by_passkey(person: Person, authenticator: Authenticator) -> TestResponse:
    """Sign in with a passkey alone."""
    options = done(person.post("/auth/passkeys/options"))
    credential = authenticator.get(options["public_key"])
    body = {"challenge": options["challenge"], "credential": credential}
    return person.post("/auth/passkeys", body)
