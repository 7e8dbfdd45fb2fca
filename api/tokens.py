"""Tokens of sessions: written and read with flask-jwt-extended, more strictly than by default."""

from datetime import timedelta
from typing import Any, Literal

import jwt
from flask import Flask
from flask_jwt_extended import (
    JWTManager,
    create_access_token,
    create_refresh_token,
    decode_token,
)
from flask_jwt_extended.exceptions import JWTExtendedException

from config import settings
from services.session_service import Grant
from utils.errors import UnauthenticatedError

ISSUER = AUDIENCE = "stint"
ALGORITHM = "HS256"
REQUIRED_CLAIMS = ["exp", "iat", "jti", "sub", "sid", "csrf", "type", "iss", "aud"]


def configure(app: Flask) -> None:
    """Set up the token library: by default it lets much pass."""
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
        JWT_TOKEN_LOCATION=["headers", "cookies"],
    )
    JWTManager(app)


def write_tokens(grant: Grant) -> tuple[str, str]:
    """Return the access token and the refresh token of a session."""
    session = {"sid": grant.session_id}
    access_token = create_access_token(grant.user_id, additional_claims=session)
    refresh_token = create_refresh_token(
        grant.user_id, additional_claims=session | {"jti": grant.refresh_id}
    )
    return access_token, refresh_token


def read_token(token: str, kind: Literal["access", "refresh"]) -> dict[str, Any]:
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


def _invalid_token() -> UnauthenticatedError:
    return UnauthenticatedError(
        "This token is not valid here; sign in again.", code="token_invalid"
    )
