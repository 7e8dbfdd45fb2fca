"""Guessing: how many attempts there are, for an account and from an address."""

from dataclasses import replace
from typing import LiteralString

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from config import settings
from models.attempt import AttemptKind
from services.attempt_service import AttemptService
from services.db_client import db
from tests.factories import PASSWORD, Person, email_of
from tests.records import refusal
from tests.sql import number, rows
from utils.caller import open_caller
from utils.errors import TooManyRequestsError

WRONG_PASSWORD = "not this one"
WITHOUT_A_WAIT = 5
MOST = 10
WAITS = [2, 4, 8, 16, 32]
WRONG = (401, "wrong_credentials")
TOO_MANY = (429, "too_many_attempts")
SECONDS_OF_THE_WHILE = 15 * 60


def guess(app: Flask, email: str, password: str = WRONG_PASSWORD) -> TestResponse:
    return Person(app.test_client()).post("/auth/login", {"email": email, "password": password})


def guess_until_refused(app: Flask, email: str) -> TestResponse:
    """Guess on until it is refused; returns the refusal."""
    for _ in range(MOST + 1):
        answer = guess(app, email)
        if answer.status_code != 401:
            break
    return answer


def let_pass(database: str, seconds: int) -> None:
    """Make everything that was counted so many seconds older."""
    shift: LiteralString = """
        UPDATE attempts SET last_at = last_at - make_interval(secs => %(seconds)s),
            expires_at = expires_at - make_interval(secs => %(seconds)s)
    """
    rows(database, shift, {"seconds": seconds})


@pytest.fixture(params=["known", "unknown"])
def email(request: pytest.FixtureRequest, alice: Person) -> str:
    """An address that has an account, or has none."""
    return alice.email if request.param == "known" else email_of("nobody")


@pytest.fixture
def strict(database: str) -> AttemptService:
    """Attempts of which three may come from one address."""
    return AttemptService(db, settings.model_copy(update={"attempts_per_address": 3}))


def require(
    service: AttemptService, account: str, address: str, kind: AttemptKind = AttemptKind.LOGIN
) -> None:
    """Let somebody at an address make an attempt."""
    open_caller(address)
    service.require(kind, account)


def succeeded(service: AttemptService, account: str, address: str) -> None:
    """Let an attempt of somebody at an address succeed."""
    open_caller(address)
    service.succeeded(AttemptKind.LOGIN, account)


def require_often(service: AttemptService, address: str, times: int) -> None:
    for _ in range(times):
        require(service, email_of("nobody"), address)


# By account


def test_some_guesses_are_checked_and_then_there_is_a_wait(app: Flask, email: str) -> None:
    answers = [refusal(guess(app, email)) for _ in range(WITHOUT_A_WAIT + 1)]
    assert answers == [WRONG] * WITHOUT_A_WAIT + [TOO_MANY]


def test_each_wait_is_twice_as_long_until_the_while_is_over(
    app: Flask, database: str, email: str
) -> None:
    for wait in WAITS:
        refused = guess_until_refused(app, email)
        assert refusal(refused) == TOO_MANY
        assert wait - 1 <= int(refused.headers["Retry-After"]) <= wait
        let_pass(database, wait)
        assert refusal(guess(app, email)) == WRONG
    left = int(guess(app, email).headers["Retry-After"])
    assert SECONDS_OF_THE_WHILE - sum(WAITS) - 30 < left <= SECONDS_OF_THE_WHILE - sum(WAITS)
    let_pass(database, left)
    assert refusal(guess(app, email)) == WRONG


def test_the_right_password_is_not_checked_either_during_a_wait(app: Flask, alice: Person) -> None:
    guess_until_refused(app, alice.email)
    assert refusal(guess(app, alice.email, PASSWORD)) == TOO_MANY


def test_a_refusal_tells_nothing_about_the_account(app: Flask, alice: Person) -> None:
    known, unknown = (guess_until_refused(app, each) for each in (alice.email, email_of("nobody")))
    told = [
        (answer.get_json() | {"request_id": ""}, sorted(dict(answer.headers)))
        for answer in (known, unknown)
    ]
    assert told[0] == told[1]


def test_signing_in_forgets_what_failed_before(app: Flask, alice: Person) -> None:
    for _ in range(3):
        for _ in range(WITHOUT_A_WAIT - 1):
            assert refusal(guess(app, alice.email)) == WRONG
        assert guess(app, alice.email, PASSWORD).status_code == 200


def test_guesses_of_others_end_no_session(app: Flask, alice: Person) -> None:
    guess_until_refused(app, alice.email)
    assert alice.get("/users/me").status_code == 200
    refreshed = replace(alice, tokens={}).post(
        "/auth/refresh", {"refresh_token": alice.tokens["refresh_token"]}
    )
    assert refreshed.status_code == 200


def test_accounts_are_counted_apart(app: Flask, alice: Person, bob: Person) -> None:
    guess_until_refused(app, alice.email)
    assert guess(app, bob.email, PASSWORD).status_code == 200


def test_capital_letters_make_no_other_account(app: Flask, alice: Person) -> None:
    guess_until_refused(app, alice.email)
    assert refusal(guess(app, alice.email.upper())) == TOO_MANY


def test_kinds_of_attempts_are_counted_apart(strict: AttemptService) -> None:
    for kind in AttemptKind:
        for _ in range(3):
            require(strict, email_of("nobody"), "192.0.2.1", kind)


# By address


def test_guesses_from_one_address_count_together_for_all_accounts(strict: AttemptService) -> None:
    require_often(strict, "192.0.2.2", times=3)
    with pytest.raises(TooManyRequestsError) as refused:
        require(strict, email_of("nobody"), "192.0.2.2")
    assert 0 < refused.value.seconds <= SECONDS_OF_THE_WHILE
    require(strict, email_of("nobody"), "192.0.2.3")


def test_who_signs_in_gives_the_address_its_attempt_back(strict: AttemptService) -> None:
    for _ in range(10):
        require(strict, "somebody", "192.0.2.4")
        succeeded(strict, "somebody", "192.0.2.4")
    require_often(strict, "192.0.2.4", times=3)


def test_signing_in_does_not_wash_the_address_of_other_guesses(strict: AttemptService) -> None:
    require_often(strict, "192.0.2.5", times=2)
    require(strict, "somebody", "192.0.2.5")
    succeeded(strict, "somebody", "192.0.2.5")
    require_often(strict, "192.0.2.5", times=1)
    with pytest.raises(TooManyRequestsError):
        require_often(strict, "192.0.2.5", times=1)


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:2::1", "2001:db8:0:3::1", False),
        ("::ffff:192.0.2.6", "192.0.2.6", True),
        ("192.0.2.7", "192.0.2.8", False),
    ],
)
def test_addresses_of_one_network_of_ipv6_count_together(
    strict: AttemptService,
    one: str,
    other: str,
    together: bool,  # noqa: FBT001 - pytest passes it by name
) -> None:
    require_often(strict, one, times=3)
    if together:
        with pytest.raises(TooManyRequestsError):
            require_often(strict, other, times=1)
    else:
        require_often(strict, other, times=1)


def test_what_was_refused_for_the_account_does_not_count_for_the_address(
    strict: AttemptService,
) -> None:
    account = email_of("nobody")
    for number_ in range(WITHOUT_A_WAIT):
        require(strict, account, f"198.51.100.{number_}")
    for _ in range(5):
        with pytest.raises(TooManyRequestsError):
            require(strict, account, "192.0.2.9")
    require_often(strict, "192.0.2.9", times=3)


# What is kept


def test_nothing_that_is_kept_names_anybody(strict: AttemptService, database: str) -> None:
    require(strict, "somebody@example.org", "192.0.2.10")
    kept = str(rows(database, "SELECT * FROM attempts"))
    assert "somebody" not in kept
    assert "192.0.2" not in kept


def test_another_key_names_them_otherwise(database: str) -> None:
    rows(database, "DELETE FROM attempts")
    for key in ("a" * 32, "b" * 32):
        options = settings.model_copy(update={"secret_key": None})
        options.__dict__["signing_key"] = key
        require(AttemptService(db, options), "somebody", "192.0.2.11")
    assert number(database, "SELECT count(DISTINCT subject) FROM attempts") == 4


def test_counts_that_are_over_are_purged(strict: AttemptService, database: str) -> None:
    require_often(strict, "192.0.2.12", times=1)
    before = number(database, "SELECT count(*) FROM attempts")
    assert before >= 2
    let_pass(database, SECONDS_OF_THE_WHILE)
    require_often(strict, "192.0.2.13", times=1)
    assert db.transaction(strict.purge) == {"counts of attempts": before}
    assert number(database, "SELECT count(*) FROM attempts") == 2
