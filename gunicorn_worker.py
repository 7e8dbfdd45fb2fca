"""The gunicorn worker: gevent's, with a shorter way from a request to the application and back.

It is loaded before gevent patches the standard library, so it imports nothing of the application.
"""

import gc
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import gevent
from gunicorn.http import errors
from gunicorn.util import write_error
from gunicorn.workers.ggevent import GeventWorker

from gunicorn_arbiter import say_ready
from gunicorn_http import shorten

GARBAGE_THRESHOLD = 20_000  # allocations between two looks for cycles; a request makes hundreds

STATUSES: dict[type[errors.ParseException], HTTPStatus] = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
}


class Worker(GeventWorker):
    """What gunicorn.conf.py names as worker_class."""

    _live: Any = None  # LiveService, once the application is loaded; a signal may come earlier

    def init_process(self) -> None:
        """Serve until told to stop."""
        shorten(self.cfg)
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the application; what is there after that is never garbage."""
        gc.disable()  # to look for it meanwhile takes a fifth of the start
        super().load_wsgi()
        gc.enable()
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE_THRESHOLD)
        self._live = self.wsgi.extensions["live"]  # type: ignore[attr-defined]  # it is the Flask application
        self._live.start()
        self.wsgi.extensions["process_metrics"].start()  # type: ignore[attr-defined]  # likewise

    def run(self) -> None:
        """Serve; whoever this one replaces may go now."""
        say_ready(self)
        super().run()

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
