"""Calling webhooks: over TLS for the name that was asked for, bounded in time and size."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.webhooks.caller import Answer, WebhookCaller
from services.webhooks.targets import TargetGuard
from tests.receiver import Reply, receiving

HEADERS = {"webhook-id": "1"}
HERE = ["127.0.0.1/32"]
LENGTH = 500  # bytes that drip for 50 seconds, longer than anybody may be held up
HEAD = f"HTTP/1.1 200 OK\r\nFiller: {'x' * LENGTH}\r\nContent-Length: {LENGTH}\r\n\r\n".encode()


def caller(seconds: float = 5) -> WebhookCaller:
    """A caller for which all names lead here."""
    guard = TargetGuard(HERE, http=True, resolve=lambda *_: ["127.0.0.1"])
    return WebhookCaller(guard, seconds)


@contextmanager
def answering(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Yield the port of somebody who does `talk` with whoever comes first."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            try:
                talk(connection)
            except OSError:
                return  # hung up

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)
        assert not thread.is_alive()


def drip(connection: socket.socket, sent: bytes) -> None:
    for byte in sent:
        connection.sendall(bytes([byte]))
        time.sleep(0.1)


def say_nothing(connection: socket.socket) -> None:
    while connection.recv(10_000):
        pass


def drip_the_head(connection: socket.socket) -> None:
    drip(connection, HEAD)


def drip_the_body(connection: socket.socket) -> None:
    connection.sendall(HEAD)
    drip(connection, b"x" * LENGTH)


def never_stop_to_continue(connection: socket.socket) -> None:
    drip(connection, b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


TALKS = [say_nothing, drip_the_head, drip_the_body, never_stop_to_continue]


@pytest.mark.parametrize("talk", TALKS)
def test_nobody_holds_the_caller_up(talk: Callable[[socket.socket], None]) -> None:
    with answering(talk) as port:
        begin = time.monotonic()
        answer = caller(0.5).post(f"http://hooks.example.org:{port}/", HEADERS, b"{}")
        assert time.monotonic() - begin < 30
    assert answer.timed_out
    assert (answer.status, answer.is_success) == (None, False)


def test_nobody_holds_the_caller_up_before_it_is_encrypted() -> None:
    with answering(say_nothing) as port:
        answer = caller(0.5).post(f"https://hooks.example.org:{port}/", HEADERS, b"{}")
    assert answer.timed_out


def test_redirects_and_proxies_are_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver, receiving() as elsewhere:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, elsewhere.url)
        receiver.reply = lambda _: Reply(307, {"Location": elsewhere.url}, b"x" * 5_000)
        answer = caller().post(receiver.url, HEADERS, b"{}")
        assert (answer.status, answer.is_success, len(answer.text or "")) == (307, False, 1_000)
        assert (len(receiver.requests), elsewhere.requests) == (1, [])


class Certificate:
    """For hooks.example.org, signed by nobody else; `context` is a server's."""

    def __init__(self, folder: Path) -> None:
        key, name = ec.generate_private_key(ec.SECP256R1()), "hooks.example.org"
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder(subject, subject, key.public_key(), 1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.path = folder / "certificate.pem"
        self.path.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(self.path)
        self.names: list[str | None] = []
        self.context.sni_callback = lambda _sock, name, _context: self.names.append(name)


def call_over_tls(certificate: Certificate, host: str) -> tuple[Answer, bytes]:
    """Call a host that has this certificate; returns also what it got."""
    got: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        with certificate.context.wrap_socket(connection, server_side=True) as sock:
            while not b"".join(got).endswith(b"\r\n\r\n{}"):  # head and body may come in two
                got.append(sock.recv(10_000) or b"")
            sock.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with answering(talk) as port:
        answer = caller().post(f"https://{host}:{port}/hook?a=b", HEADERS, b"{}")
    return answer, b"".join(got).replace(str(port).encode(), b"PORT")


def test_the_certificate_must_be_for_the_name_and_of_somebody_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = Certificate(tmp_path)
    unknown, nothing = call_over_tls(certificate, "hooks.example.org")
    assert "certificate" in (unknown.error or "")
    assert nothing == b""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    good, got = call_over_tls(certificate, "hooks.example.org")
    assert good.status == 204
    assert got.startswith(b"POST /hook?a=b HTTP/1.1\r\n")
    assert b"\r\nHost: hooks.example.org:PORT\r\n" in got
    other, nothing = call_over_tls(certificate, "other.example.org")
    assert "certificate" in (other.error or "")
    assert nothing == b""
    assert certificate.names == ["hooks.example.org", "hooks.example.org", "other.example.org"]
