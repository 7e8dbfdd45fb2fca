"""Guessing at a real server: two workers, asked by many at once, check no more than one would."""

from collections import Counter
from collections.abc import Iterator
from functools import partial

import pytest
import requests
from flask import Flask

from config import settings
from tests.crowd import at_once, crowd
from tests.factories import PASSWORD, Person, email_of, sign_up
from tests.server import Client, Server
from tests.sql import rows

GUESSES = 200
LETTERS = 5
CONNECTIONS = 50
CHECKED_AT_MOST = 10  # for one account
CHECKED_BEFORE_A_WAIT = 5
CHECKED_FROM_AN_ADDRESS = 20


@pytest.fixture(scope="module")
def strict_server(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that takes this address for one of an attacker."""
    limit = {"ATTEMPTS_PER_ADDRESS": str(CHECKED_FROM_AN_ADDRESS)}
    log = tmp_path_factory.mktemp("strict") / "server.log"
    with Server.running(log, **limit) as running:
        yield running


@pytest.fixture
def own_server(strict_server: Server, database: str) -> Server:
    """The same, before the first guess."""
    rows(database, "DELETE FROM attempts")
    return strict_server


def guess(client: Client, email: str, number: int) -> requests.Response:
    credentials = {"email": email, "password": f"guess number {number}"}
    return client.post("/auth/login", json=credentials)


def guess_at_once(server: Server, emails: list[str]) -> list[requests.Response]:
    """Guess at all of these at the same moment, from connections to both workers."""

    def guesses_of(client: Client, numbers: range) -> list[requests.Response]:
        return [guess(client, emails[number], number) for number in numbers]

    with crowd(server, CONNECTIONS) as clients:
        works = [
            lambda client=client, first=first: guesses_of(
                client, range(first, len(emails), CONNECTIONS)
            )
            for first, client in enumerate(clients)
        ]
        return [answer for answers in at_once(works) for answer in answers]


def codes(answers: list[requests.Response]) -> Counter[str]:
    return Counter(answer.json()["code"] for answer in answers)


@pytest.mark.parametrize("kind", ["known", "unknown"])
def test_of_many_guesses_at_one_account_few_are_checked(
    server: Server, app: Flask, kind: str
) -> None:
    email = sign_up(app, "Target").email if kind == "known" else email_of("nobody")
    answers = guess_at_once(server, [email] * GUESSES)
    found = codes(answers)
    # Where the machine is slow, some find the server too busy, and are not checked either.
    assert set(found) - {"too_busy"} == {"wrong_credentials", "too_many_attempts"}
    assert CHECKED_BEFORE_A_WAIT <= found["wrong_credentials"] <= CHECKED_AT_MOST
    refused = [answer for answer in answers if answer.status_code == 429]
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)


def test_of_many_letters_to_one_address_few_are_sent(server: Server) -> None:
    body = {"email": email_of("somebody")}
    with crowd(server, LETTERS * 4) as clients:
        works = [partial(each.post, "/auth/password-resets", json=body) for each in clients]
        statuses = Counter(answer.status_code for answer in at_once(works))
    assert statuses == {202: LETTERS, 429: LETTERS * 3}


def test_guesses_at_an_account_end_none_of_its_sessions(server: Server, app: Flask) -> None:
    target: Person = sign_up(app, "Target")
    guess_at_once(server, [target.email] * GUESSES)
    with server.client(target.tokens["access_token"]) as client:
        assert client.get("/users/me").status_code == 200
        refreshed = client.post(
            "/auth/refresh", json={"refresh_token": target.tokens["refresh_token"]}
        )
        assert refreshed.status_code == 200


def test_of_many_guesses_from_one_address_few_are_checked(own_server: Server) -> None:
    answers = guess_at_once(own_server, [email_of("somebody") for _ in range(GUESSES)])
    assert codes(answers) == {
        "wrong_credentials": CHECKED_FROM_AN_ADDRESS,
        "too_many_attempts": GUESSES - CHECKED_FROM_AN_ADDRESS,
    }


def test_another_address_in_a_header_is_no_other_address(own_server: Server) -> None:
    url = own_server.url + settings.api_prefix + "/auth/login"
    statuses = Counter(
        requests.post(
            url,
            json={"email": email_of("somebody"), "password": PASSWORD},
            headers={"X-Forwarded-For": f"198.51.100.{number}"},
            timeout=10,
        ).status_code
        for number in range(CHECKED_FROM_AN_ADDRESS + 10)
    )
    assert statuses == {401: CHECKED_FROM_AN_ADDRESS, 429: 10}
