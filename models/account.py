"""Accounts, as administrators see them: who may use the service, and nothing of what they do."""

from pydantic import Field

from models.base import Change, ListQuery, Resource
from models.user import UserRole
from utils.validators import SearchText


class AccountQuery(ListQuery):
    """Filters of the list of accounts."""

    search: SearchText | None = Field(
        None, description="Part of the name, or how the address begins."
    )
    is_active: bool | None = None
    role: UserRole | None = None


class AccountUpdate(Change):
    """What administrators may change about others."""

    is_active: bool = Field(
        True, description="Switching it off ends all sessions and timers, those of agents too."
    )
    role: UserRole = Field(UserRole.MEMBER, strict=False, examples=["member"])


class Account(Resource):
    """Somebody who may sign in."""

    email: str
    name: str
    role: UserRole
    is_active: bool = Field(description="While it is not, nobody can sign in to it.")
    verified: bool = Field(description="Whether the address is known to be theirs.")
