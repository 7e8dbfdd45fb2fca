"""Mail servers on loopback that take letters for the tests to read."""

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.letters import Read, read
from tests.server import free_port

USER, PASSWORD = "stint", "p@ss word"


class Relay:
    """What aiosmtpd hands letters to; with `refusal` it takes none, and it may take its time."""

    def __init__(self, refusal: str = "", seconds: float = 0) -> None:
        self.port = free_port()
        self.letters: list[Read] = []
        self.envelopes: list[Envelope] = []
        self._refusal = refusal
        self._seconds = seconds

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        await asyncio.sleep(self._seconds)
        if self._refusal:
            return self._refusal
        assert isinstance(envelope.content, bytes)
        self.envelopes.append(envelope)
        self.letters.append(read(envelope.content))
        return "250 OK"

    def to(self, address: str) -> list[Read]:
        return [letter for letter in self.letters if letter.to == address]


@contextmanager
def relay(refusal: str = "", seconds: float = 0, **options: Any) -> Iterator[Relay]:
    """Run an SMTP server; `options` are aiosmtpd's."""
    handler = Relay(refusal, seconds)
    controller = Controller(handler, hostname="127.0.0.1", port=handler.port, **options)
    controller.start()
    try:
        yield handler
    finally:
        controller.stop()


def check_login(_server: Any, _session: Any, _envelope: Any, _way: str, data: Any) -> AuthResult:
    """Let one user in."""
    known = LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=data == known, handled=False)


def make_certificate(directory: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a certificate for 127.0.0.1; return what serves it and what trusts it alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay")])
    now = datetime.datetime.now(datetime.UTC)
    host = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([host]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain = directory / "relay.pem"
    encoding = serialization.Encoding.PEM
    chain.write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(encoding)
    )
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(chain)
    return serving, ssl.create_default_context(cafile=chain)


class WebApi(HTTPServer):
    """What SendGrid's web API looks like from outside."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(("127.0.0.1", 0), _WebApiHandler)
        self.status = status
        self.requests: list[tuple[str, str | None, bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _WebApiHandler(BaseHTTPRequestHandler):
    server: WebApi

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, self.headers["Authorization"], body))
        self.send_response(self.server.status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:  # it would go to standard error
        pass


@contextmanager
def web_api(status: HTTPStatus = HTTPStatus.ACCEPTED) -> Iterator[WebApi]:
    """Run a web API that takes letters, or answers with another status."""
    with WebApi(status) as api:
        thread = Thread(target=api.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield api
        finally:
            api.shutdown()
            thread.join()
