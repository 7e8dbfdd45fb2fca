"""Passkeys: added, removed, and signed in with, alone or after the password."""

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from structlog.testing import capture_logs

from tests.api.test_auth import disable
from tests.authenticator import Authenticator, base64url
from tests.factories import Person, log_in
from tests.records import done, ids, refusal
from tests.second_factors import (
    add_passkey,
    begin,
    confirm,
    creation_options,
    finish,
    register,
    sign_in_by_passkey,
    stranger,
)
from tests.sql import rows

REFUSED = (401, "passkey_refused")
FOREIGN = [
    {"origin": "https://attacker.example"},
    {"origin": "http://localhost:8001"},
    {"origin": "https://localhost:8000"},
    {"origin": "http://localhost:8000.attacker.example"},
    {"origin": "http://127.0.0.1:8000"},
    {"site": "attacker.example"},
    {"framed": True},
]


@pytest.fixture
def device(app: Flask, alice: Person) -> Person:
    """Alice at a device that is not signed in."""
    return stranger(app, alice)


def at(authenticator: Authenticator, place: dict[str, Any]) -> Authenticator:
    """The same passkey on another page."""
    return replace(authenticator, **place)


# Adding and removing


def test_the_options_name_this_site_and_no_other(alice: Person) -> None:
    options = creation_options(alice)
    assert options["rp"] == {"id": "localhost", "name": "Stint"}
    assert options["user"]["name"] == alice.email
    assert options["attestation"] == "none"
    assert options["authenticatorSelection"]["residentKey"] == "preferred"


def test_a_passkey_is_added_with_recovery_codes_for_when_it_is_lost(alice: Person) -> None:
    answer = register(alice, Authenticator().create(creation_options(alice)), "Telephone")
    passkey = done(answer)
    assert (answer.status_code, passkey["name"]) == (201, "Telephone")
    assert len(passkey["recovery_codes"]) == 10
    (listed,) = done(alice.get("/users/me/passkeys"))
    assert listed == {name: passkey[name] for name in ("id", "name", "created_at", "last_used_at")}


def test_passkeys_are_listed_newest_first_to_whose_they_are(alice: Person, bob: Person) -> None:
    for name in ("First", "Second"):
        done(register(alice, Authenticator().create(creation_options(alice)), name))
    assert [each["name"] for each in done(alice.get("/users/me/passkeys"))] == ["Second", "First"]
    assert done(bob.get("/users/me/passkeys")) == []


def test_the_options_exclude_the_passkeys_that_are_there(alice: Person) -> None:
    authenticator = add_passkey(alice)
    excluded = creation_options(alice)["excludeCredentials"]
    assert [each["id"] for each in excluded] == [base64url(authenticator.id)]


def test_a_passkey_belongs_to_one_account(alice: Person, bob: Person) -> None:
    authenticator = add_passkey(alice)
    credential = authenticator.create(creation_options(bob))
    assert refusal(register(bob, credential)) == (409, "passkey_known")


@pytest.mark.parametrize("place", FOREIGN)
def test_a_passkey_made_elsewhere_is_refused(alice: Person, place: dict[str, Any]) -> None:
    credential = at(Authenticator(), place).create(creation_options(alice))
    assert refusal(register(alice, credential)) == (400, "passkey_refused")


def test_the_options_make_one_passkey(alice: Person) -> None:
    options = creation_options(alice)
    done(register(alice, Authenticator().create(options)))
    again = register(alice, Authenticator().create(options))
    assert refusal(again) == (400, "challenge_over")


def test_options_that_were_answered_wrongly_are_void(alice: Person) -> None:
    options = creation_options(alice)
    wrong = Authenticator(site="attacker.example").create(options)
    assert refusal(register(alice, wrong)) == (400, "passkey_refused")
    right = Authenticator().create(options)
    assert refusal(register(alice, right)) == (400, "challenge_over")


def test_the_options_of_somebody_else_make_none(alice: Person, bob: Person) -> None:
    options = creation_options(alice)
    assert refusal(register(bob, Authenticator().create(options))) == (400, "passkey_refused")
    done(register(alice, Authenticator().create(options)))


def test_options_for_signing_in_make_none(alice: Person, device: Person) -> None:
    options = done(device.post("/auth/passkeys/options"))["public_key"]
    options |= {"user": {"id": base64url(b"alice")}}
    answer = register(alice, Authenticator().create(options))
    assert refusal(answer) == (400, "challenge_over")


@pytest.mark.parametrize("nonsense", ["AAAA", base64url(b"[" * 9_000), base64url(b"{}")])
@pytest.mark.parametrize("part", ["clientDataJSON", "attestationObject"])
def test_nonsense_is_refused(alice: Person, part: str, nonsense: str) -> None:
    credential = Authenticator().create(creation_options(alice))
    credential["response"][part] = nonsense
    assert refusal(register(alice, credential)) == (400, "passkey_refused")


def test_a_key_that_is_none_is_refused(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    authenticator = Authenticator()
    attested = authenticator._attested()
    broken = attested[:-32] + bytes(32)  # no point of the curve
    monkeypatch.setattr(authenticator, "_attested", lambda: broken)
    answer = register(alice, authenticator.create(creation_options(alice)))
    assert refusal(answer) == (400, "passkey_refused")


def test_adding_or_removing_a_passkey_ends_all_other_sessions(
    alice: Person, device: Person
) -> None:
    log_in(device)
    authenticator = add_passkey(alice)
    assert device.get("/users/me").status_code == 401
    device.tokens = {}
    device.tokens = done(sign_in_by_passkey(device, authenticator))
    (passkey,) = ids(alice.get("/users/me/passkeys"))
    done(confirm(alice, f"/users/me/passkeys/{passkey}", "DELETE"))
    assert device.get("/users/me").status_code == 401
    assert alice.get("/users/me").status_code == 200


def test_a_removed_passkey_opens_nothing_and_the_password_is_enough(
    alice: Person, device: Person
) -> None:
    authenticator = add_passkey(alice)
    (passkey,) = ids(alice.get("/users/me/passkeys"))
    done(confirm(alice, f"/users/me/passkeys/{passkey}", "DELETE"))
    assert refusal(sign_in_by_passkey(device, authenticator)) == REFUSED
    log_in(device)


def test_nobody_removes_the_passkeys_of_others(alice: Person, bob: Person) -> None:
    add_passkey(alice)
    path = f"/users/me/passkeys/{ids(alice.get('/users/me/passkeys'))[0]}"
    assert confirm(bob, path, "DELETE").status_code == 404
    assert len(ids(alice.get("/users/me/passkeys"))) == 1


def test_there_is_an_end_to_passkeys(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.passkey_service.PASSKEYS_MAX", 1)
    add_passkey(alice)
    answer = confirm(alice, "/users/me/passkeys/options")
    assert refusal(answer) == (409, "too_many_passkeys")


# Signing in with a passkey alone


def test_a_passkey_signs_in_without_address_and_password(alice: Person, device: Person) -> None:
    authenticator = add_passkey(alice)
    device.tokens = done(sign_in_by_passkey(device, authenticator))
    assert done(device.get("/users/me"))["id"] == alice.id
    (passkey,) = done(alice.get("/users/me/passkeys"))
    assert passkey["last_used_at"] is not None


def test_the_options_tell_nothing_of_who_has_passkeys(alice: Person, device: Person) -> None:
    add_passkey(alice)
    options = done(device.post("/auth/passkeys/options"))["public_key"]
    assert options["allowCredentials"] == []
    assert (options["rpId"], options["userVerification"]) == ("localhost", "required")


@pytest.mark.parametrize("place", FOREIGN)
def test_a_signature_for_another_page_is_refused(
    alice: Person, device: Person, place: dict[str, Any]
) -> None:
    authenticator = add_passkey(alice)
    assert refusal(sign_in_by_passkey(device, at(authenticator, place))) == REFUSED


def test_a_passkey_that_did_not_check_who_holds_it_is_no_two_factors(
    alice: Person, device: Person
) -> None:
    authenticator = add_passkey(alice)
    careless = replace(authenticator, verifies=False)
    assert refusal(sign_in_by_passkey(device, careless)) == REFUSED


def test_a_signature_works_once(alice: Person, device: Person) -> None:
    authenticator = add_passkey(alice)
    options = done(device.post("/auth/passkeys/options"))
    credential = authenticator.get(options["public_key"])
    body = {"challenge": options["challenge"], "credential": credential}
    done(device.post("/auth/passkeys", body))
    assert refusal(device.post("/auth/passkeys", body)) == (401, "challenge_over")


def test_a_signature_of_another_challenge_is_refused(alice: Person, device: Person) -> None:
    authenticator = add_passkey(alice)
    old, new = (done(device.post("/auth/passkeys/options")) for _ in range(2))
    credential = authenticator.get(old["public_key"])
    body = {"challenge": new["challenge"], "credential": credential}
    assert refusal(device.post("/auth/passkeys", body)) == REFUSED


@pytest.mark.parametrize("kept", [0, 1])
def test_a_counter_that_does_not_rise_is_that_of_a_copy(
    alice: Person, device: Person, kept: int
) -> None:
    authenticator = add_passkey(alice)
    for _ in range(2):
        done(sign_in_by_passkey(device, authenticator))
    copy = replace(authenticator, count=kept)
    with capture_logs() as lines:
        assert refusal(sign_in_by_passkey(device, copy)) == REFUSED
    assert "passkey.counter_went_back" in [line["event"] for line in lines]


def test_a_passkey_that_does_not_count_is_taken(
    alice: Person, device: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    authenticator = add_passkey(alice)
    for _ in range(2):
        authenticator.count = -1  # which is raised before it signs
        done(sign_in_by_passkey(device, authenticator))


def test_a_passkey_that_is_not_known_is_refused(device: Person) -> None:
    assert refusal(sign_in_by_passkey(device, Authenticator(handle="AAAA"))) == REFUSED


def test_another_key_does_not_sign_for_a_passkey(alice: Person, device: Person) -> None:
    authenticator = add_passkey(alice)
    forged = Authenticator(id=authenticator.id, handle=authenticator.handle)
    assert refusal(sign_in_by_passkey(device, forged)) == REFUSED


@pytest.mark.parametrize("handle", ["", "AAAA"])
def test_a_passkey_that_names_another_owner_is_refused(
    alice: Person, device: Person, handle: str
) -> None:
    authenticator = replace(add_passkey(alice), handle=handle)
    options = done(device.post("/auth/passkeys/options"))
    credential = authenticator.get(options["public_key"])
    if not handle:
        del credential["response"]["userHandle"]
    body = {"challenge": options["challenge"], "credential": credential}
    assert refusal(device.post("/auth/passkeys", body)) == REFUSED


def test_the_passkey_of_a_disabled_account_opens_nothing(
    database: str, alice: Person, device: Person
) -> None:
    authenticator = add_passkey(alice)
    disable(database, alice)
    assert refusal(sign_in_by_passkey(device, authenticator)) == REFUSED


@pytest.mark.parametrize("part", ["clientDataJSON", "authenticatorData", "signature"])
def test_a_signature_of_nonsense_is_refused(alice: Person, device: Person, part: str) -> None:
    authenticator = add_passkey(alice)
    options = done(device.post("/auth/passkeys/options"))
    credential = authenticator.get(options["public_key"])
    credential["response"][part] = "AAAA"
    body = {"challenge": options["challenge"], "credential": credential}
    assert refusal(device.post("/auth/passkeys", body)) == REFUSED


@pytest.mark.parametrize("text", ["", "A", "AAAAA", "no+base64", "é", "AAAA\n"])
def test_what_is_no_base64url_is_not_even_looked_at(device: Person, text: str) -> None:
    options = done(device.post("/auth/passkeys/options"))
    credential: Any = Authenticator(handle="AAAA").get(options["public_key"])
    body = {"challenge": options["challenge"], "credential": credential | {"rawId": text}}
    assert device.post("/auth/passkeys", body).status_code == 422


# After the password


def test_a_passkey_is_a_second_factor(alice: Person, device: Person) -> None:
    authenticator = replace(add_passkey(alice), verifies=False)  # the password did that
    problem = begin(device)
    assert problem["methods"] == ["passkey", "recovery_code"]
    allowed = [each["id"] for each in problem["public_key"]["allowCredentials"]]
    assert allowed == [base64url(authenticator.id)]
    credential = authenticator.get(problem["public_key"])
    device.tokens = done(finish(device, problem["challenge"], credential=credential))
    assert done(device.get("/users/me"))["id"] == alice.id


def test_the_passkey_of_somebody_else_is_no_second_factor(
    alice: Person, bob: Person, device: Person
) -> None:
    add_passkey(alice)
    other = add_passkey(bob)
    problem = begin(device)
    credential = other.get(problem["public_key"])
    answer = finish(device, problem["challenge"], credential=credential)
    assert refusal(answer) == (401, "second_factor_wrong")


@pytest.mark.parametrize("place", FOREIGN)
def test_a_second_factor_for_another_page_is_refused(
    alice: Person, device: Person, place: dict[str, Any]
) -> None:
    authenticator = at(add_passkey(alice), place)
    problem = begin(device)
    credential = authenticator.get(problem["public_key"])
    answer = finish(device, problem["challenge"], credential=credential)
    assert refusal(answer) == (401, "second_factor_wrong")


def test_a_signature_for_one_step_is_worth_nothing_in_the_other(
    alice: Person, device: Person
) -> None:
    authenticator = add_passkey(alice)
    problem = begin(device)
    credential = authenticator.get(problem["public_key"])
    body = {"challenge": problem["challenge"], "credential": credential}
    assert refusal(device.post("/auth/passkeys", body)) == (401, "challenge_over")
    options = done(device.post("/auth/passkeys/options"))
    credential = authenticator.get(options["public_key"])
    answer = finish(device, options["challenge"], credential=credential)
    assert refusal(answer) == (401, "challenge_over")


def test_keys_are_kept_as_their_public_halves(database: str, alice: Person) -> None:
    authenticator = add_passkey(alice)
    query = "SELECT credential, sign_count FROM passkeys WHERE user_id = %(id)s"
    assert rows(database, query, {"id": alice.id}) == [
        {"credential": authenticator.id, "sign_count": 0}
    ]
