"""Single sign-on: leaving for a provider, and coming back from there."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import bindparam, delete, func, insert, literal
from sqlalchemy.types import Interval

from models.principal import Principal
from models.sign_on import (
    Callback,
    LinkStart,
    SignOnAttemptRow,
    SignOnProvider,
    SignOnStart,
    SignOnStarted,
)
from services.credential_service import CredentialService, credential_service
from services.db_client import DatabaseClient, db
from services.identity_providers import identity_providers
from services.identity_service import IdentityService, identity_service
from services.portions import delete_portion
from services.prepared import Row
from services.sign_on.attempt import Attempt, new_attempt
from services.sign_on.provider import IdentityProvider, Profile
from utils.errors import BadRequestError, NotFoundError
from utils.pages import Page

LIFETIME = timedelta(minutes=10)

KEEP = insert(SignOnAttemptRow).values(
    digest=bindparam("digest"),
    provider=bindparam("provider"),
    session_id=bindparam("session_id"),
    cookies=bindparam("cookies"),
    return_to=bindparam("return_to"),
    expires_at=func.now() + literal(LIFETIME, Interval),
)
TAKE = (
    delete(SignOnAttemptRow)
    .where(
        SignOnAttemptRow.digest == bindparam("digest"),
        SignOnAttemptRow.provider == bindparam("provider"),
        SignOnAttemptRow.expires_at > func.now(),
    )
    .returning(SignOnAttemptRow.session_id, SignOnAttemptRow.cookies, SignOnAttemptRow.return_to)
)
PURGE = delete_portion(SignOnAttemptRow, SignOnAttemptRow.expires_at < func.now())


@dataclass(frozen=True, slots=True)
class Departure:
    """Somebody about to leave for a provider."""

    provider: str
    attempt: Attempt
    authorization_url: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody back from a provider: to sign in, unless they only came to link."""

    user_id: str | None
    cookies: bool
    return_to: str


class SignOnService:
    """Sends people to providers and admits them when they come back with proof.

    What asks a provider holds no transaction, and says so.
    """

    def __init__(
        self,
        database: DatabaseClient,
        providers: Mapping[str, IdentityProvider],
        identities: IdentityService,
        credentials: CredentialService,
    ) -> None:
        self._db = database
        self._providers = providers
        self._identities = identities
        self._credentials = credentials
        self._keep = database.prepare(KEEP)
        self._take = database.prepare(TAKE)
        self._purge = database.prepare(PURGE)

    def list_providers(self) -> Page[SignOnProvider]:
        """Return the providers that this installation knows."""
        known = self._providers.values()
        return Page([SignOnProvider(id=each.id, name=each.name) for each in known])

    def prepare(self, provider: str) -> Departure:
        """Find out where to send somebody; asks the provider, so call it in no transaction."""
        attempt = new_attempt()
        return Departure(provider, attempt, self._find(provider).authorization_url(attempt))

    def start(self, departure: Departure, body: SignOnStart) -> SignOnStarted:
        """Let somebody leave to sign in."""
        return self._remember(departure, None, body.return_to, cookies=body.cookies)

    def start_linking(
        self, principal: Principal, departure: Departure, body: LinkStart
    ) -> SignOnStarted:
        """Let somebody leave to link what they have there to the account that they are in."""
        return self._remember(departure, principal.credential_id, body.return_to, cookies=True)

    def finish(self, provider: str, callback: Callback, state_of_browser: str) -> Arrival:
        """Admit somebody who is back; `state_of_browser` is what the browser that left has kept.

        Opens transactions of its own: an attempt is used up also where the answer is an error,
        and the provider is asked between them.
        """
        source = self._find(provider)
        code = _code_of(source, callback)
        if not hmac.compare_digest(callback.state.encode(), state_of_browser.encode()):
            raise BadRequestError(
                "This browser did not start this, or has started another one since; start again.",
                code="sign_on_other_browser",
            )
        attempt = Attempt(callback.state)
        kept = self._db.transaction(
            lambda: self._take.first(digest=attempt.digest, provider=provider)
        )
        if kept is None:
            raise BadRequestError(
                "This was finished before or took longer than 10 minutes; start again.",
                code="sign_on_over",
            )
        profile = source.fetch_profile(attempt, code)
        return self._db.transaction(lambda: self._admit(source, profile, kept))

    def purge(self) -> dict[str, int]:
        """Delete some attempts that nobody finished in time; returns how many, until none is."""
        return {"sign-ons not finished": self._purge.execute()}

    def _find(self, provider: str) -> IdentityProvider:
        try:
            return self._providers[provider]
        except KeyError:
            raise NotFoundError(
                "Nobody can sign in with this here; GET /auth/providers lists what there is.",
                code="provider_unknown",
            ) from None

    def _remember(
        self, departure: Departure, session_id: str | None, return_to: str, *, cookies: bool
    ) -> SignOnStarted:
        self._keep.execute(
            digest=departure.attempt.digest,
            provider=departure.provider,
            session_id=session_id,
            cookies=cookies,
            return_to=return_to,
        )
        return SignOnStarted(
            authorization_url=departure.authorization_url,
            expires_in=int(LIFETIME.total_seconds()),
        )

    def _admit(self, source: IdentityProvider, profile: Profile, kept: Row) -> Arrival:
        session_id, cookies, return_to = kept["session_id"], kept["cookies"], kept["return_to"]
        if session_id is None:
            return Arrival(self._identities.admit(source, profile), cookies, return_to)
        # The session may have ended meanwhile, for good reason.
        owner = self._credentials.find_principal(session_id)
        self._identities.link(owner.id, source, profile)
        return Arrival(None, cookies, return_to)


def _code_of(source: IdentityProvider, callback: Callback) -> str:
    if callback.error == "access_denied":
        raise BadRequestError(
            f"You did not allow {source.name} to say who you are; start again if you want to.",
            code="sign_on_denied",
        )
    if callback.code is None or callback.error is not None:
        raise BadRequestError(
            f"{source.name} has sent you back without saying who you are; start again.",
            code="sign_on_failed",
        )
    if not source.speaks_as(callback.iss):
        raise BadRequestError(
            f"This answer is not from {source.name}; start again.", code="sign_on_failed"
        )
    return callback.code


sign_on_service = SignOnService(db, identity_providers, identity_service, credential_service)
