"""People whose requests go through the real server, and sockets that they open there."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.changes import room_of
from tests.factories import Person, make_admin, sign_up
from tests.live.sockets import Sockets, through
from tests.records import Record
from tests.server import Server


@pytest.fixture(autouse=True)
def _no_defect_is_logged(server: Server) -> Iterator[None]:
    """Fail where the server met with something that nobody thought of."""
    before = server.log.stat().st_size
    yield
    with server.log.open() as log:
        log.seek(before)
        assert "Traceback" not in (lines := log.read()), lines


@pytest.fixture
def sockets(server: Server) -> Iterator[Sockets]:
    """Opens sockets."""
    with Sockets.at(server) as opened:
        yield opened


@pytest.fixture
def alice(app: Flask, server: Server) -> Person:
    """Somebody with an account."""
    return through(server, sign_up(app, "Alice"))


@pytest.fixture
def bob(app: Flask, server: Server) -> Person:
    """Somebody else with an account."""
    return through(server, sign_up(app, "Bob"))


@pytest.fixture
def admin(app: Flask, server: Server) -> Person:
    """Somebody who administers the installation."""
    return through(server, make_admin(app, "Admin"))


@pytest.fixture
def room(project: Record) -> str:
    """The room of a project that Alice owns."""
    return room_of(project)
