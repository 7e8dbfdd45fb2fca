"""Accounts."""

from flask import Blueprint

from api.contract import Access
from api.endpoint import endpoint
from api.middleware.auth import forget
from models.principal import Principal
from models.user import User, UserCreate, UserUpdate
from services.user_service import user_service
from utils.preconditions import IfMatch

users = Blueprint("users", __name__)


@users.post("/users")
@endpoint(access=Access.PUBLIC, status=201, before=user_service.hash_password)
def sign_up(body: UserCreate, prepared: str) -> User:
    """Make an account."""
    return user_service.sign_up(body, prepared)


@users.get("/users/me")
@endpoint(access=Access.SIGNED_IN)
def get_me(principal: Principal) -> User:
    """Read your own account."""
    return user_service.get(principal)


@users.patch("/users/me")
@endpoint(access=Access.SIGNED_IN)
def update_me(principal: Principal, body: UserUpdate, if_match: IfMatch) -> User:
    """Change your own profile."""
    user = user_service.update(principal, body, if_match)
    forget(principal)  # your next request knows your new time zone
    return user
