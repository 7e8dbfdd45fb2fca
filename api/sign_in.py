"""What every way to sign in has in common: the device it came from, and how tokens are sent."""

from flask import Request, request

from api.cookies import REFRESH_COOKIE, refuse_forged, send_cookies
from api.tokens import read_token, write_tokens
from config import settings
from models.session import Refresh, TokenPair
from models.way import Admission
from services.session_service import Device, Grant, session_service
from utils.errors import UnauthenticatedError

DEVICE_MAX_LENGTH = 200


def open_session(admission: Admission, *, cookies: bool) -> TokenPair:
    """Sign somebody in on the device that asks, once it is certain who that is."""
    device = Device(request.user_agent.string[:DEVICE_MAX_LENGTH], request.remote_addr or "")
    return hand_over(session_service.open(admission, device), cookies=cookies)


def renew_session(body: Refresh) -> Grant:
    """Spend a refresh token, which is in the body or in a cookie."""
    if body.refresh_token is not None:
        claims = read_token(body.refresh_token, "refresh")
    else:
        claims = read_token(_token_in_cookie(request), "refresh")
        refuse_forged(request, claims["csrf"])
    return session_service.renew(claims["sid"], claims["jti"])


def hand_over(grant: Grant, *, cookies: bool) -> TokenPair:
    """Return the tokens of a session, or send them as cookies."""
    access_token, refresh_token = write_tokens(grant)
    expires_in = settings.access_token_minutes * 60
    if not cookies:
        return TokenPair(
            access_token=access_token, refresh_token=refresh_token, expires_in=expires_in
        )
    send_cookies(access_token, refresh_token, grant.expires_at)
    return TokenPair(access_token=None, refresh_token=None, expires_in=expires_in)


def _token_in_cookie(asked: Request) -> str:
    token = asked.cookies.get(REFRESH_COOKIE)
    if token is None:
        raise UnauthenticatedError("Send the refresh_token that you got when you signed in.")
    return token
