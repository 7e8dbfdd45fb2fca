"""A collector of OpenTelemetry, which keeps the spans that it is sent by HTTP."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.waiting import wait_until


@dataclass(frozen=True)
class CollectedSpan:
    """One span, its ids as in a traceparent."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    service: str
    failed: bool
    attributes: dict[str, Any]


@dataclass
class Collector:
    """Keeps what it gets."""

    url: str
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    spans: list[CollectedSpan] = field(default_factory=list)

    def of_trace(self, trace_id: str) -> list[CollectedSpan]:
        """Return the spans of a trace that came so far."""
        return [each for each in self.spans if each.trace_id == trace_id]

    def wait_for(self, trace_id: str, name: str) -> CollectedSpan:
        """Return a span as soon as it has come."""
        found: list[CollectedSpan] = []

        def has_come() -> bool:
            found[:] = [each for each in self.of_trace(trace_id) if each.name == name]
            return bool(found)

        wait_until(has_come)
        return found[0]

    def take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        """Keep the spans of one request."""
        assert path == "/v1/traces"
        self.bodies.append(body)
        self.headers.append(headers)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = _values(resource.resource.attributes)["service.name"]
            for scope in resource.scope_spans:
                self.spans += [_span(each, service) for each in scope.spans]


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


def _span(span: Any, service: str) -> CollectedSpan:
    return CollectedSpan(
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        service=service,
        failed=span.status.code == span.status.STATUS_CODE_ERROR,
        attributes=_values(span.attributes),
    )


@contextmanager
def collecting() -> Iterator[Collector]:
    """Yield a collector on this machine."""
    take: Callable[[str, dict[str, str], bytes], None]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            take(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector = Collector(f"http://127.0.0.1:{server.server_address[1]}")
    take = collector.take
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield collector
    server.shutdown()
    server.server_close()
    thread.join()
