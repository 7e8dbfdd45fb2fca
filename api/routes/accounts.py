"""Accounts, for administrators."""

from flask import Blueprint

from api.contract import Access
from api.endpoint import endpoint
from models.account import Account, AccountQuery, AccountUpdate
from models.principal import Principal
from services.account_service import account_service
from utils.pages import Page
from utils.preconditions import IfMatch

accounts = Blueprint("accounts", __name__)


@accounts.get("/users")
@endpoint(access=Access.ADMIN)
def list_accounts(query: AccountQuery) -> Page[Account]:
    """List all accounts, newest first; for administrators."""
    return account_service.page(query)


@accounts.get("/users/<id:user_id>")
@endpoint(access=Access.ADMIN)
def get_account(user_id: str) -> Account:
    """Read an account; for administrators."""
    return account_service.get(user_id)


@accounts.patch("/users/<id:user_id>")
@endpoint(access=Access.ADMIN)
def update_account(
    principal: Principal, user_id: str, body: AccountUpdate, if_match: IfMatch
) -> Account:
    """Disable or enable an account, or change its role; for administrators.

    A disabled account is signed out everywhere at once; what it did stays. The last administrator
    stays one.
    """
    return account_service.update(principal, user_id, body, if_match)


@accounts.delete("/users/<id:user_id>/sessions")
@endpoint(access=Access.ADMIN, status=204)
def sign_out_account(principal: Principal, user_id: str) -> None:
    """Sign somebody out everywhere; for administrators.

    The account stays as it is, and so do its API tokens.
    """
    account_service.sign_out(principal, user_id)
