"""Records spans and sends them off with OpenTelemetry; see utils/tracing.py, which imports it.

Where we are in a trace is kept in the errand at hand alone, so that what goes out (headers, jobs,
events, log lines) comes from one place with traces and without.
"""

import atexit
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    set_span_in_context,
)
from opentelemetry.util.re import parse_env_headers

from config import TRACE_BATCH, Settings, settings
from utils.trace_context import Errand, Traceparent, current_errand, on_errand

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span as OpenSpan

    from utils.tracing import Attributes, Kind

EXPORT_SECONDS = 3.0
STOP_SECONDS = 3.0  # for what is left when the process ends


class _Exporter(OTLPSpanExporter):
    """Sends spans, and at the end not for longer than it should."""

    deadline = math.inf

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch."""
        if time.monotonic() > self.deadline:
            return SpanExportResult.FAILURE
        return super().export(spans)


class _Ids(RandomIdGenerator):
    """Traces that begin here have the id of the request, which its answer and its events tell."""

    def generate_trace_id(self) -> int:
        """Return the id of the trace that begins with the errand at hand."""
        errand = current_errand()
        return int(errand.trace_id, 16) if errand else super().generate_trace_id()


class RecordedSpan:
    """A span on its way to the collector."""

    def __init__(self, span: "OpenSpan") -> None:
        self._span = span

    def note(self, attributes: "Attributes") -> None:
        """Add what became known on the way."""
        self._span.set_attributes(attributes)

    def fail(self, reason: str) -> None:
        """Mark it as gone wrong; what an error says may quote what is nobody's business."""
        self._span.set_attribute("error.type", reason)
        self._span.set_status(Status(StatusCode.ERROR))


class SpanRecorder:
    """Makes spans, each within the one that its errand is in."""

    def __init__(self, options: Settings) -> None:
        self._options = options
        self._lock = Lock()
        self._tracer: Tracer | None = None

    @contextmanager
    def span(
        self, kind: "Kind", name: str, attributes: "Attributes | None" = None
    ) -> Iterator[RecordedSpan]:
        """Record what goes on meanwhile; whatever is asked for in it comes below it."""
        errand = current_errand() or Errand.new()
        with self._lock:
            tracer = self._tracer = self._tracer or self._begin()
        span = tracer.start_span(
            name,
            context=_context_of(errand.parent),
            kind=SpanKind[kind.name],
            attributes={"stint.request_id": errand.request_id, **(attributes or {})},
        )
        recorded = RecordedSpan(span)
        try:
            with on_errand(Errand(errand.request_id, _place_of(span.get_span_context()))):
                yield recorded
        except Exception as error:
            recorded.fail(type(error).__name__)
            raise
        finally:
            span.end()

    def _begin(self) -> Tracer:
        """Start what sends spans off: with the first of them, as a fork would end its thread."""
        options = self._options
        headers = options.otel_exporter_otlp_headers
        exporter = _Exporter(
            f"{options.otel_exporter_otlp_endpoint}/v1/traces",
            headers=parse_env_headers(headers.get_secret_value()) if headers else None,
            timeout=EXPORT_SECONDS,
        )
        processor = BatchSpanProcessor(exporter, max_export_batch_size=TRACE_BATCH)
        provider = TracerProvider(
            sampler=ParentBasedTraceIdRatio(options.otel_traces_sampler_arg),
            resource=Resource.create({"service.name": options.otel_service_name}),
            id_generator=_Ids(),
            shutdown_on_exit=False,
        )
        provider.add_span_processor(processor)
        atexit.register(_end, exporter, processor)
        return provider.get_tracer("stint")


def _end(exporter: _Exporter, processor: BatchSpanProcessor) -> None:
    """Send what is left, unless the collector is away."""
    exporter.deadline = time.monotonic() + STOP_SECONDS
    processor.shutdown()  # type: ignore[no-untyped-call]  # untyped in OpenTelemetry


def _context_of(parent: Traceparent | None) -> "Context | None":
    if parent is None:
        return None
    place = SpanContext(
        int(parent.trace_id, 16),
        int(parent.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(parent.flags),
    )
    return set_span_in_context(NonRecordingSpan(place))


def _place_of(context: SpanContext) -> Traceparent:
    return Traceparent(f"{context.trace_id:032x}", f"{context.span_id:016x}", context.trace_flags)


span = SpanRecorder(settings).span
