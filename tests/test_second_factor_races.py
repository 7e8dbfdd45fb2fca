"""Second factors used at once at two workers: what works once works for one of them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from flask import Flask

from tests.authenticator import Authenticator
from tests.crowd import at_once, crowd
from tests.factories import Person
from tests.records import done
from tests.second_factors import PASSWORD_AGAIN, add_passkey, begin, stranger, turn_on_app
from tests.server import Client, Server

CROWD = 8

Answers = list[dict[str, Any]]


@pytest.fixture(scope="module")
def clients(server: Server) -> Iterator[list[Client]]:
    """Connections, half of them to each worker."""
    with crowd(server, CROWD) as connected:
        yield connected


@pytest.fixture
def device(app: Flask, alice: Person) -> Person:
    """Alice at a device that is not signed in."""
    return stranger(app, alice)


def taken_to(server: Server, authenticator: Authenticator) -> Authenticator:
    """The same passkey on a page of this server, which listens on another port."""
    return replace(authenticator, origin=server.url.replace("127.0.0.1", "localhost"))


def race(clients: list[Client], path: str, bodies: Answers) -> Counter[str]:
    """Send all of this at once; count the sign-ins and the refusals by their code."""
    works = [
        partial(client.post, path, json=body) for client, body in zip(clients, bodies, strict=True)
    ]
    answers = at_once(works)
    return Counter(answer.json().get("code", "signed in") for answer in answers)


def test_one_code_signs_one_in(clients: list[Client], device: Person, alice: Person) -> None:
    app, _ = turn_on_app(alice)
    code = app.code(1)
    bodies = [{"challenge": begin(device)["challenge"], "code": code} for _ in clients]
    outcome = race(clients, "/auth/second-factor", bodies)
    assert outcome["signed in"] == 1
    assert outcome["second_factor_wrong"] + outcome["too_many_attempts"] == CROWD - 1


def test_one_recovery_code_signs_one_in(
    clients: list[Client], device: Person, alice: Person
) -> None:
    _, (code, *_) = turn_on_app(alice)
    bodies = [{"challenge": begin(device)["challenge"], "recovery_code": code} for _ in clients]
    outcome = race(clients, "/auth/second-factor", bodies)
    assert outcome["signed in"] == 1
    assert outcome["second_factor_wrong"] + outcome["too_many_attempts"] == CROWD - 1


def test_one_challenge_signs_one_in_and_spends_one_answer(
    clients: list[Client], device: Person, alice: Person
) -> None:
    _, codes = turn_on_app(alice)
    challenge = begin(device)["challenge"]
    bodies = [{"challenge": challenge, "recovery_code": code} for code in codes[:CROWD]]
    outcome = race(clients, "/auth/second-factor", bodies)
    assert outcome == {"signed in": 1, "challenge_over": CROWD - 1}
    assert done(alice.get("/users/me/second-factors"))["recovery_codes"] == 9


def test_of_wrong_answers_five_are_looked_at(
    clients: list[Client], device: Person, alice: Person
) -> None:
    app, _ = turn_on_app(alice)
    challenge = begin(device)["challenge"]
    bodies = [{"challenge": challenge, "code": app.code(10 + number)} for number in range(CROWD)]
    outcome = race(clients, "/auth/second-factor", bodies)
    assert outcome == {"second_factor_wrong": 5, "challenge_over": CROWD - 5}


def test_of_new_recovery_codes_asked_for_at_once_ten_work(
    clients: list[Client], alice: Person
) -> None:
    turn_on_app(alice)
    bearer = {"Authorization": f"Bearer {alice.tokens['access_token']}"}
    ask = partial(Client.post, url="/users/me/recovery-codes", json=PASSWORD_AGAIN, headers=bearer)
    answers = at_once([partial(ask, client) for client in clients])
    assert sum(answer.ok for answer in answers) > 1
    assert done(alice.get("/users/me/second-factors"))["recovery_codes"] == 10


def test_one_signature_signs_one_in(
    server: Server, clients: list[Client], device: Person, alice: Person
) -> None:
    authenticator = taken_to(server, add_passkey(alice))
    options = done(device.post("/auth/passkeys/options"))
    credential = authenticator.get(options["public_key"])
    body = {"challenge": options["challenge"], "credential": credential}
    outcome = race(clients, "/auth/passkeys", [body] * CROWD)
    assert outcome == {"signed in": 1, "challenge_over": CROWD - 1}


def test_one_count_of_a_passkey_signs_one_in(
    server: Server, clients: list[Client], device: Person, alice: Person
) -> None:
    authenticator = taken_to(server, add_passkey(alice))
    bodies = []
    for _ in clients:
        options = done(device.post("/auth/passkeys/options"))
        authenticator.count = 6  # as in copies of it
        credential = authenticator.get(options["public_key"])
        bodies.append({"challenge": options["challenge"], "credential": credential})
    outcome = race(clients, "/auth/passkeys", bodies)
    assert outcome == {"signed in": 1, "passkey_refused": CROWD - 1}
