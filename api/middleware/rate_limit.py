"""How often somebody may ask: counted for each principal, or for each address where there is none.

The header fields are those of draft-ietf-httpapi-ratelimit-headers-06.
"""

from collections.abc import Callable

from flask import Request

from api.contract import Access, Contract
from api.sent_headers import send_along
from models.principal import Principal
from services.rate_limiter import RateKind, Standing, rate_limiter
from utils.addresses import site_of
from utils.errors import ForbiddenError, TooManyRequestsError, UnauthenticatedError

Kinds = tuple[RateKind | None, RateKind | None]


def kinds_of(contract: Contract) -> Kinds:
    """Return what a view's safe requests count as, and its others."""
    if contract.is_file or contract.takes("upload"):
        return RateKind.TRANSFERS, RateKind.TRANSFERS
    if contract.access is Access.PUBLIC:
        # What takes no work may be read as often as anybody likes, as balancers do our health.
        return RateKind.SIGN_INS if contract.before else None, RateKind.SIGN_INS
    return RateKind.READS, RateKind.WRITES


def count_request(kind: RateKind | None, request: Request, principal: Principal | None) -> None:
    """Count a request; TooManyRequestsError when there were too many."""
    if kind is None:
        return
    caller = site_of(request.remote_addr or "") if principal is None else principal.id
    standing = rate_limiter.take(kind, caller)
    if standing is None:
        return
    send_along(request.environ, _headers_of(standing))
    if standing.exceeded:
        raise TooManyRequestsError(
            f"These were more than {standing.limit:,} requests in a while; wait as long as "
            "Retry-After says.",
            seconds=standing.reset,
        )


def identify(
    kind: RateKind | None, request: Request, authenticate: Callable[[Request], Principal]
) -> Principal:
    """Return who sent a request; whoever is nobody to us is counted by address and refused."""
    try:
        return authenticate(request)
    except (UnauthenticatedError, ForbiddenError):  # also of another network, or forged
        count_request(kind, request, None)
        raise


def _headers_of(standing: Standing) -> dict[str, str]:
    """Tell with every answer how much is left."""
    return {
        "RateLimit-Limit": str(standing.limit),
        "RateLimit-Remaining": str(standing.remaining),
        "RateLimit-Reset": str(standing.reset),
    }
