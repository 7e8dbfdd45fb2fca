"""Calling a webhook: one request to the address that was checked, and never longer than allowed."""

import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPResponse
from threading import Timer

from config import settings
from services.webhooks.targets import Target, TargetGuard, TargetRefusedError
from utils.trace_context import outgoing_headers
from utils.tracing import Kind, span

ANSWER_BYTES = 1_000
TIMED_OUT = "no answer in time"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a call: the status and the start of the answer, or why there is none."""

    ms: int
    status: int | None = None
    text: str | None = None
    error: str | None = None
    retry_after: str | None = None

    @property
    def is_success(self) -> bool:
        """Redirects are none: they would lead where nobody has looked."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def timed_out(self) -> bool:
        """True where the receiver held the caller up for as long as it may."""
        return self.error == TIMED_OUT


class WebhookCaller:
    """Sends messages; what is in the environment, like proxies, is of no account."""

    def __init__(self, guard: TargetGuard, seconds: float) -> None:
        self._guard = guard
        self._seconds = seconds

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """The certificate must be for the host that was asked for, by whom the system trusts."""
        return ssl.create_default_context()

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a message and return what came of it; nothing is raised."""
        with span(Kind.CLIENT, "POST", {"http.request.method": "POST"}) as call:
            answer = self._answer_of(url, {**headers, **outgoing_headers()}, body)
            if answer.status is not None:
                call.note({"http.response.status_code": answer.status})
            if not answer.is_success:
                call.fail(answer.error or str(answer.status))
        return answer

    def _answer_of(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        begin = time.monotonic()
        deadline = begin + self._seconds
        try:
            status, retry_after, text = self._post(url, headers, body, deadline)
        except (OSError, HTTPException, ValueError, TargetRefusedError) as error:
            is_late = isinstance(error, TimeoutError) or time.monotonic() >= deadline
            reason = TIMED_OUT if is_late else _explain(error)
            return Answer(_ms_since(begin), error=reason)
        return Answer(_ms_since(begin), status, text, retry_after=retry_after)

    def _post(
        self, url: str, headers: Mapping[str, str], body: bytes, deadline: float
    ) -> tuple[int, str | None, str]:
        target = self._guard.parse(url)
        addresses = self._guard.addresses_of(target, deadline - time.monotonic())
        with self._connected(target, addresses, deadline) as connection:
            sent = {"Host": target.authority, "Connection": "close", **headers}
            connection.request("POST", target.path, body, sent)
            with closing(connection.getresponse()) as answer:
                text = _read(answer, deadline)
                return answer.status, answer.getheader("Retry-After"), text

    @contextmanager
    def _connected(
        self, target: Target, addresses: list[str], deadline: float
    ) -> Iterator[HTTPConnection]:
        """Yield a connection that is cut at the deadline: each byte of an answer may be slow."""
        with closing(_connect(addresses, target.port, deadline)) as plain:
            sock = plain
            if target.scheme == "https":
                plain.settimeout(_left(deadline))  # of the whole handshake
                sock = self._tls.wrap_socket(plain, server_hostname=target.host)
            sock.settimeout(_left(deadline))
            connection = HTTPConnection(target.host, target.port)
            connection.auto_open = 0  # never connects by itself, by name
            connection.sock = sock
            # Not by the method of an SSLSocket, which forgets its encryption first.
            cut = Timer(_left(deadline), lambda: _shut(sock))
            cut.start()
            with closing(sock):
                try:
                    yield connection
                finally:
                    cut.cancel()


def _connect(addresses: list[str], port: int, deadline: float) -> socket.socket:
    """Connect to the first address that lets us; all of them may be called."""
    for number, address in enumerate(addresses, 1):
        try:
            # What is left is shared by the addresses that are left.
            share = _left(deadline) / (len(addresses) - number + 1)
            return socket.create_connection((address, port), share)
        except OSError:
            if number == len(addresses):
                raise
    raise OSError("the host has no address")


def _read(answer: HTTPResponse, deadline: float) -> str:
    """Return the start of an answer, as text that PostgreSQL can hold."""
    found = b""
    while len(found) < ANSWER_BYTES and (piece := answer.read1(ANSWER_BYTES - len(found))):
        found += piece
    _left(deadline)  # what was cut off is no whole answer
    return found.decode(errors="replace").replace("\x00", "")


def _shut(sock: socket.socket) -> None:
    try:
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        return  # closed by now


def _left(deadline: float) -> float:
    """Return the seconds that are left; TimeoutError when there are none."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _explain(error: Exception) -> str:
    """Say for the log of deliveries what went wrong; receivers' own words are not repeated."""
    match error:
        case TargetRefusedError():
            return error.detail
        case socket.gaierror():
            return "the host has no address"
        case ssl.SSLCertVerificationError():
            return f"the certificate does not hold: {error.verify_message}"
        case ConnectionRefusedError():
            return "the host refuses connections"
        case _:
            return f"the connection failed: {type(error).__name__}"


def _ms_since(begin: float) -> int:
    return round((time.monotonic() - begin) * 1_000)


webhook_guard = TargetGuard(settings.webhook_networks, http=settings.webhook_http)
webhook_caller = WebhookCaller(webhook_guard, settings.webhook_seconds)
