"""A closed-loop HTTP load client in a process of its own, small enough not to be the bottleneck.

`python -m benchmarks.client` reads a plan as JSON from stdin and writes what it measured to stdout;
`drive` runs it like that. Every connection has one request in flight: the next is sent when the
answer is complete. Request bytes are built before the clock starts. An answer that is not 2xx ends
the run.
"""

import gc
import json
import re
import selectors
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from itertools import cycle

RECEIVE_BYTES = 32_768
SILENCE_SECONDS = 20
CONTENT_LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: *(\d+)\r\n")
CLOSES = re.compile(rb"\r\n[Cc]onnection: *close\r\n")


class LoadError(Exception):
    """The server gave an answer that makes the measurement worthless."""


@dataclass(frozen=True)
class Plan:
    """What to send: `requests` are whole HTTP/1.1 requests, taken in turn, round and round.

    The connections join one after the other during `ramp_seconds`, before the measuring starts.
    When all come at once, the worker that wakes first accepts most, and half the server idles.
    """

    host: str
    port: int
    connections: int
    ramp_seconds: float
    seconds: float
    requests: list[str]


@dataclass(frozen=True)
class Measured:
    """`answers` and the client's CPU time cover the whole run; the rest only the measured part."""

    per_second: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    answers: int
    answer_bytes: int
    client_cpu_seconds: float


class Connection:
    """One keep-alive connection with at most one request in flight."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self.sent_at = 0.0
        self.connect()

    def connect(self) -> None:
        """Open the socket. It stays blocking: it is only read when the selector says so."""
        self.socket = socket.create_connection(self.address, timeout=SILENCE_SECONDS)
        self.socket.settimeout(None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.expected = 0

    def send(self, request: bytes) -> None:
        """Send one request and start its clock."""
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bytes | None:
        """Read what is there; return the answer when it is complete."""
        data = self.socket.recv(RECEIVE_BYTES)
        if not data:
            raise LoadError("the server closed a connection with a request in flight")
        if self.received:
            data = self.received + data
        if not self.expected:
            self.expected = _answer_size(data)
        if not self.expected or len(data) < self.expected:
            self.received = data
            return None
        if len(data) > self.expected:
            raise LoadError(f"more than one answer to one request: {data[self.expected :][:200]!r}")
        self.received, self.expected = b"", 0
        return data


def _answer_size(data: bytes) -> int:
    """Bytes of the head and body together, or 0 while the head is incomplete."""
    head_end = data.find(b"\r\n\r\n")
    if head_end < 0:
        return 0
    if not data.startswith(b"HTTP/1.1 2"):
        raise LoadError(f"not a 2xx answer: {data[:600].decode(errors='replace')}")
    length = CONTENT_LENGTH.search(data, 0, head_end + 2)
    if length is None:
        raise LoadError(f"no Content-Length: {data[:head_end].decode(errors='replace')}")
    return head_end + 4 + int(length[1])


class Load:
    """One run of a plan: the connections join, then the clock runs, then they finish."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.requests = cycle([request.encode("latin-1") for request in plan.requests])
        self.selector = selectors.DefaultSelector()
        self.latencies: list[float] = []
        self.answers = 0
        self.received_bytes = 0

    def run(self) -> Measured:
        """Drive the server from this process."""
        gc.collect()
        gc.disable()
        cpu_before = time.process_time()
        started = time.perf_counter()
        for number in range(self.plan.connections):
            connection = Connection((self.plan.host, self.plan.port))
            self.selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send(next(self.requests))
            self._keep_sending(
                started + self.plan.ramp_seconds * (number + 1) / self.plan.connections
            )
        answers_before, self.latencies = self.answers, []
        self._keep_sending(started + self.plan.ramp_seconds + self.plan.seconds)
        answers_in_time = self.answers - answers_before
        self._finish()
        latencies = sorted(self.latencies)
        return Measured(
            per_second=answers_in_time / self.plan.seconds,
            p50_ms=latencies[len(latencies) // 2] * 1_000,
            p99_ms=latencies[len(latencies) * 99 // 100] * 1_000,
            max_ms=latencies[-1] * 1_000,
            answers=self.answers,
            answer_bytes=self.received_bytes // self.answers,
            client_cpu_seconds=time.process_time() - cpu_before,
        )

    def _keep_sending(self, until: float) -> None:
        """Answer each answer with the next request."""
        while (left := until - time.perf_counter()) > 0:
            for key, _ in self.selector.select(left):
                if self._completed(key.data):
                    key.data.send(next(self.requests))

    def _finish(self) -> None:
        """Wait for the answers that are still on their way: their latencies count, too."""
        in_flight = self.plan.connections
        while in_flight:
            ready = self.selector.select(SILENCE_SECONDS)
            if not ready:
                raise LoadError(f"no answer within {SILENCE_SECONDS} s")
            for key, _ in ready:
                if self._completed(key.data):
                    in_flight -= 1
                    self.selector.unregister(key.data.socket)

    def _completed(self, connection: Connection) -> bool:
        """Read what came; True when it completed the answer, which is then in the books."""
        answer = connection.receive()
        if answer is None:
            return False
        self.latencies.append(time.perf_counter() - connection.sent_at)
        self.answers += 1
        self.received_bytes += len(answer)
        if CLOSES.search(answer, 0, 2_000):
            self._reconnect(connection)
        return True

    def _reconnect(self, connection: Connection) -> None:
        self.selector.unregister(connection.socket)
        connection.socket.close()
        connection.connect()
        self.selector.register(connection.socket, selectors.EVENT_READ, connection)


def drive(plan: Plan) -> Measured:
    """Run `plan` in a process of its own. Raises LoadError with the server's first bad answer."""
    finished = subprocess.run(
        [sys.executable, "-m", "benchmarks.client"],
        input=json.dumps(asdict(plan)),
        capture_output=True,
        text=True,
        timeout=plan.ramp_seconds + plan.seconds + 3 * SILENCE_SECONDS,
        check=False,
    )
    if finished.returncode:
        raise LoadError(finished.stderr.strip())
    return Measured(**json.loads(finished.stdout))


if __name__ == "__main__":
    try:
        measured = Load(Plan(**json.load(sys.stdin))).run()
    except (LoadError, OSError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
    json.dump(asdict(measured), sys.stdout)
