"""@endpoint: the one way from a request to a service and back.

Validates what the view's annotations ask for, authorises, opens the unit of work, calls the view,
serialises its answer and records it under the Idempotency-Key, all that inside the unit of work:
an answer of 201 was committed before it is sent.
"""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from flask import Request, Response, request

from api.answers import Renderer
from api.arguments import Arguments
from api.contract import Access, Contract, View
from api.idempotency import key_of
from api.middleware.auth import SAFE_METHODS, authenticate, authorise
from api.middleware.rate_limit import Kinds, count_request, identify, kinds_of
from api.operation import Operation
from models.principal import Principal
from models.scope import Scope


def endpoint(
    *,
    access: Access | Scope,
    status: int = 200,
    recorded: bool = True,
    before: View | None = None,
    within: tuple[str, ...] = (),
    csv: Callable[[Any], bytes] | None = None,
) -> Callable[[View], View]:
    """Make a view from a function whose annotations are its contract.

    `recorded=False` is for answers that hold a secret or are files: they are not kept for
    repeats. `before` gets the view's arguments that it names and runs ahead of the unit of work,
    for what must not hold a transaction; the view takes its result as `prepared`. `within` names
    the arguments that tell which project a request is about, for tokens that are limited to one;
    without it they may not call the view. `csv` renders the answer for callers who accept text/csv.
    """

    def decorate(view: View) -> View:
        contract = Contract.of(
            view,
            access=access,
            status=status,
            recorded=recorded,
            before=before,
            within=within,
            csv=csv,
        )
        arguments = Arguments(contract)
        renderer = Renderer(contract)
        operation = Operation(contract)
        kinds = kinds_of(contract)

        @wraps(view)
        def respond(**path: str) -> Response:
            asked: Request = request._get_current_object()  # type: ignore[attr-defined]  # Werkzeug's own way out of the proxy
            principal = _admit(asked, access, kinds)
            values = arguments.of_request(asked, principal, path)
            render = partial(renderer.render, asked)
            if asked.method in SAFE_METHODS:
                return operation.read(principal, values, render).response()
            key = key_of(asked) if recorded else None
            return operation.write(principal, values, render, key).response()

        respond.contract = contract  # type: ignore[attr-defined]  # read by the OpenAPI document
        respond.operation = operation  # type: ignore[attr-defined]  # called by the tools of MCP
        return respond

    return decorate


def _admit(asked: Request, access: Access | Scope, kinds: Kinds) -> Principal | None:
    """Return who is asking, None where nobody has to say; refuse who may not, or too often."""
    kind = kinds[asked.method not in SAFE_METHODS]
    if access is Access.PUBLIC:
        count_request(kind, asked, None)
        return None
    principal = identify(kind, asked, authenticate)
    count_request(kind, asked, principal)
    authorise(principal, access)
    return principal
