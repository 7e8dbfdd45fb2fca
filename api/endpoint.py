"""@endpoint: the one way from a request to a service and back.

Validates what the view's annotations ask for, authorises, opens the unit of work, calls the view,
serialises its answer and records it under the Idempotency-Key, all that inside the unit of work:
an answer of 201 was committed before it is sent.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Request, Response, request

from api.answers import Answer, Renderer
from api.arguments import Arguments
from api.contract import Access, Contract, View
from api.idempotency import once
from api.middleware.auth import authenticate
from models.principal import Principal
from services.db_client import db

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def endpoint(
    *,
    access: Access,
    status: int = 200,
    recorded: bool = True,
    before: View | None = None,
    csv: Callable[[Any], bytes] | None = None,
) -> Callable[[View], View]:
    """Make a view from a function whose annotations are its contract.

    `recorded=False` is for answers that hold a secret or are files: they are not kept for
    repeats. `before` gets the view's arguments that it names and runs ahead of the unit of work,
    for what must not hold a transaction; the view takes its result as `prepared`. `csv` renders
    the answer for callers who accept text/csv.
    """

    def decorate(view: View) -> View:
        contract = Contract.of(
            view, access=access, status=status, recorded=recorded, before=before, csv=csv
        )
        arguments = Arguments(contract)
        renderer = Renderer(contract)

        @wraps(view)
        def respond(**path: str) -> Response:
            asked: Request = request._get_current_object()  # type: ignore[attr-defined]  # Werkzeug's own way out of the proxy
            principal = authenticate(asked) if access is Access.SIGNED_IN else None
            values = arguments.of_request(asked, principal, path)
            answer = _in_unit_of_work(
                contract, asked, principal, lambda: renderer.render(asked, view(**values))
            )
            return answer.response()

        respond.contract = contract  # type: ignore[attr-defined]  # read by the OpenAPI document
        return respond

    return decorate


def _in_unit_of_work(
    contract: Contract,
    asked: Request,
    principal: Principal | None,
    work: Callable[[], Answer],
) -> Answer:
    """Read in autocommit; write in a transaction, once for each Idempotency-Key."""
    if asked.method in SAFE_METHODS:
        return db.reading(work)
    key = asked.headers.get("Idempotency-Key")
    if key is None or not contract.recorded:
        return db.transaction(work)
    return db.transaction(lambda: once(asked, principal, key, work))
