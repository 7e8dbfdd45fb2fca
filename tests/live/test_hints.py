"""Hints tell the other worker at once: nobody waits until it looks for what it missed."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.crowd import crowd
from tests.factories import Person, add_member
from tests.live.sockets import Sockets, user_room_of
from tests.live.test_ended_accounts import delete, disable
from tests.live.test_ended_sessions import be_signed_out_by_an_administrator, sign_out_everywhere
from tests.live.test_presence import wait_for
from tests.records import Record, done, make_task
from tests.server import Server
from tests.waiting import wait_until

TRUSTED_SECONDS = 60  # the most there is
HINTED_SECONDS = 30.0  # less than that, however busy the machine is

Ending = Callable[[Person, Person], object]


@pytest.fixture(scope="module")
def server(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose workers look by themselves after minutes only, in place of the usual one."""
    log = tmp_path_factory.mktemp("server") / "log"
    options = {"PRINCIPAL_CACHE_SECONDS": str(TRUSTED_SECONDS)}
    with Server.running(log, "tests.live.hints_only:app", **options) as server:
        yield server
        assert "Traceback" not in log.read_text()


def test_a_change(sockets: Sockets, alice: Person, project: Record, room: str) -> None:
    both = sockets.at_both_workers(alice, room)
    task = make_task(alice, project_id=project["id"])
    for socket in both:
        assert socket.event("task.created", HINTED_SECONDS)["subject"] == task["id"]


@pytest.mark.parametrize(
    "end", [sign_out_everywhere, be_signed_out_by_an_administrator, disable, delete]
)
def test_the_end_of_a_session(sockets: Sockets, admin: Person, alice: Person, end: Ending) -> None:
    both = sockets.at_both_workers(alice, user_room_of(alice))
    headers = {"Authorization": f"Bearer {alice.tokens['access_token']}"}
    with crowd(sockets.server, 2) as clients:
        asked = [partial(client.get, "/users/me", headers=headers) for client in clients]
        assert {ask().status_code for ask in asked} == {200}
        end(admin, alice)
        wait_until(lambda: {ask().status_code for ask in asked} == {401}, HINTED_SECONDS)
    for socket in both:
        assert socket.closed(HINTED_SECONDS)[0] == 4001


def test_the_end_of_a_membership(
    sockets: Sockets, alice: Person, bob: Person, project: Record, room: str
) -> None:
    add_member(alice, project, bob, "editor")
    both = sockets.at_both_workers(bob, room)
    done(alice.delete(f"/projects/{project['id']}/members/{bob.id}"))
    for socket in both:
        assert socket.receive("revoked", HINTED_SECONDS)["room"] == room


def test_who_comes_and_goes(sockets: Sockets, alice: Person, project: Record, room: str) -> None:
    stays, goes = sockets.at_both_workers(alice, room)
    wait_for(stays, room, [stays, goes], HINTED_SECONDS)
    goes.close()
    wait_for(stays, room, [stays], HINTED_SECONDS)
