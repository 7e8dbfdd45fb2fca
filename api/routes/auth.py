"""Signing in and out."""

from flask import Blueprint, request

from api.contract import Access
from api.endpoint import endpoint
from api.middleware.auth import forget, read_token, write_tokens
from models.principal import Principal
from models.session import Login, Refresh, TokenPair
from services.auth_service import Device, auth_service

auth = Blueprint("auth", __name__)


@auth.post("/auth/login")
@endpoint(access=Access.PUBLIC, recorded=False, before=auth_service.check_password)
def log_in(body: Login, prepared: str) -> TokenPair:  # noqa: ARG001 - `before` reads it
    """Sign in with e-mail address and password.

    Opens a session and returns its tokens. Idempotency-Key is ignored here: the answer holds a
    secret and is not kept.
    """
    device = Device(request.user_agent.string[:200], request.remote_addr or "")
    return write_tokens(auth_service.open_session(prepared, device))


@auth.post("/auth/refresh")
@endpoint(access=Access.PUBLIC, recorded=False)
def refresh(body: Refresh) -> TokenPair:
    """Renew the access token.

    The refresh token is spent; the answer holds the next one. Idempotency-Key is ignored here.
    """
    claims = read_token(body.refresh_token, "refresh")
    return write_tokens(auth_service.renew_session(claims["sid"], claims["jti"]))


@auth.post("/auth/logout")
@endpoint(access=Access.SIGNED_IN, status=204)
def log_out(principal: Principal) -> None:
    """Sign out: all tokens of this session are void."""
    auth_service.revoke_session(principal)
    forget(principal)
