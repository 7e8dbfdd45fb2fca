"""Passkeys: one's own, and signing in with them alone."""

from flask import Blueprint

from api.contract import Access
from api.endpoint import endpoint
from api.sign_in import open_session
from models.confirmation import Confirmation
from models.passkey import (
    NewPasskey,
    Passkey,
    PasskeyCreate,
    PasskeyOptions,
    PasskeyQuery,
    PasskeySignIn,
)
from models.principal import Principal
from models.session import TokenPair
from models.way import Admission
from services.confirmation_service import confirmation_service
from services.passkey_service import passkey_service
from services.web_authn import NewKey
from utils.pages import Page

passkeys = Blueprint("passkeys", __name__)


@passkeys.post("/auth/passkeys/options")
@endpoint(access=Access.PUBLIC, recorded=False)
def get_sign_in_options() -> PasskeyOptions:
    """Begin to sign in with a passkey alone.

    Idempotency-Key is ignored here: the challenge works once.
    """
    return passkey_service.sign_in_options()


@passkeys.post("/auth/passkeys")
@endpoint(access=Access.PUBLIC, recorded=False, before=passkey_service.sign_in)
def sign_in_with_passkey(body: PasskeySignIn, prepared: Admission) -> TokenPair:
    """Sign in with a passkey alone.

    The device has to check your finger, face or PIN: that makes two factors of it.
    Idempotency-Key is ignored here.
    """
    return open_session(prepared, cookies=body.cookies)


@passkeys.post("/users/me/confirmations/options")
@endpoint(access=Access.SESSION, recorded=False)
def get_confirmation_options(principal: Principal) -> PasskeyOptions:
    """Begin to confirm something with a passkey instead of the password.

    Send `{"passkey": {"challenge": ..., "credential": ...}}` where a confirmation is asked for.
    Idempotency-Key is ignored here: the challenge works once.
    """
    return passkey_service.confirmation_options(principal)


@passkeys.post("/users/me/passkeys/options")
@endpoint(access=Access.SESSION, recorded=False, before=confirmation_service.check)
def get_creation_options(principal: Principal, body: Confirmation) -> PasskeyOptions:  # noqa: ARG001 - checked before
    """Begin to add a passkey.

    Idempotency-Key is ignored here: the challenge works once.
    """
    return passkey_service.creation_options(principal)


@passkeys.post("/users/me/passkeys")
@endpoint(access=Access.SESSION, recorded=False, status=201, before=passkey_service.verify_new)
def add_passkey(principal: Principal, body: PasskeyCreate, prepared: NewKey) -> NewPasskey:
    """Add the passkey that the browser has made.

    From now on the password alone does not sign you in; all other sessions end. Recovery codes
    are shown this once. Idempotency-Key is ignored here.
    """
    return passkey_service.add(principal, body, prepared)


@passkeys.get("/users/me/passkeys")
@endpoint(access=Access.SESSION)
def list_passkeys(principal: Principal, query: PasskeyQuery) -> Page[Passkey]:
    """List your passkeys, newest first."""
    return passkey_service.page(principal, query)


@passkeys.delete("/users/me/passkeys/<id:passkey_id>")
@endpoint(access=Access.SESSION, status=204, recorded=False, before=confirmation_service.check)
def remove_passkey(principal: Principal, passkey_id: str, body: Confirmation) -> None:  # noqa: ARG001 - checked before
    """Remove a passkey.

    It takes a confirmation, and all other sessions end. Idempotency-Key is ignored here.
    """
    passkey_service.remove(principal, passkey_id)
