"""API tokens of one project: they get nowhere but where a route proves that it stays in it.

A route says by `within` which of its arguments tell what it is about. Every one of them that is
given has to lie in the project, before the view and again after it, when its locks keep things
where they are. Routes that say nothing are closed to such tokens.
"""

from collections.abc import Callable
from typing import Any

from api.answers import Answer
from api.contract import Contract
from models.principal import Principal
from services.db_client import db
from services.project_limit_service import Named, project_limit_service
from utils.errors import ForbiddenError, ServiceError

Work = Callable[[], Answer]
Confine = Callable[[Work], Work]


def confinement(
    contract: Contract, principal: Principal | None, values: dict[str, Any]
) -> Confine | None:
    """Return what keeps a request in the one project of its token; None where there is no limit.

    ForbiddenError where that cannot be told, NotFoundError where it is about something else.
    """
    if principal is None or principal.project_id is None:
        return None
    named = _named(contract, values)
    if contract.before is not None:
        db.reading(lambda: project_limit_service.check(principal, named))
    return lambda work: lambda: _confined(principal, named, work)


def _confined(principal: Principal, named: list[Named], work: Work) -> Answer:
    project_limit_service.check(principal, named)
    try:
        answer = work()
    except ServiceError as error:
        project_limit_service.check(principal, named)  # a problem may show what it is about
        error.extra.pop("conflicting_ids", None)  # they may be of time spent elsewhere
        raise
    project_limit_service.check_again(principal, named)
    return answer


def _named(contract: Contract, values: dict[str, Any]) -> list[Named]:
    """Return what a request is about, from its path, query and body."""
    if not contract.within:
        raise _limited("this is about more than one; use another token.")
    sources = [values.get(each) for each in ("query", "body", "form")]
    named: list[Named] = []
    for name in contract.within:
        given = [values.get(name), *(getattr(source, name, None) for source in sources)]
        named += [(name, each) for each in given if each is not None]
    if not named:
        raise _limited(f"say what this is about by {' or '.join(contract.within)}.")
    return named


def _limited(what_to_do: str) -> ForbiddenError:
    return ForbiddenError(
        f"This API token is limited to one project: {what_to_do}", code="project_limited"
    )
