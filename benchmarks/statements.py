"""Stint's own statements as text: the companions of the yardstick that do the same send the same.

They are taken from the services, so that they stay the same, and handed over in the environment,
so that a companion imports nothing of Stint.
"""

import json
from typing import NoReturn

from sqlalchemy import ClauseElement

from benchmarks.workload import PAGE
from models.task import TaskRow
from services.event_service import APPEND
from services.listing import of_rows, page_of_each
from services.prepared import Prepared
from services.task_service import CREATE, GET
from services.tasks.lists import ALL_SCOPES, NEWEST_FIRST, THERE

ALL = page_of_each(ALL_SCOPES, THERE.where(TaskRow.scope_id == ALL_SCOPES.c.id), NEWEST_FIRST)
# One more than asked for: Stint looks whether there is a next page.
LIST = of_rows(ALL, PAGE + 1)
STATEMENTS: dict[str, ClauseElement] = {
    "get": GET,
    "list": LIST,
    "create": CREATE,
    "append": APPEND,
}


def for_environment() -> str:
    """Return what benchmarks/peers/statements.py reads: texts, and the names of $1, $2, ..."""
    return json.dumps({name: _describe(each) for name, each in STATEMENTS.items()})


def _describe(statement: ClauseElement) -> dict[str, object]:
    prepared = Prepared(statement, _no_connection, on_server=None)
    names = {name: name for name in statement.compile().params}
    return {"sql": prepared.sql, "names": prepared.values(**names)}


def _no_connection() -> NoReturn:
    raise RuntimeError("these statements are only read")
