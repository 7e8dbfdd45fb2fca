"""Structured logs: an event name and fields, one line each, JSON for machines."""

import logging
import sys
from contextvars import ContextVar
from typing import Any, cast

import orjson
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from utils.trace_context import current_errand

_context: ContextVar[dict[str, Any] | None] = ContextVar("log_context", default=None)


def open_log_context(**fields: Any) -> None:
    """From here on every line of this request, job or command carries these fields."""
    _context.set(fields)


def add_to_log_context(**fields: Any) -> None:
    """Add what became known on the way, like who is asking."""
    context = _context.get()
    if context is not None:
        context.update(fields)


def _add_context(_logger: Any, _method: str, line: EventDict) -> EventDict:
    errand = current_errand()
    if errand is not None:
        line = {"request_id": errand.request_id, "trace_id": errand.trace_id, **line}
    context = _context.get()
    return line if context is None else {**context, **line}


def get_logger(name: str) -> FilteringBoundLogger:
    """Return the logger of one module; it is configured when the process starts."""
    return cast("FilteringBoundLogger", structlog.get_logger(module=name))


def configure_logging(level: str, *, as_json: bool) -> None:
    """Send every log line of the process, those of libraries too, to standard error."""
    shared: list[Processor] = [
        _add_context,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    own: list[Processor]
    foreign: list[Processor]
    factory: Any
    if as_json:
        own = [_TRACEBACKS, structlog.processors.JSONRenderer(serializer=orjson.dumps, default=str)]
        foreign = [_TRACEBACKS, structlog.processors.JSONRenderer(default=str)]
        factory = structlog.BytesLoggerFactory(file=sys.stderr.buffer)
    else:
        own = foreign = [_console_renderer()]
        factory = structlog.PrintLoggerFactory(file=sys.stderr)
    threshold = logging.getLevelNamesMapping()[level]
    structlog.configure(
        processors=[*shared, *own],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=factory,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *foreign,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(threshold, logging.WARNING))


# Local variables in a traceback would put passwords and tokens into the log.
_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


def _console_renderer() -> Processor:
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
