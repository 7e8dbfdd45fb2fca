"""Sessions that somebody ends: they are over at both workers, for requests and for sockets."""

from collections.abc import Callable
from functools import partial

import pytest

from tests.crowd import crowd
from tests.factories import Person, log_in
from tests.live.sockets import Sockets, user_room_of
from tests.records import done, refusal
from tests.waiting import wait_until

Ending = Callable[[Person, Person], object]


def sign_out_everywhere(_admin: Person, person: Person) -> None:
    done(person.delete("/auth/sessions"))


def end_from_another_device(_admin: Person, person: Person) -> None:
    elsewhere = Person(person.client, person.id, person.email)
    log_in(elsewhere)
    _, first = done(elsewhere.get("/auth/sessions"))
    done(elsewhere.delete(f"/auth/sessions/{first['id']}"))


def be_signed_out_by_an_administrator(admin: Person, person: Person) -> None:
    done(admin.delete(f"/users/{person.id}/sessions"))


def be_robbed_of_a_refresh_token(_admin: Person, person: Person) -> None:
    spent = {"refresh_token": person.tokens["refresh_token"]}
    renewed = done(person.post("/auth/refresh", spent))
    done(person.post("/auth/refresh", {"refresh_token": renewed["refresh_token"]}))
    assert refusal(person.post("/auth/refresh", spent)) == (401, "refresh_token_reused")


@pytest.mark.parametrize(
    "end",
    [
        sign_out_everywhere,
        end_from_another_device,
        be_signed_out_by_an_administrator,
        be_robbed_of_a_refresh_token,
    ],
)
def test_an_ended_session_is_over_at_both_workers(
    sockets: Sockets, admin: Person, alice: Person, bob: Person, end: Ending
) -> None:
    both = sockets.at_both_workers(alice, user_room_of(alice))
    other = sockets.open(bob)
    headers = {"Authorization": f"Bearer {alice.tokens['access_token']}"}
    with crowd(sockets.server, 2) as clients:
        asked = [partial(client.get, "/users/me", headers=headers) for client in clients]
        assert {ask().status_code for ask in asked} == {200}
        end(admin, alice)
        wait_until(lambda: {ask().status_code for ask in asked} == {401})
    for socket in both:
        assert socket.closed()[0] == 4001
    tokens = {"refresh_token": alice.tokens["refresh_token"]}
    assert refusal(alice.post("/auth/refresh", tokens)) == (401, "session_over")
    other.ping()
