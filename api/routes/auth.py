"""Signing in and out."""

from flask import Blueprint

from api.contract import Access
from api.cookies import delete_cookies
from api.endpoint import endpoint
from api.sign_in import hand_over, open_session, renew_session
from models.principal import Principal
from models.session import Login, Refresh, Session, SessionQuery, TokenPair
from models.way import Admission
from services.auth_service import auth_service
from services.session_service import Grant, session_service
from utils.pages import Page

auth = Blueprint("auth", __name__)


@auth.post("/auth/login")
@endpoint(access=Access.PUBLIC, recorded=False, before=auth_service.check_password)
def log_in(body: Login, prepared: Admission) -> TokenPair:
    """Sign in with e-mail address and password.

    Opens a session and returns its tokens. Where there is a second factor it answers 401
    `second_factor_required`, with a challenge for `POST /auth/second-factor`. Idempotency-Key is
    ignored here: the answer holds a secret and is not kept.
    """
    return open_session(prepared, cookies=body.cookies)


@auth.post("/auth/refresh")
@endpoint(access=Access.PUBLIC, recorded=False, before=renew_session)
def refresh(body: Refresh, prepared: Grant) -> TokenPair:
    """Renew the access token.

    The refresh token is spent; the answer holds the next one. Whoever uses a spent one again ends
    the session, except within 10 seconds, for clients that lost the answer. Idempotency-Key is
    ignored here.
    """
    return hand_over(prepared, cookies=body.refresh_token is None)


@auth.post("/auth/logout")
@endpoint(access=Access.SESSION, status=204)
def log_out(principal: Principal) -> None:
    """Sign out: all tokens of this session are void."""
    session_service.revoke(principal, principal.credential_id)
    delete_cookies()


@auth.get("/auth/sessions")
@endpoint(access=Access.SESSION)
def list_sessions(principal: Principal, query: SessionQuery) -> Page[Session]:
    """List where you are signed in."""
    return session_service.page(principal, query)


@auth.delete("/auth/sessions/<id:session_id>")
@endpoint(access=Access.SESSION, status=204)
def end_session(principal: Principal, session_id: str) -> None:
    """Sign out on one device."""
    session_service.revoke(principal, session_id)


@auth.delete("/auth/sessions")
@endpoint(access=Access.SESSION, status=204)
def end_all_sessions(principal: Principal) -> None:
    """Sign out everywhere, here too."""
    session_service.revoke_all_of(principal.id)
    delete_cookies()
