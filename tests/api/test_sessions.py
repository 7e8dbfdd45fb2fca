"""Sessions, as their owner sees and ends them."""

from functools import partial

import pytest
from flask import Flask

from services.session_service import SESSIONS_MAX
from tests.crowd import crowd
from tests.factories import Person, log_in
from tests.server import Server
from tests.sql import number, rows
from tests.waiting import wait_until

EARLIER = """
    INSERT INTO sessions (
        id, user_id, refresh_id, device, ip, created_at, last_used_at, expires_at
    )
    SELECT gen_random_uuid(), %(id)s, gen_random_uuid(), 'x', '', now(),
        now() - interval '1 hour', now() + interval '1 day'
    FROM generate_series(1, %(count)s)
"""
LIVE = "SELECT count(*) FROM sessions WHERE user_id = %(id)s AND revoked_at IS NULL"


@pytest.fixture
def elsewhere(app: Flask, alice: Person) -> Person:
    """Alice on another device."""
    person = Person(app.test_client(), alice.id, alice.email)
    log_in(person)
    return person


def sessions_of(person: Person) -> list[dict[str, object]]:
    answer = person.get("/auth/sessions")
    assert answer.status_code == 200, answer.text
    listed: list[dict[str, object]] = answer.get_json()
    return listed


def test_sessions_are_listed_newest_first_and_say_which_one_asks(
    alice: Person, elsewhere: Person
) -> None:
    assert [each["is_current"] for each in sessions_of(alice)] == [False, True]
    assert [each["is_current"] for each in sessions_of(elsewhere)] == [True, False]


def test_a_session_says_where_it_is(app: Flask, alice: Person) -> None:
    phone = Person(app.test_client(), alice.id, alice.email)
    phone.client.environ_base["HTTP_USER_AGENT"] = "Stint for Telephones " + "x" * 300
    log_in(phone)
    newest, _ = sessions_of(phone)
    assert str(newest["device"]).startswith("Stint for Telephones")
    assert len(str(newest["device"])) == 200
    assert newest["ip"] == "127.0.0.1"


def test_sessions_come_in_pages(alice: Person, elsewhere: Person) -> None:
    first = alice.get("/auth/sessions?limit=1")
    assert [each["is_current"] for each in first.get_json()] == [False]
    assert 'rel="next"' in first.headers["Link"]
    assert elsewhere.get("/auth/sessions?limit=2").headers.get("Link") is None


def test_nobody_sees_the_sessions_of_others(alice: Person, bob: Person) -> None:
    mine = {each["id"] for each in sessions_of(alice)}
    assert mine.isdisjoint({each["id"] for each in sessions_of(bob)})


def test_a_session_can_be_ended_from_another(alice: Person, elsewhere: Person) -> None:
    other, _ = sessions_of(alice)
    assert alice.delete(f"/auth/sessions/{other['id']}").status_code == 204
    assert elsewhere.get("/users/me").get_json()["code"] == "session_over"
    assert [each["is_current"] for each in sessions_of(alice)] == [True]


def test_a_session_ends_once(alice: Person, elsewhere: Person) -> None:
    path = f"/auth/sessions/{sessions_of(elsewhere)[0]['id']}"
    assert [alice.delete(path).status_code for _ in range(2)] == [204, 404]


def test_nobody_ends_the_sessions_of_others(alice: Person, bob: Person) -> None:
    (session,) = sessions_of(bob)
    assert alice.delete(f"/auth/sessions/{session['id']}").status_code == 404
    assert bob.get("/users/me").status_code == 200


def test_signing_out_everywhere_ends_all_of_one_s_sessions(
    alice: Person, elsewhere: Person, bob: Person
) -> None:
    assert alice.delete("/auth/sessions").status_code == 204
    assert [each.get("/users/me").status_code for each in (alice, elsewhere, bob)] == [
        401,
        401,
        200,
    ]


def test_of_too_many_sessions_the_one_ends_that_was_not_used_for_longest(
    alice: Person, elsewhere: Person, database: str
) -> None:
    values = {"id": alice.id, "count": SESSIONS_MAX - 2}
    rows(database, EARLIER, values)
    log_in(elsewhere)
    assert alice.get("/users/me").status_code == 200
    assert number(database, LIVE, values) == SESSIONS_MAX
    unused = "UPDATE sessions SET last_used_at = 'epoch' WHERE user_id = %(id)s AND device = 'x'"
    rows(database, unused, values)
    renewed = alice.post("/auth/refresh", {"refresh_token": alice.tokens["refresh_token"]})
    alice.tokens = renewed.get_json()
    log_in(elsewhere)
    assert {each.get("/users/me").status_code for each in (alice, elsewhere)} == {200}
    assert number(database, LIVE, values) == SESSIONS_MAX
    assert len(alice.get("/audit?action=session.ended").get_json()) == 2


def test_signing_out_everywhere_counts_at_every_worker(server: Server, alice: Person) -> None:
    headers = {"Authorization": f"Bearer {alice.tokens['access_token']}"}
    with crowd(server, 4) as clients:
        asked = [partial(client.get, "/users/me", headers=headers) for client in clients]
        assert {ask().status_code for ask in asked} == {200}
        assert alice.delete("/auth/sessions").status_code == 204
        wait_until(lambda: {ask().status_code for ask in asked} == {401})
