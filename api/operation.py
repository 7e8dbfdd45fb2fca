"""A view apart from HTTP: what becomes of its arguments, wherever they came from."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from api.answers import Answer
from api.confinement import Confine, Work, confinement
from api.contract import Contract, View
from api.idempotency import IdempotencyKey, once
from models.principal import Principal
from services.db_client import db

Render = Callable[[Any], Answer]


class Operation:
    """Calls one view in its unit of work, confined to the project that a token is limited to.

    Its arguments are valid and its caller is authorised already. `render` makes the answer of
    what the view returns, inside the unit of work.
    """

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self._view = contract.view
        self._before = contract.before
        self._before_names = _parameters_of(contract.before)
        self._names = list(contract.parameters)

    def read(self, principal: Principal | None, values: dict[str, Any], render: Render) -> Answer:
        """Call a view that changes nothing, in autocommit.

        What is confined to a project is read in the one state in which it was found to lie there.
        """
        work, confine = self._work(principal, values, render)
        return db.snapshot(confine(work)) if confine else db.reading(work)

    def write(
        self,
        principal: Principal | None,
        values: dict[str, Any],
        render: Render,
        key: IdempotencyKey | None,
    ) -> Answer:
        """Call a view in a transaction, once for each Idempotency-Key."""
        work, confine = self._work(principal, values, render)
        if key is not None:
            work = partial(once, principal, key, work)
        return db.transaction(confine(work) if confine else work)

    def _work(
        self, principal: Principal | None, values: dict[str, Any], render: Render
    ) -> tuple[Work, Confine | None]:
        confine = confinement(self.contract, principal, values)
        if self._before is not None:
            values = self._prepare(self._before, principal, values)
        return lambda: render(self._view(**values)), confine

    def _prepare(
        self, before: View, principal: Principal | None, values: dict[str, Any]
    ) -> dict[str, Any]:
        """Run what goes ahead of the view and return the arguments with its result."""
        known = values | {"principal": principal}
        known["prepared"] = before(**{name: known[name] for name in self._before_names})
        return {name: known[name] for name in self._names}


def _parameters_of(function: View | None) -> list[str]:
    return list(inspect.signature(function).parameters) if function else []
