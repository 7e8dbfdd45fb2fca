"""What goes through one's mailbox: addresses and forgotten passwords; and changing passwords."""

from flask import Blueprint

from api.contract import Access
from api.endpoint import endpoint
from models.mail_token import (
    AddressChange,
    AddressProof,
    AddressProved,
    PasswordChange,
    Reset,
    ResetRequest,
)
from models.principal import Principal
from services.address_service import address_service
from services.password_change_service import password_change_service
from services.verification_service import verification_service

mail = Blueprint("mail", __name__)


@mail.post("/users/me/verification")
@endpoint(access=Access.SESSION, status=202, before=verification_service.count_letter)
def send_verification(principal: Principal) -> None:
    """Send the message again that confirms your address.

    It works for two days; the token in the message before is void from now on. There are five
    in a quarter of an hour at most.
    """
    verification_service.send_again(principal)


@mail.post("/auth/verify-email")
@endpoint(access=Access.PUBLIC)
def verify_email(body: AddressProof) -> AddressProved:
    """Confirm an address with the token that was mailed to it.

    A verified address gets the time, work and memberships that imports left for it. A change of
    address takes the token from the old and the one from the new address.
    """
    return address_service.confirm(body)


@mail.post("/users/me/email")
@endpoint(access=Access.SESSION, status=202, recorded=False, before=address_service.prepare_change)
def change_email(principal: Principal, body: AddressChange) -> None:
    """Ask for another e-mail address.

    Both addresses get a message; yours changes when both have confirmed it, within two hours.
    Idempotency-Key is ignored here: asked for again, both get another message.
    """
    address_service.request_change(principal, body)


@mail.post("/users/me/password")
@endpoint(access=Access.SESSION, status=204, before=password_change_service.prepare_change)
def change_password(
    principal: Principal,
    body: PasswordChange,  # noqa: ARG001 - read ahead of the transaction
    prepared: tuple[str | None, str],
) -> None:
    """Change your password; you are signed out everywhere else. API tokens stay as they are."""
    password_change_service.change(principal, prepared)


@mail.post("/auth/password-resets")
@endpoint(access=Access.PUBLIC, status=202, before=password_change_service.count_letter)
def request_reset(body: ResetRequest) -> None:
    """Ask for a new password when you have forgotten yours.

    If an account uses the address, it gets a message with a token for half an hour. The answer
    is the same in any case. There are five for an address in a quarter of an hour at most.
    """
    password_change_service.request_reset(body)


@mail.post("/auth/password-resets/redeem")
@endpoint(access=Access.PUBLIC, status=204, before=password_change_service.hash_reset)
def reset_password(body: Reset, prepared: str) -> None:
    """Set a new password with the token from the message.

    You are signed out everywhere; sign in with the new password. API tokens stay as they are:
    `DELETE /users/me/tokens` revokes them. If nobody had confirmed the address before, they are
    gone with second factors and linked accounts: a stranger may have made them.
    """
    password_change_service.reset(body, prepared)
