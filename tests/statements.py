"""How often something asks the database."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest


def count_statements(work: Callable[[], object]) -> int:
    """Return how many exchanges with the database `work` takes in this process."""
    found: list[None] = []
    wait = psycopg.Connection.wait

    def counting(connection: psycopg.Connection[Any], *args: Any) -> Any:
        found.append(None)
        return wait(connection, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Connection, "wait", counting)
        work()
    return len(found)
