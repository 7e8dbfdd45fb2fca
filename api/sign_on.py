"""The browser's part in single sign-on: it must be the same one that leaves and comes back."""

from urllib.parse import urlencode

from flask import Response, after_this_request, request

from api.cookies import PREFIX
from api.origins import refuse_foreign_origin
from api.sign_in import open_session
from models.principal import Principal
from models.redirect import Redirect
from models.session import TokenPair
from models.sign_on import Callback, LinkStart
from models.way import Way
from services.confirmation_service import confirmation_service
from services.db_client import db
from services.second_step_service import second_step_service
from services.sign_on.attempt import Attempt
from services.sign_on_service import LIFETIME, Departure, sign_on_service
from utils.errors import SecondFactorRequiredError

STATE_COOKIE = f"{PREFIX}stint_sign_on"


def depart(provider: str) -> Departure:
    """Find out where to send the browser, for a page of our own."""
    refuse_foreign_origin(request)
    return sign_on_service.prepare(provider)


def depart_to_link(principal: Principal, body: LinkStart, provider: str) -> Departure:
    """Find out where to send the browser, once it is certain who wants another way in."""
    confirmation_service.check(principal, body)
    return depart(provider)


def arrive(provider: str, query: Callback) -> TokenPair | Redirect:
    """Admit whoever comes back, and sign them in if that is what they left for."""
    state = request.cookies.get(STATE_COOKIE, "")
    _set_state("", seconds=0)
    arrival = sign_on_service.finish(provider, query, state)
    if arrival.user_id is None:
        return Redirect(arrival.return_to)
    try:
        admission = second_step_service.begin(arrival.user_id, Way(provider))
    except SecondFactorRequiredError as half:
        if not arrival.cookies:
            raise
        return Redirect(_with_challenge(arrival.return_to, half))
    tokens = db.transaction(lambda: open_session(admission, cookies=arrival.cookies))
    return Redirect(arrival.return_to) if arrival.cookies else tokens


def _with_challenge(path: str, half: SecondFactorRequiredError) -> str:
    """Return a path of ours with what the page there needs for the second half of a sign-in.

    Behind the #, which no server sees.
    """
    asked = {"second_factor": half.extra["challenge"], "methods": ",".join(half.extra["methods"])}
    return f"{path.partition('#')[0]}#{urlencode(asked)}"


def send_state(attempt: Attempt) -> None:
    """Let the browser keep what it must show when it comes back."""
    _set_state(attempt.state, seconds=int(LIFETIME.total_seconds()))


def _set_state(state: str, *, seconds: int) -> None:
    @after_this_request
    def set_cookie(response: Response) -> Response:
        # Lax: the provider's page is another site, and what it does is navigate.
        response.set_cookie(
            STATE_COOKIE,
            state,
            max_age=seconds,
            secure=bool(PREFIX),
            httponly=True,
            samesite="Lax",
        )
        response.headers["Cache-Control"] = "no-store"
        return response
