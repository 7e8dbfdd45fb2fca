"""Secrets at rest: encrypted, and with another key when the operator changes it."""

from collections.abc import Callable
from typing import TypeVar

import pytest
from flask import Flask

from config import Settings, settings
from services.audit_service import audit_service
from services.challenge_service import challenge_service
from services.db_client import db
from services.second_factor_service import SecondFactorService
from services.secret_box import SecretBox, secret_box
from services.session_service import session_service
from tests.factories import Person
from tests.second_factors import App, turn_on_app
from tests.sql import rows
from utils.errors import UnavailableError

T = TypeVar("T")

OLD, NEW, OTHER = ("old" * 12, "new" * 12, "other" * 8)
SECRET = "JBSWY3DPEHPK3PXP"
EVERYTHING = """
    SELECT to_jsonb(totp_secrets)::text AS row FROM totp_secrets WHERE user_id = %(id)s
    UNION ALL SELECT to_jsonb(recovery_codes)::text FROM recovery_codes WHERE user_id = %(id)s
    UNION ALL SELECT to_jsonb(challenges)::text FROM challenges WHERE user_id = %(id)s
"""
STORED = "SELECT secret FROM totp_secrets WHERE user_id = %(id)s"


def box(*keys: str) -> SecretBox:
    """The box as it is with these values of SECRET_KEY, the present one first."""
    return SecretBox(lambda: keys)


def factors(*keys: str) -> SecondFactorService:
    """The service, likewise."""
    return SecondFactorService(db, session_service, challenge_service, box(*keys), audit_service)


def undone(work: Callable[[], T]) -> T:
    """Do something to everybody's secrets, undo it, and return what came of it."""

    def rehearse() -> T:
        with db.rehearsal():
            return work()

    return db.transaction(rehearse)


def stored_secret(database: str, person: Person) -> str:
    (row,) = rows(database, STORED, {"id": person.id})
    return str(row["secret"])


def test_what_was_encrypted_can_be_read_again() -> None:
    assert box(NEW).decrypt(box(NEW).encrypt(SECRET)) == SECRET


def test_a_secret_is_never_stored_alike() -> None:
    assert box(NEW).encrypt(SECRET) != box(NEW).encrypt(SECRET)


@pytest.mark.parametrize("end", [-3, -30])
def test_what_was_tampered_with_is_not_read(end: int) -> None:
    stored = box(NEW).encrypt(SECRET)
    letter = "A" if stored[end] != "A" else "B"
    with pytest.raises(UnavailableError, match="another SECRET_KEY"):
        box(NEW).decrypt(stored[:end] + letter + stored[end + 1 :])


def test_an_old_key_reads_and_encrypts_nothing() -> None:
    both = box(NEW, OLD)
    assert both.decrypt(box(OLD).encrypt(SECRET)) == SECRET
    with pytest.raises(UnavailableError):
        box(OLD).decrypt(both.encrypt(SECRET))


@pytest.mark.parametrize("use", [SecretBox.decrypt, SecretBox.rotate])
def test_without_the_old_key_its_name_is_told_to_the_operator(
    use: Callable[[SecretBox, str], str],
) -> None:
    with pytest.raises(UnavailableError, match="OLD_SECRET_KEYS") as refusal:
        use(box(NEW, OTHER), box(OLD).encrypt(SECRET))
    assert refusal.value.code == "secret_unreadable"


def test_old_keys_are_a_setting_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLD_SECRET_KEYS", f"{OLD}, {OTHER}")
    options = Settings()
    assert [key.get_secret_value() for key in options.old_secret_keys] == [OLD, OTHER]
    assert OLD not in repr(options)


def test_an_app_goes_on_under_a_new_key_while_the_old_one_is_listed(alice: Person) -> None:
    app, _ = turn_on_app(alice)
    renewed = factors(NEW, settings.signing_key)
    assert undone(lambda: renewed.spend_code(alice.id, app.code(1)))
    with pytest.raises(UnavailableError):
        undone(lambda: factors(NEW).spend_code(alice.id, app.code(1)))


def test_after_rotation_the_old_key_is_not_needed(alice: Person) -> None:
    app, _ = turn_on_app(alice)

    def rotate_and_use() -> tuple[int, bool]:
        count = factors(NEW, settings.signing_key).rotate_secrets()
        return count, factors(NEW).spend_code(alice.id, app.code(1))

    count, accepted = undone(rotate_and_use)
    assert count >= 1
    assert accepted


def test_the_command_encrypts_every_secret_anew(app: Flask, database: str, alice: Person) -> None:
    codes, _ = turn_on_app(alice)
    before = stored_secret(database, alice)
    result = app.test_cli_runner().invoke(args=["rotate-secrets"])
    assert (result.exit_code, result.stdout.startswith("secrets: ")) == (0, True)
    after = stored_secret(database, alice)
    assert after != before
    assert App(secret_box.decrypt(after)).code() == codes.code()


def test_nothing_in_the_database_can_be_used(database: str, alice: Person) -> None:
    setup = alice.post("/users/me/totp", {"password": "correct horse battery"}).get_json()
    app = App(setup["secret"])
    codes = alice.post("/users/me/totp/confirm", {"code": app.code()}).get_json()["recovery_codes"]
    body = {"email": alice.email, "password": "correct horse battery"}
    challenge = alice.post("/auth/login", body).get_json()["challenge"]
    stored = "".join(row["row"] for row in rows(database, EVERYTHING, {"id": alice.id}))
    assert stored.count('"user_id"') == 12
    typed = [code.replace("-", "") for code in codes]
    for secret in (setup["secret"], challenge, *codes, *typed):
        assert secret not in stored
