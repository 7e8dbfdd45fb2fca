"""Signing in with an account elsewhere."""

from flask import Blueprint

from api.contract import Access
from api.endpoint import endpoint
from api.sign_on import arrive, depart, depart_to_link, send_state
from models.confirmation import Confirmation
from models.identity import Identity, IdentityQuery
from models.principal import Principal
from models.redirect import Redirect
from models.session import TokenPair
from models.sign_on import Callback, LinkStart, SignOnProvider, SignOnStart, SignOnStarted
from services.confirmation_service import confirmation_service
from services.identity_service import identity_service
from services.sign_on_service import Departure, sign_on_service
from utils.pages import Page

sign_on = Blueprint("sign_on", __name__)


@sign_on.get("/auth/providers")
@endpoint(access=Access.PUBLIC)
def list_providers() -> Page[SignOnProvider]:
    """List whom one can sign in with here."""
    return sign_on_service.list_providers()


@sign_on.post("/auth/sign-on/<provider>")
@endpoint(access=Access.PUBLIC, recorded=False, before=depart)
def start_sign_on(body: SignOnStart, prepared: Departure) -> SignOnStarted:
    """Start to sign in with an account elsewhere.

    Open the address with the same browser: it gets a cookie here without which nobody comes back.
    With `cookies` it is sent on to `return_to` afterwards, signed in; else the callback answers
    the tokens. Idempotency-Key is ignored here: the answer holds a secret and is not kept.
    """
    send_state(prepared.attempt)
    return sign_on_service.start(prepared, body)


@sign_on.get("/auth/sign-on/<provider>/callback")
@endpoint(access=Access.PUBLIC, recorded=False, before=arrive)
def finish_sign_on(
    query: Callback,  # noqa: ARG001 - `before` reads it
    prepared: TokenPair | Redirect,
) -> TokenPair | Redirect:
    """Come back from a provider.

    This is where providers send the browser; register this very address there. Whoever is new
    gets an account. An account with the same address is opened if both the provider and this
    service have verified the address, and 409 `account_exists` otherwise.
    """
    return prepared


@sign_on.get("/users/me/identities")
@endpoint(access=Access.SESSION)
def list_identities(principal: Principal, query: IdentityQuery) -> Page[Identity]:
    """List the accounts elsewhere that open yours."""
    return identity_service.page(principal, query)


@sign_on.post("/users/me/identities/<provider>")
@endpoint(access=Access.SESSION, recorded=False, before=depart_to_link)
def link_identity(principal: Principal, body: LinkStart, prepared: Departure) -> SignOnStarted:
    """Start to link an account elsewhere to yours.

    It takes a confirmation. Open the address with the same browser; it is sent on to `return_to`
    afterwards.
    Idempotency-Key is ignored here: the answer holds a secret and is not kept.
    """
    send_state(prepared.attempt)
    return sign_on_service.start_linking(principal, prepared, body)


@sign_on.delete("/users/me/identities/<id:identity_id>")
@endpoint(access=Access.SESSION, status=204, recorded=False, before=confirmation_service.check)
def unlink_identity(principal: Principal, identity_id: str, body: Confirmation) -> None:  # noqa: ARG001 - checked before
    """Unlink an account elsewhere.

    It takes a confirmation, and the last way into an account stays. Idempotency-Key is ignored
    here.
    """
    identity_service.unlink(principal, identity_id)
