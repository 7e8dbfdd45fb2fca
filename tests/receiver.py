"""A receiver of webhooks, which verifies what it gets as the official package does."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError


@dataclass(frozen=True)
class Reply:
    """What a receiver answers."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Received:
    """One request."""

    id: str
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> Any:
        return json.loads(self.body)

    def is_signed_by(self, secret: str) -> bool:
        try:
            Webhook(secret).verify(self.body, self.headers)
        except WebhookVerificationError:
            return False
        return True


class Receiver:
    """Keeps what it gets; `reply` says what is answered to each request."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[Received] = []
        self.reply: Callable[[Received], Reply] = lambda _: Reply()

    @property
    def seqs(self) -> list[int]:
        """The seq of each message, as they came."""
        return [each.message["seq"] for each in self.requests]

    @property
    def ids(self) -> list[str]:
        """The webhook-id of each message, as they came."""
        return [each.id for each in self.requests]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Yield a receiver on this machine, by http."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            received = Received(headers["webhook-id"], headers, body)
            receiver.requests.append(received)
            reply = receiver.reply(received)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver = Receiver(f"http://127.0.0.1:{server.server_address[1]}/hook?key=1")
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield receiver
    server.shutdown()
    server.server_close()
    thread.join()
