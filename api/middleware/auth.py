"""Who is asking: by a token in a header or in a cookie, or by a ticket."""

import time

from flask import Flask, Request

from api import cookies, tokens
from api.contract import Access
from api.principal_cache import Known, principal_cache
from models.principal import Principal
from models.scope import Scope, includes
from models.user import UserRole
from services.api_token_service import NOTED_EVERY, api_token_service
from services.credential_service import credential_service, token_invalid
from services.db_client import db
from services.ticket_service import ticket_service
from utils.api_tokens import is_well_formed, names_api_token
from utils.caller import note_credential
from utils.errors import ForbiddenError, UnauthenticatedError
from utils.helpers import digest_of
from utils.logger import add_to_log_context
from utils.networks import lies_in

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def init_app(app: Flask) -> None:
    """Configure what tokens and cookies are made with."""
    tokens.configure(app)
    cookies.configure(app)


def authenticate(request: Request) -> Principal:
    """Return who sent a request; UnauthenticatedError when nobody is signed in."""
    if "Authorization" in request.headers:
        return authenticate_by_header(request)
    token = request.cookies.get(cookies.ACCESS_COOKIE)
    if token is None:
        raise _not_signed_in()
    if names_api_token(token):  # what a browser sends by itself is not what somebody meant to send
        raise token_invalid()
    known = _find(token)
    if request.method not in SAFE_METHODS:
        cookies.refuse_forged(request, known.csrf)
    return known.principal


def authenticate_by_header(request: Request) -> Principal:
    """Return whose token is in the header Authorization, whatever cookies a browser sends."""
    token = _bearer_token(request.headers.get("Authorization", ""))
    return authenticate_token(token, request)


def authenticate_token(token: str, request: Request) -> Principal:
    """Return whose token came with a request; UnauthenticatedError for one that is not ours."""
    known = _find(token)
    if known.principal.scopes is not None:
        _refuse_elsewhere(known.principal, request)
        _note_use(known)
    return known.principal


def authenticate_ticket(ticket: str) -> Principal:
    """Return who got this ticket; it cannot be used again."""

    def spend() -> Principal:
        return credential_service.find_principal(ticket_service.spend(ticket))

    return db.transaction(spend)


def authorise(principal: Principal, access: Access | Scope) -> None:
    """Refuse whoever may not call a route at all."""
    if access is Access.ADMIN and principal.role is not UserRole.ADMIN:
        raise ForbiddenError(
            "This is for administrators of this installation; whoever runs it makes them by "
            "`flask make-admin ADDRESS`.",
            code="admin_only",
        )
    if principal.scopes is None:
        return
    if not isinstance(access, Scope):
        raise ForbiddenError(
            "API tokens cannot do this; sign in and use the access token.", code="session_only"
        )
    if not includes(principal.scopes, access):
        raise ForbiddenError(
            f"This API token has no scope {access}; make one that has.", code="scope_missing"
        )


def _find(token: str) -> Known:
    known = principal_cache.find(token, lambda: _verify(token), _look_again)
    add_to_log_context(user_id=known.principal.id)
    note_credential(known.principal.credential_id)
    return known


def _verify(token: str) -> Known:
    if names_api_token(token):
        return _verify_api_token(token)
    claims = tokens.read_token(token, "access")
    principal = db.reading(lambda: credential_service.find_principal(claims["sid"]))
    return Known(principal, claims["exp"], claims["csrf"])


def _verify_api_token(token: str) -> Known:
    if not is_well_formed(token):
        raise token_invalid()
    digest = digest_of(token)
    principal, expires_at = db.reading(lambda: credential_service.find_api_token(digest))
    return Known(principal, expires_at.timestamp())


def _look_again(principal: Principal) -> Principal:
    return db.reading(lambda: credential_service.find_again(principal))


def _refuse_elsewhere(principal: Principal, request: Request) -> None:
    """Refuse an API token outside the networks that it was made for."""
    if not principal.networks or lies_in(principal.networks, request.remote_addr):
        return
    raise ForbiddenError(
        "This API token does not work from your address; use it in its networks.",
        code="network_not_allowed",
    )


def _note_use(known: Known) -> None:
    """Write down that an API token was used, every so often and apart from what it is used for."""
    now = time.monotonic()
    if now >= known.noted_until:
        known.noted_until = now + NOTED_EVERY.total_seconds()
        token_id = known.principal.credential_id
        db.transaction(lambda: api_token_service.note_use(token_id))


def _bearer_token(header: str) -> str:
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _not_signed_in()
    return token


def _not_signed_in() -> UnauthenticatedError:
    return UnauthenticatedError(
        "Sign in first: send Authorization: Bearer with an access token from /auth/login."
    )
