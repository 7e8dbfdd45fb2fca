"""Authenticator apps and recovery codes: turned on and off, and asked for when signing in."""

import re
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from services.second_factor_service import second_factor_service
from tests.api.test_auth import disable
from tests.factories import PASSWORD, Person, log_in
from tests.records import done, refusal
from tests.second_factors import (
    PASSWORD_AGAIN,
    App,
    Clock,
    add_passkey,
    begin,
    confirm,
    confirmed_by,
    finish,
    set_up_app,
    sign_in_with,
    stranger,
    turn_on_app,
)
from tests.sql import rows

NONE = {"totp": False, "passkeys": 0, "recovery_codes": 0}
CONFIRMED = [
    ("POST", "/users/me/totp"),
    ("DELETE", "/users/me/totp"),
    ("POST", "/users/me/recovery-codes"),
    ("POST", "/users/me/passkeys/options"),
    ("DELETE", "/users/me/passkeys/01890a5d-ac96-774b-bcce-b302099a8057"),
]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The service's clock, which stands still unless told otherwise."""
    stopped = Clock()
    monkeypatch.setattr(second_factor_service, "clock", stopped)
    return stopped


@pytest.fixture
def device(app: Flask, alice: Person) -> Person:
    """Alice at a device that is not signed in."""
    return stranger(app, alice)


def state_of(person: Person) -> dict[str, Any]:
    state: dict[str, Any] = done(person.get("/users/me/second-factors"))
    return state


def first_code(person: Person, code: str) -> TestResponse:
    return person.post("/users/me/totp/confirm", {"code": code})


# Turning on and off


def test_there_is_no_second_factor_at_first(alice: Person) -> None:
    assert state_of(alice) == NONE


def test_an_app_is_set_up_by_text_by_link_or_by_picture(alice: Person) -> None:
    setup = set_up_app(alice)
    assert re.fullmatch(r"[A-Z2-7]{32}", setup["secret"])
    assert setup["uri"].startswith("otpauth://totp/Stint:")
    assert f"secret={setup['secret']}" in setup["uri"]
    assert setup["qr_svg"].startswith("<svg ")


def test_an_app_counts_once_a_first_code_was_confirmed(alice: Person) -> None:
    app = App(set_up_app(alice)["secret"])
    assert state_of(alice) == NONE
    log_in(alice)
    done(first_code(alice, app.code()))
    assert state_of(alice) == {"totp": True, "passkeys": 0, "recovery_codes": 10}


def test_a_wrong_first_code_turns_nothing_on(alice: Person) -> None:
    app = App(set_up_app(alice)["secret"])
    assert refusal(first_code(alice, app.code(5))) == (400, "wrong_code")
    assert state_of(alice) == NONE


def test_a_first_code_needs_a_secret(alice: Person) -> None:
    assert refusal(first_code(alice, "123456")) == (409, "totp_not_set_up")


def test_setting_up_again_replaces_a_secret_that_was_not_confirmed(alice: Person) -> None:
    lost, kept = (App(set_up_app(alice)["secret"]) for _ in range(2))
    assert refusal(first_code(alice, lost.code())) == (400, "wrong_code")
    done(first_code(alice, kept.code()))


def test_an_app_that_is_on_is_not_replaced(alice: Person) -> None:
    turn_on_app(alice)
    assert refusal(confirm(alice, "/users/me/totp")) == (409, "totp_on")


def test_an_app_is_confirmed_once(alice: Person) -> None:
    app, _ = turn_on_app(alice)
    assert refusal(first_code(alice, app.code(1))) == (409, "totp_not_set_up")


@pytest.mark.parametrize(("method", "path"), CONFIRMED)
def test_every_change_takes_the_password(alice: Person, method: str, path: str) -> None:
    wrong = confirm(alice, path, method, password="not " + PASSWORD)
    assert refusal(wrong) == (403, "wrong_password")
    nothing = alice.send(method, path, headers={}, json={})
    assert refusal(nothing) == (403, "confirmation_required")


@pytest.mark.parametrize(("method", "path"), CONFIRMED)
def test_every_change_takes_a_passkey_instead(alice: Person, method: str, path: str) -> None:
    passkey = add_passkey(alice)
    body = confirmed_by(passkey, alice)
    answer = alice.send(method, path, headers={}, json=body)
    assert answer.status_code in (200, 204, 404), answer.text
    again = alice.send(method, path, headers={}, json=body)
    assert refusal(again) == (400, "challenge_over")


def test_a_passkey_confirms_only_what_its_owner_was_asked_and_after_a_look_at_them(
    alice: Person, bob: Person
) -> None:
    mine, other = add_passkey(alice), add_passkey(bob)

    def ask(body: dict[str, Any]) -> tuple[int, str]:
        return refusal(alice.send("DELETE", "/users/me", headers={}, json=body))

    assert ask(confirmed_by(mine, alice) | PASSWORD_AGAIN) == (422, "invalid_input")
    refused = (403, "passkey_refused")
    assert ask(confirmed_by(other, alice)) == refused
    theirs = confirmed_by(other, bob)
    assert ask(theirs) == refused
    mine.verifies = False
    assert ask(confirmed_by(mine, alice)) == refused
    mine.verifies = True
    sign_in = done(alice.post("/auth/passkeys/options"))
    credential = mine.get(sign_in["public_key"])
    body = {"passkey": {"challenge": sign_in["challenge"], "credential": credential}}
    assert ask(body) == (400, "challenge_over")
    entry, *_ = done(alice.get("/audit?action=confirmation.refused"))
    assert entry["ways"] == ["passkey"]
    done(bob.send("DELETE", "/users/me", headers={}, json=theirs))  # nobody has spent it
    done(alice.send("DELETE", "/users/me", headers={}, json=confirmed_by(mine, alice)))


def test_options_to_confirm_are_for_those_who_have_a_passkey(alice: Person) -> None:
    assert refusal(alice.post("/users/me/confirmations/options")) == (409, "no_passkey")


def test_turning_an_app_on_or_off_ends_all_other_sessions(device: Person, alice: Person) -> None:
    log_in(device)
    _, codes = turn_on_app(alice)
    assert device.get("/users/me").status_code == 401
    device.tokens = {}
    device.tokens = done(sign_in_with(device, recovery_code=codes[0]))
    done(confirm(alice, "/users/me/totp", "DELETE"))
    assert device.get("/users/me").status_code == 401
    assert alice.get("/users/me").status_code == 200


def test_without_an_app_the_password_is_enough_again(device: Person, alice: Person) -> None:
    turn_on_app(alice)
    done(confirm(alice, "/users/me/totp", "DELETE"))
    assert state_of(alice) == NONE
    log_in(device)


def test_what_is_off_cannot_be_turned_off(alice: Person) -> None:
    set_up_app(alice)
    assert confirm(alice, "/users/me/totp", "DELETE").status_code == 404


# Signing in


def test_the_password_alone_opens_no_session(device: Person, alice: Person) -> None:
    turn_on_app(alice)
    problem = begin(device)
    assert problem["methods"] == ["totp", "recovery_code"]
    assert "public_key" not in problem
    assert [each["is_current"] for each in done(alice.get("/auth/sessions"))] == [True]


def test_a_wrong_password_is_not_told_of_a_second_factor(device: Person, alice: Person) -> None:
    turn_on_app(alice)
    body = {"email": alice.email, "password": "not " + PASSWORD}
    assert refusal(device.post("/auth/login", body)) == (401, "wrong_credentials")


@pytest.mark.parametrize("off", [0, 1, 2])
def test_a_code_opens_a_session_also_where_clocks_differ_by_half_a_minute(
    device: Person, alice: Person, clock: Clock, off: int
) -> None:
    app, _ = turn_on_app(alice)
    clock.pass_steps(2)
    device.tokens = done(sign_in_with(device, code=app.code(off - 1)))
    assert done(device.get("/users/me"))["id"] == alice.id


@pytest.mark.parametrize("off", [-2, 2])
def test_a_code_of_another_minute_opens_nothing(
    device: Person, alice: Person, clock: Clock, off: int
) -> None:
    app, _ = turn_on_app(alice)
    clock.pass_steps(5)
    answer = sign_in_with(device, code=app.code(off))
    assert refusal(answer) == (401, "second_factor_wrong")


def test_a_code_works_once(device: Person, alice: Person, clock: Clock) -> None:
    app, _ = turn_on_app(alice)
    clock.pass_steps(1)
    done(sign_in_with(device, code=app.code()))
    assert refusal(sign_in_with(device, code=app.code())) == (401, "second_factor_wrong")


def test_the_code_that_confirmed_an_app_signs_nobody_in(device: Person, alice: Person) -> None:
    app, _ = turn_on_app(alice)
    assert refusal(sign_in_with(device, code=app.code())) == (401, "second_factor_wrong")


def test_no_code_works_that_is_older_than_the_last(device: Person, alice: Person) -> None:
    app, _ = turn_on_app(alice)
    done(sign_in_with(device, code=app.code(1)))
    assert refusal(sign_in_with(device, code=app.code())) == (401, "second_factor_wrong")


def test_the_code_of_somebody_else_opens_nothing(
    device: Person, alice: Person, bob: Person, clock: Clock
) -> None:
    turn_on_app(alice)
    app, codes = turn_on_app(bob)
    clock.pass_steps(1)
    challenge = begin(device)["challenge"]
    for answer in ({"code": app.code()}, {"recovery_code": codes[0]}):
        assert refusal(finish(device, challenge, **answer)) == (401, "second_factor_wrong")
    assert state_of(bob)["recovery_codes"] == 10


def test_a_challenge_is_answered_once(device: Person, alice: Person) -> None:
    _, codes = turn_on_app(alice)
    challenge = begin(device)["challenge"]
    done(finish(device, challenge, recovery_code=codes[0]))
    again = finish(device, challenge, recovery_code=codes[1])
    assert refusal(again) == (401, "challenge_over")
    assert state_of(alice)["recovery_codes"] == 9


def test_a_wrong_answer_may_be_put_right(device: Person, alice: Person) -> None:
    app, _ = turn_on_app(alice)
    challenge = begin(device)["challenge"]
    for _ in range(4):
        assert finish(device, challenge, code=app.code(5)).status_code == 401
    done(finish(device, challenge, code=app.code(1)))


def test_five_wrong_answers_void_a_challenge(device: Person, alice: Person) -> None:
    app, _ = turn_on_app(alice)
    challenge = begin(device)["challenge"]
    for _ in range(5):
        answer = finish(device, challenge, code=app.code(5))
        assert refusal(answer) == (401, "second_factor_wrong")
    assert refusal(finish(device, challenge, code=app.code(1))) == (401, "challenge_over")


def test_new_challenges_give_no_more_tries(device: Person, alice: Person) -> None:
    app, _ = turn_on_app(alice)
    for _ in range(5):
        answer = sign_in_with(device, code=app.code(5))
        assert refusal(answer) == (401, "second_factor_wrong")
    assert refusal(sign_in_with(device, code=app.code(1))) == (429, "too_many_attempts")


def test_a_challenge_is_open_for_five_minutes(database: str, device: Person, alice: Person) -> None:
    app, _ = turn_on_app(alice)
    challenge = begin(device)["challenge"]
    query = "UPDATE challenges SET expires_at = expires_at - interval '5 min'"
    rows(database, f"{query} WHERE user_id = %(id)s", {"id": alice.id})
    assert refusal(finish(device, challenge, code=app.code(1))) == (401, "challenge_over")


def test_a_challenge_that_was_never_issued_is_over(device: Person) -> None:
    assert refusal(finish(device, "x" * 43, code="123456")) == (401, "challenge_over")


def test_a_sign_in_half_done_is_over_when_factors_change(device: Person, alice: Person) -> None:
    add_passkey(alice)
    challenge = begin(device)["challenge"]
    app, _ = turn_on_app(alice)
    assert refusal(finish(device, challenge, code=app.code(1))) == (401, "challenge_over")


def test_an_account_disabled_meanwhile_cannot_go_on(
    database: str, device: Person, alice: Person
) -> None:
    app, _ = turn_on_app(alice)
    challenge = begin(device)["challenge"]
    disable(database, alice)
    assert refusal(finish(device, challenge, code=app.code(1))) == (401, "challenge_over")


def test_the_second_step_may_put_tokens_into_cookies(device: Person, alice: Person) -> None:
    app, _ = turn_on_app(alice)
    tokens = done(sign_in_with(device, code=app.code(1), cookies=True))
    assert tokens["access_token"] is None
    assert done(device.get("/users/me"))["id"] == alice.id


@pytest.mark.parametrize(
    "answers",
    [{}, {"code": "123456", "recovery_code": "x"}, {"code": "12345"}, {"code": "١٢٣٤٥٦"}],
)
def test_one_answer_is_given_and_it_has_the_form_of_one(
    device: Person, answers: dict[str, str]
) -> None:
    assert finish(device, "x" * 43, **answers).status_code == 422


# Recovery codes


def test_recovery_codes_are_ten_and_hard_to_guess(alice: Person) -> None:
    _, codes = turn_on_app(alice)
    assert len(set(codes)) == 10
    for code in codes:
        assert re.fullmatch(r"([a-z2-7]{4}-){5}[a-z2-7]{4}", code)  # 24 times 5 bits


@pytest.mark.parametrize("typed", [str, str.upper, lambda code: code.replace("-", " ")])
def test_a_recovery_code_works_once_however_it_is_typed(
    device: Person, alice: Person, typed: Any
) -> None:
    _, codes = turn_on_app(alice)
    done(sign_in_with(device, recovery_code=typed(codes[3])))
    assert state_of(alice)["recovery_codes"] == 9
    again = sign_in_with(device, recovery_code=codes[3])
    assert refusal(again) == (401, "second_factor_wrong")


def test_new_recovery_codes_void_the_old_ones(device: Person, alice: Person) -> None:
    _, old = turn_on_app(alice)
    new = done(confirm(alice, "/users/me/recovery-codes"))["recovery_codes"]
    assert refusal(sign_in_with(device, recovery_code=old[0])) == (401, "second_factor_wrong")
    done(sign_in_with(device, recovery_code=new[0]))


def test_recovery_codes_are_for_those_who_have_something_to_lose(alice: Person) -> None:
    answer = confirm(alice, "/users/me/recovery-codes")
    assert refusal(answer) == (409, "no_second_factor")


def test_a_second_kind_of_factor_leaves_the_recovery_codes_as_they_are(alice: Person) -> None:
    add_passkey(alice)
    _, codes = turn_on_app(alice)
    assert codes == []
    assert state_of(alice) == {"totp": True, "passkeys": 1, "recovery_codes": 10}
    done(confirm(alice, "/users/me/totp", "DELETE"))
    assert state_of(alice) == {"totp": False, "passkeys": 1, "recovery_codes": 10}


def test_used_up_recovery_codes_are_no_longer_offered(device: Person, alice: Person) -> None:
    _, codes = turn_on_app(alice)
    for code in codes:
        done(sign_in_with(device, recovery_code=code))
    assert begin(device)["methods"] == ["totp"]
