"""What something asks the database, and how often."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from api.principal_cache import principal_cache
from services.pipelined_cursor import PipelinedCursor

Statement = tuple[str, Any]  # and its values

# psycopg prepares what has run five times; only then is it sent together with the COMMIT.
RUNS_UNTIL_PREPARED = 6


def trust_who_is_known() -> None:
    """Have nobody looked up again who was seen: how often that is done hangs on the clock."""
    for known in principal_cache._known.values():
        known.trusted_until = math.inf


def count_statements(work: Callable[[], object]) -> int:
    """Return how many exchanges with the database `work` takes in this process."""
    found: list[None] = []
    wait = psycopg.Connection.wait

    def counting(connection: psycopg.Connection[Any], *args: Any) -> Any:
        found.append(None)
        return wait(connection, *args)

    trust_who_is_known()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Connection, "wait", counting)
        work()
    return len(found)


@contextmanager
def recorded_statements(
    by: type[psycopg.Cursor[Any]] = psycopg.Cursor,
) -> Iterator[list[Statement]]:
    """Collect what this process asks the database; what begins and ends a transaction aside.

    Whether a statement is sent alone or with its BEGIN or COMMIT hangs on how often it ran before:
    both are collected. `by` is the kind of cursor that is looked at, RawCursor for prepared ones.
    """
    found: list[Statement] = []
    execute, takes = by.execute, PipelinedCursor.takes

    def alone(cursor: Any, query: Any, values: Any = None, **options: Any) -> Any:
        text = query.decode() if isinstance(query, bytes) else str(query)
        if not text.startswith(("BEGIN", "COMMIT", "ROLLBACK")):
            found.append((text, values))
        return execute(cursor, query, values, **options)

    def together(cursor: PipelinedCursor, statement: bytes, values: Any) -> bool:
        is_taken = takes(cursor, statement, values)
        if is_taken:
            found.append((statement.decode(), values))
        return is_taken

    trust_who_is_known()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(by, "execute", alone)
        patch.setattr(PipelinedCursor, "takes", together)
        yield found
