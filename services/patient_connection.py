"""Connections to PostgreSQL that wait for an answer as long as one may take, and no longer.

The server ends statements that take too long, and TCP notices a server that vanished. Neither helps
where somebody in between, like a balancer, still takes what is sent and nothing ever comes back.
"""

from collections.abc import AsyncGenerator
from functools import cached_property
from typing import Any

import psycopg
from psycopg import abc, errors
from psycopg.adapt import Transformer

from config import settings

GRACE_SECONDS = 2.0  # for the server to say itself that a statement takes too long
PROMPT_SECONDS = 3.0  # what takes no time is answered within
LISTEN_SECONDS = 15.0  # then whoever listens has to ask whether anybody is there
LOOK_SECONDS = 0.1  # psycopg's own

SILENT = "the server does not answer"

# A server that vanished without a word is noticed within half a minute.
TCP_LIMITS = {
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}


def patience_with(statement_ms: int) -> float | None:
    """Return how long to wait for a server that ends statements after so long; 0 is never."""
    return statement_ms / 1000 + GRACE_SECONDS if statement_ms else None


class PatientConnection(psycopg.Connection[Any]):
    """Closed when an answer does not come within `patience` seconds; None waits for ever."""

    patience: float | None  # whoever connects says it

    @cached_property
    def transformer(self) -> abc.Transformer:
        """What looks up how values are written and read, and remembers it.

        For cursors whose rows are taken before the next statement: it knows of one result only.
        """
        return Transformer(self)

    def wait(self, gen: Any, interval: float = LOOK_SECONDS, timeout: float | None = None) -> Any:
        """Run a psycopg generator; whoever gives a `timeout` minds it, as in listening."""
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, self.patience)
        except errors._WaitTimeout:
            self.pgconn.finish()
            raise psycopg.OperationalError(SILENT) from None

    def execute_promptly(self, statement: bytes) -> None:
        """Run a statement that takes no time, to find out at once whether anybody is there."""
        before, self.patience = self.patience, PROMPT_SECONDS
        try:
            self.execute(statement)
        finally:
            self.patience = before


class PatientAsyncConnection(psycopg.AsyncConnection[Any]):
    """The same for asyncio; and whoever listens is woken up now and then."""

    patience = patience_with(settings.database_statement_ms)

    async def wait(
        self, gen: Any, interval: float = LOOK_SECONDS, timeout: float | None = None
    ) -> Any:
        """Run a psycopg generator; whoever gives a `timeout` minds it."""
        if timeout is not None:
            return await super().wait(gen, interval, timeout)
        try:
            return await super().wait(gen, interval, self.patience)
        except errors._WaitTimeout:
            self.pgconn.finish()
            raise psycopg.OperationalError(SILENT) from None

    def notifies(
        self, *, timeout: float | None = LISTEN_SECONDS, stop_after: int | None = None
    ) -> AsyncGenerator[psycopg.Notify]:
        """Yield what is notified for so long."""
        return super().notifies(timeout=timeout, stop_after=stop_after)
