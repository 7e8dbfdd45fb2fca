"""What gunicorn finds out anew for each request, found out once, and answers that leave whole.

Its parser, limits and checks stay as they are. gunicorn has no settings for any of this, so its
names are replaced in each worker. That happens before gevent patches the standard library: nothing
of the application is imported.
"""

import errno
import time
from collections.abc import Iterable
from email.utils import formatdate
from functools import lru_cache
from typing import Any

from gunicorn import util
from gunicorn.config import Config
from gunicorn.http import message, parser, wsgi

NAMES_KEPT = 256
SEND_SECONDS = 30  # for a piece of an answer
SEND_PIECE_BYTES = 65_536

_base_environ = wsgi.base_environ


def shorten(config: Config) -> None:
    """Have this process serve so; `config` does not change any more."""
    plain = {name: setting.get() for name, setting in config.settings.items()}
    config.__dict__.update(plain)  # it would look each of them up in a method
    environ = _base_environ(config)
    wsgi.base_environ = lambda cfg: dict(environ)  # noqa: ARG005 - gunicorn's name for it
    wsgi.Response = Response  # type: ignore[misc]  # a class is a name like others
    parser.RequestParser.mesg_class = Request
    util.http_date = _http_date
    util.write = _write


def _write(sock: Any, data: bytes, chunked: bool = False) -> None:  # noqa: FBT001, FBT002 - as gunicorn calls it
    """Send; who takes nothing of a piece for so long is gone, or would keep the connection."""
    if chunked:
        data = b"%X\r\n%b\r\n" % (len(data), data)
    waits = sock.gettimeout() is None
    if waits:
        sock.settimeout(SEND_SECONDS)
    try:
        for start in range(0, len(data), SEND_PIECE_BYTES):
            sock.sendall(data[start : start + SEND_PIECE_BYTES])
    except TimeoutError as error:
        raise ConnectionResetError(errno.ECONNRESET, "the answer is not taken") from error
    finally:
        if waits:
            sock.settimeout(None)


def _http_date(timestamp: float | None = None) -> str:
    return _date_of(int(time.time() if timestamp is None else timestamp))


@lru_cache(maxsize=1)
def _date_of(second: int) -> str:
    return formatdate(second, usegmt=True)


class Request(message.Request):
    """A request whose sender is not looked up in a list that names nobody."""

    def _peer_is_trusted_proxy(self) -> bool:
        if isinstance(self.peer_addr, tuple) and not self.cfg.forwarded_allow_ips:
            return False
        return bool(super()._peer_is_trusted_proxy())  # type: ignore[misc]  # its stubs lag behind


class Response(wsgi.Response):
    """Checks headers together, and sends the head together with a body that is whole.

    gunicorn sends them one after the other: two system calls and two packets for each answer.
    """

    def process_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        """Take the headers of an answer, as gunicorn does.

        A character that no value may have is found in all of them joined as well; gunicorn then
        says which it was. Those that mean something to gunicorn itself are left to it.
        """
        headers = list(headers)
        ordinary = [each for each in headers if _is_ordinary(each[0])]
        if not wsgi.HEADER_VALUE_RE.fullmatch("".join([value for _, value in ordinary])):
            super().process_headers(headers)
        self.headers = [(name, value.strip(" \t")) for name, value in ordinary]
        super().process_headers([each for each in headers if not _is_ordinary(each[0])])

    def write(self, arg: bytes) -> None:
        """Send a piece of the body, the head before it when it was not sent yet."""
        if self.headers_sent or self._omits_body or self.response_length != len(arg):  # type: ignore[attr-defined]  # as above
            super().write(arg)
            return
        lines = [f"{name}: {value}\r\n" for name, value in self.headers]
        head = "".join([*self.default_headers(), *lines])
        whole = f"{head}\r\n".encode("latin-1") + arg
        self.headers_sent = True  # from here on, or a failure would be told in the midst of it
        self.sent = len(arg)
        util.write(self.sock, whole)


@lru_cache(maxsize=NAMES_KEPT)
def _is_ordinary(name: Any) -> bool:
    """Tell whether this is the name of a header in which gunicorn only looks for bad characters."""
    return (
        isinstance(name, str)
        and wsgi.TOKEN_RE.fullmatch(name) is not None  # type: ignore[attr-defined]  # as above
        and name.lower() != "content-length"
        and not util.is_hoppish(name)
    )
