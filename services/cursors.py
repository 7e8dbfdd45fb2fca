"""The cursors that statements run on: psycopg's own, or such as record them, for traces."""

from typing import Any, Self

import psycopg

from config import settings
from utils.trace_context import current_errand
from utils.tracing import Kind, span

Cursor: type[psycopg.Cursor[Any]] = psycopg.Cursor
RawCursor: type[psycopg.RawCursor[Any]] = psycopg.RawCursor

if settings.otel_exporter_otlp_endpoint is not None:

    class _TracedCursor(psycopg.Cursor[Any]):
        """Records what a request, a job or a message asks the database; its values are not told."""

        def execute(self, query: Any, *args: Any, **options: Any) -> Self:
            """Run a statement; what a process does of its own accord is part of no trace."""
            errand = current_errand()
            if errand is None or errand.parent is None:
                return super().execute(query, *args, **options)
            text = _text_of(query)
            told = {"db.system.name": "postgresql", "db.query.text": text}
            with span(Kind.CLIENT, text.split(maxsplit=1)[0], told):
                return super().execute(query, *args, **options)

    def _text_of(query: Any) -> str:
        """Return a statement as it is written; one that is put together may have values in it."""
        if isinstance(query, bytes):
            return query.decode().strip()
        return query.strip() if isinstance(query, str) else type(query).__name__

    class _TracedRawCursor(psycopg.RawCursor[Any], _TracedCursor):
        pass

    Cursor, RawCursor = _TracedCursor, _TracedRawCursor
