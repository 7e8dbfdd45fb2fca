"""Second factors: authenticator apps and recovery codes, and signing in with them."""

from flask import Blueprint

from api.contract import Access
from api.endpoint import endpoint
from api.sign_in import open_session
from models.confirmation import Confirmation
from models.principal import Principal
from models.second_factor import (
    RecoveryCodes,
    SecondFactors,
    TotpConfirm,
    TotpSetup,
)
from models.second_step import SecondStep
from models.session import TokenPair
from models.way import Admission
from services.confirmation_service import confirmation_service
from services.second_factor_service import second_factor_service
from services.second_step_service import second_step_service

second_factors = Blueprint("second_factors", __name__)


@second_factors.post("/auth/second-factor")
@endpoint(access=Access.PUBLIC, recorded=False, before=second_step_service.finish)
def finish_sign_in(body: SecondStep, prepared: Admission) -> TokenPair:
    """Sign in with the second factor, after the first.

    Answers the challenge of `second_factor_required` with a code of the authenticator app, a
    recovery code or a passkey. Five wrong answers void it. Idempotency-Key is ignored here.
    """
    return open_session(prepared, cookies=body.cookies)


@second_factors.get("/users/me/second-factors")
@endpoint(access=Access.SESSION)
def get_second_factors(principal: Principal) -> SecondFactors:
    """Read how you prove that it is you."""
    return second_factor_service.state_of(principal.id)


@second_factors.post("/users/me/totp")
@endpoint(access=Access.SESSION, recorded=False, before=confirmation_service.check)
def set_up_totp(principal: Principal, body: Confirmation) -> TotpSetup:  # noqa: ARG001 - checked before
    """Set up an authenticator app.

    It is asked for codes once a first one was confirmed. Idempotency-Key is ignored here.
    """
    return second_factor_service.set_up(principal)


@second_factors.post("/users/me/totp/confirm")
@endpoint(access=Access.SESSION, recorded=False)
def confirm_totp(principal: Principal, body: TotpConfirm) -> RecoveryCodes:
    """Turn the authenticator app on, by a first code of it.

    All other sessions end. Recovery codes are shown this once. Idempotency-Key is ignored here.
    """
    return second_factor_service.confirm(principal, body)


@second_factors.delete("/users/me/totp")
@endpoint(access=Access.SESSION, status=204, recorded=False, before=confirmation_service.check)
def turn_off_totp(principal: Principal, body: Confirmation) -> None:  # noqa: ARG001 - checked before
    """Turn the authenticator app off.

    It takes a confirmation, and all other sessions end. Idempotency-Key is ignored here.
    """
    second_factor_service.turn_off(principal)


@second_factors.post("/users/me/recovery-codes")
@endpoint(access=Access.SESSION, recorded=False, before=confirmation_service.check)
def renew_recovery_codes(principal: Principal, body: Confirmation) -> RecoveryCodes:  # noqa: ARG001 - checked before
    """Get new recovery codes; those from before are void.

    They are shown this once. Idempotency-Key is ignored here.
    """
    return second_factor_service.renew_recovery_codes(principal)
