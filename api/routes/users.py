"""Accounts."""

from flask import Blueprint

from api.contract import Access
from api.cookies import delete_cookies
from api.endpoint import endpoint
from models.confirmation import Confirmation
from models.principal import Principal
from models.scope import Scope
from models.user import User, UserCreate, UserUpdate
from services.account_deletion_service import account_deletion_service
from services.confirmation_service import confirmation_service
from services.user_service import user_service
from utils.preconditions import IfMatch

users = Blueprint("users", __name__)


@users.post("/users")
@endpoint(access=Access.PUBLIC, status=201, before=user_service.hash_password)
def sign_up(body: UserCreate, prepared: str) -> User:
    """Make an account."""
    return user_service.sign_up(body, prepared)


@users.get("/users/me")
@endpoint(access=Scope.ACCOUNT_READ)
def get_me(principal: Principal) -> User:
    """Read your own account."""
    return user_service.get(principal)


@users.patch("/users/me")
@endpoint(access=Scope.ACCOUNT_WRITE)
def update_me(principal: Principal, body: UserUpdate, if_match: IfMatch) -> User:
    """Change your own profile."""
    return user_service.update(principal, body, if_match)


@users.delete("/users/me")
@endpoint(access=Access.SESSION, status=204, recorded=False, before=confirmation_service.check)
def delete_me(principal: Principal, body: Confirmation) -> None:  # noqa: ARG001 - checked before
    """Delete your account, confirmed by your password or a passkey.

    Without a password, sign in again with what you sign in with, and do it within five minutes.

    You leave all projects; what you did in those that others are in stays, by a "deleted user".
    Projects that nobody else is in, your agents and all that is private to you are deleted for
    good. Refused with 409 while you are the last owner of a project that others are in. The
    address can sign up anew. Idempotency-Key is ignored here.
    """
    account_deletion_service.delete(principal)
    delete_cookies()
