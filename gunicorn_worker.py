"""The gunicorn worker: gevent's, with answers that leave in one piece.

It is loaded before gevent patches the standard library, so it imports nothing of the application.
"""

import gc
from typing import Any

import gevent
from gunicorn.http import wsgi
from gunicorn.util import write
from gunicorn.workers.ggevent import GeventWorker

GARBAGE_THRESHOLD = 20_000  # allocations between two looks for cycles; a request makes hundreds


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
        self._live.start()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Send sockets away at once: they would stay open until the graceful timeout is over."""
        gevent.spawn(self._live.stop)
        super().handle_exit(sig, frame)

    def handle_quit(self, sig: int, frame: Any) -> None:
        """Send sockets away, as far as there is time."""
        gevent.spawn(self._live.stop)
        super().handle_quit(sig, frame)

    @property
    def _live(self) -> Any:
        return self.wsgi.extensions["live"]  # type: ignore[attr-defined]  # it is the Flask application
