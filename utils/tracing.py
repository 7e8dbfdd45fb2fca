"""Spans of what goes on here, for OpenTelemetry where OTEL_EXPORTER_OTLP_ENDPOINT says where to.

Where it is unset, nothing of OpenTelemetry is imported and a span is nothing at all.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from typing import Protocol

from config import settings

Attributes = Mapping[str, str | int]


class Kind(StrEnum):
    """Where a span stands between those who ask and those who do."""

    SERVER = "server"
    CLIENT = "client"
    CONSUMER = "consumer"


class Span(Protocol):
    """What goes on at the moment."""

    def note(self, attributes: Attributes) -> None:
        """Add what became known on the way."""

    def fail(self, reason: str) -> None:
        """Mark it as gone wrong; errors that leave it do so, too."""


class _NoSpan:
    def note(self, attributes: Attributes) -> None:
        """Add nothing."""

    def fail(self, reason: str) -> None:
        """Mark nothing."""


_NO_SPAN: AbstractContextManager[Span] = nullcontext(_NoSpan())

if settings.otel_exporter_otlp_endpoint is None:

    def span(
        kind: Kind,  # noqa: ARG001 - like the other one
        name: str,  # noqa: ARG001 - likewise
        attributes: Attributes | None = None,  # noqa: ARG001 - likewise
    ) -> AbstractContextManager[Span]:
        """Record nothing."""
        return _NO_SPAN

else:
    from utils.span_recorder import span as span
