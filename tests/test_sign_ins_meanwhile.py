"""Signing in while what protects the account is being changed: one of both sees the other."""

from concurrent.futures import ThreadPoolExecutor
from typing import LiteralString

import pytest
from flask import Flask

from tests.factories import PASSWORD, Person
from tests.records import refusal
from tests.second_factors import stranger
from tests.sql import connect, number
from tests.waiting import wait_until

WAITING: LiteralString = "SELECT count(*) FROM pg_locks WHERE NOT granted"
LOCK: LiteralString = "SELECT FROM users WHERE id = %(id)s FOR NO KEY UPDATE"

# What the service does, up to the commit.
CHANGES: dict[str, LiteralString] = {
    "password": "UPDATE users SET password_hash = 'another' WHERE id = %(id)s",
    "factor": "INSERT INTO totp_secrets (user_id, secret, created_at, confirmed_at)"
    " VALUES (%(id)s, '', now(), now())",
    "account": "UPDATE users SET is_active = false WHERE id = %(id)s",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_sign_in_that_began_before_opens_nothing_afterwards(
    app: Flask, database: str, alice: Person, change: str
) -> None:
    device = stranger(app, alice)
    body = {"email": alice.email, "password": PASSWORD}
    with connect(database) as other, ThreadPoolExecutor(1) as pool:
        with other.transaction():
            other.execute(LOCK, {"id": alice.id})
            other.execute(CHANGES[change], {"id": alice.id})
            asked = pool.submit(device.post, "/auth/login", body)
            wait_until(lambda: asked.done() or number(database, WAITING) > 0)
        assert refusal(asked.result()) == (401, "sign_in_outdated")
