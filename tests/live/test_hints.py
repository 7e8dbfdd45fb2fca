"""Hints tell the other worker at once: nobody waits until it looks for what it missed."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from flask import Flask

from tests.changes import room_of
from tests.crowd import crowd
from tests.factories import Person, add_member, make_admin, sign_up
from tests.live.sockets import Sockets, through, user_room_of
from tests.live.test_ended_accounts import delete, disable
from tests.live.test_ended_sessions import be_signed_out_by_an_administrator, sign_out_everywhere
from tests.live.test_presence import wait_for
from tests.records import Record, done, make_project, make_task
from tests.server import Server
from tests.waiting import wait_until

TRUSTED_SECONDS = 60  # the most there is
HINTED_SECONDS = 30.0  # less than that, however busy the machine is

Ending = Callable[[Person, Person], object]


@pytest.fixture(scope="module")
def hinted(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose workers look by themselves after minutes only."""
    log = tmp_path_factory.mktemp("server") / "log"
    options = {"PRINCIPAL_CACHE_SECONDS": str(TRUSTED_SECONDS)}
    with Server.running(log, "tests.live.hints_only:app", **options) as server:
        yield server
        assert "Traceback" not in log.read_text()


@pytest.fixture
def sockets(hinted: Server) -> Iterator[Sockets]:
    """Opens sockets there."""
    with Sockets.at(hinted) as opened:
        yield opened


@pytest.fixture
def admin(app: Flask, hinted: Server) -> Person:
    return through(hinted, make_admin(app, "Admin"))


@pytest.fixture
def carol(app: Flask, hinted: Server) -> Person:
    """Somebody with an account whose requests go there."""
    return through(hinted, sign_up(app, "Carol"))


@pytest.fixture
def shared(carol: Person) -> Record:
    """A project of Carol's."""
    return make_project(carol)


def test_a_change(sockets: Sockets, carol: Person, shared: Record) -> None:
    both = sockets.at_both_workers(carol, room_of(shared))
    task = make_task(carol, project_id=shared["id"])
    for socket in both:
        assert socket.event("task.created", HINTED_SECONDS)["subject"] == task["id"]


@pytest.mark.parametrize(
    "end", [sign_out_everywhere, be_signed_out_by_an_administrator, disable, delete]
)
def test_the_end_of_a_session(sockets: Sockets, admin: Person, carol: Person, end: Ending) -> None:
    both = sockets.at_both_workers(carol, user_room_of(carol))
    headers = {"Authorization": f"Bearer {carol.tokens['access_token']}"}
    with crowd(sockets.server, 2) as clients:
        asked = [partial(client.get, "/users/me", headers=headers) for client in clients]
        assert {ask().status_code for ask in asked} == {200}
        end(admin, carol)
        wait_until(lambda: {ask().status_code for ask in asked} == {401}, HINTED_SECONDS)
    for socket in both:
        assert socket.closed(HINTED_SECONDS)[0] == 4001


def test_the_end_of_a_membership(
    app: Flask, sockets: Sockets, carol: Person, shared: Record
) -> None:
    dave = sign_up(app, "Dave")
    add_member(carol, shared, dave, "editor")
    both = sockets.at_both_workers(dave, room_of(shared))
    done(carol.delete(f"/projects/{shared['id']}/members/{dave.id}"))
    for socket in both:
        assert socket.receive("revoked", HINTED_SECONDS)["room"] == room_of(shared)


def test_who_comes_and_goes(sockets: Sockets, carol: Person, shared: Record) -> None:
    room = room_of(shared)
    stays, goes = sockets.at_both_workers(carol, room)
    wait_for(stays, room, [stays, goes], HINTED_SECONDS)
    goes.close()
    wait_for(stays, room, [stays], HINTED_SECONDS)
