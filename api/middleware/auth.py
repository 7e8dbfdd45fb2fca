"""Who is asking: tokens written and read with flask-jwt-extended, and a cache in front of it."""

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jwt
from flask import Flask, Request, current_app
from flask_jwt_extended import (
    JWTManager,
    create_access_token,
    create_refresh_token,
    decode_token,
)
from flask_jwt_extended.exceptions import JWTExtendedException

from config import settings
from models.principal import Principal
from models.session import TokenPair
from services.auth_service import Grant, auth_service
from services.db_client import db
from services.ticket_service import ticket_service
from utils.errors import ServiceError, UnauthenticatedError
from utils.logger import add_to_log_context

ISSUER = AUDIENCE = "stint"
ALGORITHM = "HS256"
REQUIRED_CLAIMS = ["exp", "iat", "jti", "sub", "sid", "type", "iss", "aud"]
CACHE_SIZE = 10_000


@dataclass(slots=True)
class _Known:
    """A token that was verified; its session is looked up anew every so often."""

    principal: Principal
    expires_at: float
    trusted_until: float


_known: dict[str, _Known] = {}


def init_app(app: Flask) -> None:
    """Configure the token library strictly: by default it lets much pass."""
    app.config.update(
        JWT_SECRET_KEY=settings.signing_key,
        JWT_ALGORITHM=ALGORITHM,
        JWT_DECODE_ALGORITHMS=[ALGORITHM],
        JWT_ENCODE_ISSUER=ISSUER,
        JWT_DECODE_ISSUER=ISSUER,
        JWT_ENCODE_AUDIENCE=AUDIENCE,
        JWT_DECODE_AUDIENCE=AUDIENCE,
        JWT_ACCESS_TOKEN_EXPIRES=timedelta(minutes=settings.access_token_minutes),
        JWT_REFRESH_TOKEN_EXPIRES=timedelta(days=settings.refresh_token_days),
        JWT_TOKEN_LOCATION=["headers"],
    )
    JWTManager(app)


def authenticate(request: Request) -> Principal:
    """Return who sent a request; UnauthenticatedError when nobody is signed in.

    A worker trusts a session for `principal_cache_seconds` before it looks again.
    """
    return authenticate_token(_bearer_token(request))


def authenticate_token(token: str) -> Principal:
    """Return whose access token this is; see `authenticate`."""
    now = time.time()
    known = _known.get(token)
    if known is None or known.expires_at <= now:
        claims = read_token(token, "access")
        known = _Known(_find_principal(claims["sid"]), claims["exp"], 0)
        _remember(token, known)
    elif known.trusted_until <= now:
        _look_again(token, known)
    add_to_log_context(user_id=known.principal.id)
    return known.principal


def authenticate_ticket(ticket: str) -> Principal:
    """Return who got this ticket; it cannot be used again."""

    def spend() -> Principal:
        return auth_service.find_principal(ticket_service.spend(ticket))

    return db.transaction(spend)


def forget(principal: Principal) -> None:
    """Stop trusting a session in this process at once."""
    gone = [
        token
        for token, known in _known.items()
        if known.principal.session_id == principal.session_id
    ]
    for token in gone:
        _known.pop(token, None)


def read_token(token: str, kind: str) -> dict[str, Any]:
    """Return the claims of a token of our own; UnauthenticatedError for any other."""
    try:
        claims = decode_token(token)
        # The library fills in claims that are missing; we never leave one out.
        jwt.decode(token, options={"verify_signature": False, "require": REQUIRED_CLAIMS})
    except jwt.ExpiredSignatureError:
        raise UnauthenticatedError(
            "This token has expired; refresh it or sign in again.", code="token_expired"
        ) from None
    except (jwt.PyJWTError, JWTExtendedException, ValueError, TypeError):
        raise _invalid_token() from None
    if claims["type"] != kind or not isinstance(claims["sid"], str):
        raise _invalid_token()
    return claims


def write_tokens(grant: Grant) -> TokenPair:
    """Return the pair of tokens for a session."""
    session = {"sid": grant.session_id}
    access_token = create_access_token(grant.user_id, additional_claims=session)
    refresh_token = create_refresh_token(
        grant.user_id, additional_claims=session | {"jti": grant.refresh_id}
    )
    lifetime: timedelta = current_app.config["JWT_ACCESS_TOKEN_EXPIRES"]
    return TokenPair(
        access_token=access_token,
        refresh_token=refresh_token,
        expires_in=int(lifetime.total_seconds()),
    )


def _bearer_token(request: Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise UnauthenticatedError(
            "Sign in first: send Authorization: Bearer with an access token from /auth/login."
        )
    return token


def _find_principal(session_id: str) -> Principal:
    return db.reading(lambda: auth_service.find_principal(session_id))


def _look_again(token: str, known: _Known) -> None:
    """Ask whether the session still lives; of many requests at once one asks."""
    known.trusted_until = time.time() + settings.principal_cache_seconds
    try:
        known.principal = _find_principal(known.principal.session_id)
    except ServiceError:
        _known.pop(token, None)
        raise


def _remember(token: str, known: _Known) -> None:
    known.trusted_until = time.time() + settings.principal_cache_seconds
    while len(_known) >= CACHE_SIZE:
        del _known[next(iter(_known))]
    _known[token] = known


def _invalid_token() -> UnauthenticatedError:
    return UnauthenticatedError(
        "This token is not valid here; sign in again.", code="token_invalid"
    )
