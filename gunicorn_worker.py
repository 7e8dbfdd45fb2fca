"""The gunicorn worker: gevent's, with answers that leave in one piece.

It is loaded before gevent patches the standard library, so it imports nothing of the application.
"""

import gc
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import gevent
from gunicorn.http import errors, wsgi
from gunicorn.util import write, write_error
from gunicorn.workers.ggevent import GeventWorker

GARBAGE_THRESHOLD = 20_000  # allocations between two looks for cycles; a request makes hundreds


STATUSES: dict[type[errors.ParseException], HTTPStatus] = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
}


class OneSendResponse(wsgi.Response):
    """Sends the head together with a body that is whole.

    gunicorn sends them one after the other: two system calls and two packets for each answer.
    """

    def write(self, arg: bytes) -> None:
        """Send a piece of the body, the head before it when it was not sent yet."""
        if self.headers_sent or self._omits_body or self.response_length != len(arg):  # type: ignore[attr-defined]  # its stubs lag behind
            super().write(arg)
            return
        head = "".join(
            [*self.default_headers(), *(f"{name}: {value}\r\n" for name, value in self.headers)]
        )
        write(self.sock, f"{head}\r\n".encode("latin-1") + arg)
        self.headers_sent = True
        self.sent = len(arg)


class Worker(GeventWorker):
    """What gunicorn.conf.py names as worker_class."""

    _live: Any = None  # LiveService, once the application is loaded; a signal may come earlier

    def init_process(self) -> None:
        """Serve until told to stop."""
        wsgi.Response = OneSendResponse  # type: ignore[misc]  # gunicorn has no setting for it
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the application; what is there after that is never garbage."""
        super().load_wsgi()
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE_THRESHOLD)
        self._live = self.wsgi.extensions["live"]  # type: ignore[attr-defined]  # it is the Flask application
        self._live.start()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:  # noqa: ARG002 - as inherited
        """Refuse what is no HTTP without repeating it: gunicorn does, in its answer and its log.

        What cannot be read may hold a token as well as anything else.
        """
        if isinstance(exc, errors.ParseException):
            status = STATUSES.get(type(exc), HTTPStatus.BAD_REQUEST)
            self.log.warning("Invalid request from ip=%s: %s", addr and addr[0], type(exc).__name__)
        else:
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            self.log.exception("Error handling request")
        with suppress(OSError):
            write_error(client, status, status.phrase, "")

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Send sockets away at once: they would stay open until the graceful timeout is over."""
        self._send_sockets_away()
        super().handle_exit(sig, frame)

    def handle_quit(self, sig: int, frame: Any) -> None:
        """Send sockets away, as far as there is time."""
        self._send_sockets_away()
        super().handle_quit(sig, frame)

    def _send_sockets_away(self) -> None:
        if self._live is not None:
            gevent.spawn(self._live.stop)
