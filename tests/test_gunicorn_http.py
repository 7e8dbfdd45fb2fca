"""Answers on their way out through gunicorn: what it refuses to send, it still refuses."""

from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from gevent import socket
from gunicorn import util
from gunicorn.config import Config
from gunicorn.http import parser, wsgi
from gunicorn.http.errors import (  # type: ignore[attr-defined]  # its stubs lag behind
    InvalidResponseHeader,
    InvalidResponseHeaderName,
)

import gunicorn_http
from gunicorn_http import Response, shorten

PLAIN = [("X-Request-Id", "7"), ("Content-Type", "text/plain")]
SPLIT = "a\r\nSet-Cookie: stolen=1"


class Wire:
    """A socket that keeps what is sent, piece by piece."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def gettimeout(self) -> None:
        """It waits for as long as it takes."""

    def settimeout(self, _seconds: float | None) -> None:
        """It never has to wait."""

    def sendall(self, data: bytes) -> None:
        """Take a piece."""
        self.sent.append(data)


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def response(wire: Wire) -> Response:
    request: Any = SimpleNamespace(method="GET", version=(1, 1), should_close=lambda: False)
    config: Any = SimpleNamespace(protocol="http")
    return Response(request, wire, config)  # type: ignore[arg-type]  # it only sends to it


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("value", [SPLIT, "a\0b", "a\nb", "\x7f", "\u2028"])
def test_a_value_that_would_end_its_line_is_refused(
    response: Response, value: str, place: int
) -> None:
    headers = [*PLAIN]
    headers.insert(place, ("X-Told", value))
    with pytest.raises(InvalidResponseHeader, match="X-Told"):
        response.start_response("200 OK", headers)


@pytest.mark.parametrize("name", ["", "X Told", "X-Told:", "X\r\nTold"])
def test_a_name_that_is_none_is_refused(response: Response, name: str) -> None:
    with pytest.raises(InvalidResponseHeaderName):
        response.start_response("200 OK", [*PLAIN, (name, "7")])


def test_a_hop_by_hop_header_is_left_to_gunicorn(response: Response, wire: Wire) -> None:
    response.start_response("200 OK", [("Keep-Alive", "9"), ("Content-Length", "2"), *PLAIN])
    response.write(b"ok")
    (whole,) = wire.sent
    assert b"Keep-Alive" not in whole
    assert whole.count(b"\r\nX-Request-Id: 7\r\n") == 1
    assert whole.count(b"\r\nContent-Length: 2\r\n") == 1
    assert whole.endswith(b"\r\n\r\nok")


def test_a_body_is_never_longer_than_it_says(response: Response, wire: Wire) -> None:
    response.start_response("200 OK", [("Content-Length", "2"), *PLAIN])
    response.write(b"okay")
    assert b"".join(wire.sent).endswith(b"\r\n\r\nok")


def test_an_answer_that_broke_off_is_followed_by_no_other(
    response: Response, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(_data: bytes) -> None:
        raise RuntimeError

    monkeypatch.setattr(wire, "sendall", break_off)
    response.start_response("200 OK", [("Content-Length", "2"), *PLAIN])
    with pytest.raises(RuntimeError):
        response.write(b"ok")
    assert response.headers_sent  # so gunicorn closes the connection and says no more


@pytest.mark.parametrize("options", [{}, {"chunked": True}])
def test_who_takes_nothing_of_an_answer_is_let_go(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, bool]
) -> None:
    monkeypatch.setattr(gunicorn_http, "SEND_SECONDS", 0.1)
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(ConnectionResetError):
        gunicorn_http._write(ours, bytes(10_000_000), **options)


def test_who_takes_an_answer_slowly_gets_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than the time for a piece goes by, and none that a piece is waited for."""
    monkeypatch.setattr(gunicorn_http, "SEND_SECONDS", 0.5)
    sent = bytes(2_000_000)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sending = gevent.spawn(gunicorn_http._write, ours, sent)
        taken = 0
        while taken < len(sent):
            gevent.sleep(0.02)
            taken += len(theirs.recv(40_000))
        sending.get()
        assert ours.gettimeout() is None


def test_every_answer_is_dated_by_the_second_it_leaves_in(monkeypatch: pytest.MonkeyPatch) -> None:
    for now in (1_000_000.9, 1_000_001.0, 1_000_000.0):
        monkeypatch.setattr("time.time", lambda now=now: now)
        date = gunicorn_http._http_date()
        assert date.endswith(" GMT")
        assert parsedate_to_datetime(date).timestamp() == int(now)


@pytest.fixture
def shortened(monkeypatch: pytest.MonkeyPatch) -> Config:
    """What gunicorn is told by settings, in a process that serves so until the test is over."""
    replaced: list[tuple[Any, str]] = [
        (wsgi, "base_environ"),
        (wsgi, "Response"),
        (parser.RequestParser, "mesg_class"),
        (util, "http_date"),
        (util, "write"),
    ]
    for owner, name in replaced:
        monkeypatch.setattr(owner, name, getattr(owner, name))
    config = Config()
    config.set("forwarded_allow_ips", "")
    config.set("workers", 2)
    shorten(config)
    return config


def test_no_request_finds_what_another_has_left(shortened: Config) -> None:
    first = wsgi.base_environ(shortened)
    first["HTTP_COOKIE"] = "secret"
    second = wsgi.base_environ(shortened)
    assert "HTTP_COOKIE" not in second
    assert second["wsgi.multiprocess"]


@pytest.mark.parametrize("sent", ["X-Forwarded-Proto: https", "X-Forwarded-Ssl: on"])
def test_nobody_is_believed_to_be_a_proxy(shortened: Config, sent: str) -> None:
    pieces = [f"GET / HTTP/1.1\r\nHost: stint\r\n{sent}\r\n\r\n".encode()]
    (request,) = parser.RequestParser(shortened, iter(pieces), ("127.0.0.1", 9))
    assert isinstance(request, gunicorn_http.Request)
    assert request.scheme == "http"
