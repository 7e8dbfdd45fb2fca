"""Mail end to end: two workers of gunicorn, a mail server, and everything that is logged."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from models.mail import Letter
from services.mailer import SUBJECTS
from tests.crowd import at_once, crowd
from tests.factories import PASSWORD, email_of
from tests.letters import Read
from tests.relays import Relay, relay
from tests.server import Client, Server
from tests.waiting import wait_until
from tests.worker import working

NEW = "battery staple horse"
LOGGED = {"LOG_FORMAT": "json", "LOG_LEVEL": "DEBUG"}


@pytest.fixture(scope="module")
def post() -> Iterator[Relay]:
    """A mail server."""
    with relay() as running:
        yield running


@pytest.fixture(scope="module")
def mailing(
    database: str, post: Relay, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server that sends by it."""
    log = tmp_path_factory.mktemp("mailing") / "log"
    url = f"smtp+plain://127.0.0.1:{post.port}"
    environment = {"SMTP_URL": url, "PUBLIC_URL": "https://stint.example/app"} | LOGGED
    with (
        working(database, log.with_name("worker.log"), **environment),
        Server.running(log, **environment) as running,
    ):
        yield running


def letter_to(post: Relay, address: str, letter: Letter) -> Read:
    """Wait for a letter of this kind to an address; return the newest of them."""

    def come() -> list[Read]:
        return [each for each in post.to(address) if each.subject == SUBJECTS[letter]]

    wait_until(lambda: bool(come()))
    return come()[-1]


def sign_up(client: Client) -> str:
    """Make an account; return its address."""
    email = email_of("Ada")
    account = {"email": email, "password": PASSWORD, "name": "Ada"}
    assert client.post("/users", json=account).status_code == 201
    return email


def sign_in(client: Client, email: str, password: str) -> None:
    answer = client.post("/auth/login", json={"email": email, "password": password})
    assert answer.status_code == 200, answer.text
    client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


def test_everything_goes_through_a_mail_server(mailing: Server, post: Relay) -> None:
    with mailing.client() as client:
        email = sign_up(client)
        first = letter_to(post, email, Letter.VERIFY)
        sign_in(client, email, PASSWORD)
        assert client.post("/users/me/verification").status_code == 202
        wait_until(lambda: len(post.to(email)) == 2)
        verification = letter_to(post, email, Letter.VERIFY)
        proof = {"token": verification.token}
        assert client.post("/auth/verify-email", json=proof).json() == {"complete": True}

        assert client.post("/auth/password-resets", json={"email": email}).status_code == 202
        reset = letter_to(post, email, Letter.RESET)
        assert f"https://stint.example/app/#reset={reset.token}" in reset.text
        body = {"token": reset.token, "password": NEW}
        assert client.post("/auth/password-resets/redeem", json=body).status_code == 204
        letter_to(post, email, Letter.PASSWORD_CHANGED)

        sign_in(client, email, NEW)
        new = email_of("Augusta")
        body = {"email": new, "password": NEW}
        assert client.post("/users/me/email", json=body).status_code == 202
        halves = letter_to(post, email, Letter.CHANGE_OLD), letter_to(post, new, Letter.CHANGE_NEW)
        for half in halves:
            assert client.post("/auth/verify-email", json={"token": half.token}).ok
        letter_to(post, email, Letter.ADDRESS_CHANGED)
        assert client.get("/users/me").json()["email"] == new

    log = mailing.log.read_text() + mailing.log.with_name("worker.log").read_text()
    assert "letters.reset" in log
    assert "/auth/verify-email" in log
    secrets = [each.token for each in (first, verification, reset, *halves)]
    assert [each for each in [*secrets, PASSWORD, NEW, email, new] if each in log] == []


def test_a_token_works_once_wherever_it_is_used(mailing: Server, post: Relay) -> None:
    with crowd(mailing, 8) as clients:
        email = sign_up(clients[0])
        assert clients[0].post("/auth/password-resets", json={"email": email}).status_code == 202
        token = letter_to(post, email, Letter.RESET).token
        uses: list[Callable[[], Any]] = [
            partial(
                client.post,
                "/auth/password-resets/redeem",
                json={"token": token, "password": f"{NEW} {number}"},
            )
            for number, client in enumerate(clients)
        ]
        statuses = sorted(answer.status_code for answer in at_once(uses))
    assert statuses == [204] + [400] * 7


def test_both_halves_of_a_change_may_be_confirmed_at_the_same_moment(
    mailing: Server, post: Relay
) -> None:
    with crowd(mailing, 2) as clients:
        email, new = sign_up(clients[0]), email_of("Augusta")
        sign_in(clients[0], email, PASSWORD)
        body = {"email": new, "password": PASSWORD}
        assert clients[0].post("/users/me/email", json=body).status_code == 202
        tokens = [
            letter_to(post, email, Letter.CHANGE_OLD).token,
            letter_to(post, new, Letter.CHANGE_NEW).token,
        ]
        confirmations: list[Callable[[], Any]] = [
            partial(client.post, "/auth/verify-email", json={"token": token})
            for client, token in zip(clients, tokens, strict=True)
        ]
        answers = [answer.json()["complete"] for answer in at_once(confirmations)]
        assert sorted(answers) == [False, True]
        assert clients[0].get("/users/me").json()["email"] == new


def test_a_reset_takes_effect_at_every_worker(mailing: Server, post: Relay) -> None:
    with crowd(mailing, 4) as clients:
        email = sign_up(clients[0])
        sign_in(clients[0], email, PASSWORD)
        for client in clients:
            client.headers["Authorization"] = clients[0].headers["Authorization"]
            assert client.get("/users/me").status_code == 200
        clients[0].post("/auth/password-resets", json={"email": email})
        body = {"token": letter_to(post, email, Letter.RESET).token, "password": NEW}
        assert clients[0].post("/auth/password-resets/redeem", json=body).status_code == 204
        wait_until(lambda: {each.get("/users/me").status_code for each in clients} == {401})
