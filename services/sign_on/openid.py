"""OpenID Connect: any provider that publishes what it is and signs what it says."""

from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from authlib.integrations.requests_client import OAuth2Session
from joserfc.jwk import KeySet
from pydantic import BaseModel, ValidationInfo, field_validator

from models.identity import ProviderName
from services.sign_on.attempt import Attempt
from services.sign_on.id_token import IdTokenError, UnknownKeyError, public_keys, read_id_token
from services.sign_on.kept import Kept
from services.sign_on.provider import Profile
from services.sign_on.wire import Client, get_json, talking_to
from utils.errors import UnauthenticatedError
from utils.logger import get_logger

logger = get_logger(__name__)

SCOPE = "openid email profile"


class Configuration(BaseModel):
    """What an issuer publishes about itself (OpenID Connect Discovery 1.0)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]
    authorization_response_iss_parameter_supported: bool = False

    @field_validator(
        "authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", mode="after"
    )
    @classmethod
    def refuse_less_safe(cls, url: str | None, info: ValidationInfo) -> str | None:
        """An issuer whose address is safe has no others that are not."""
        scheme = str(info.data.get("issuer")).partition("://")[0]
        if url is not None and not url.startswith((f"{scheme}://", "https://")):
            raise ValueError("must be as safe as the issuer")
        return url


class OpenIdProvider:
    """Google, and whatever else speaks OpenID Connect."""

    def __init__(self, provider_id: ProviderName, name: str, issuer: str, client: Client) -> None:
        self.id = provider_id
        self.name = name
        self.issuer = issuer
        self._client = client
        self._configuration = Kept(self._fetch_configuration)
        self._keys = Kept(self._fetch_keys)

    def authorization_url(self, attempt: Attempt) -> str:
        """Return where the browser has to go."""
        configuration = self._configuration.get()
        with self._session() as session:
            url, _ = session.create_authorization_url(
                configuration.authorization_endpoint,
                state=attempt.state,
                nonce=attempt.nonce,
                code_verifier=attempt.code_verifier,
            )
        return str(url)

    def speaks_as(self, issuer: str | None) -> bool:
        """Tell whether an answer is the provider's; one that names itself always does so."""
        if issuer is None:
            return not self._configuration.get().authorization_response_iss_parameter_supported
        return issuer == self.issuer

    def fetch_profile(self, attempt: Attempt, code: str) -> Profile:
        """Return who came back with a code; refuse what does not prove it."""
        configuration = self._configuration.get()
        method = _authentication(configuration, self._client)
        with self._session(token_endpoint_auth_method=method) as session:
            answer = session.fetch_token(
                configuration.token_endpoint,
                grant_type="authorization_code",
                code=code,
                code_verifier=attempt.code_verifier,
            )
            claims = self._claims_of(answer.get("id_token"), attempt)
            if "email" not in claims and configuration.userinfo_endpoint is not None:
                claims = self._complete(claims, get_json(session, configuration.userinfo_endpoint))
        return Profile(
            issuer=self.issuer,
            subject=claims["sub"],
            email=claims.get("email"),
            email_verified=claims.get("email_verified") is True,
            name=str(claims.get("name") or ""),
        )

    def _claims_of(self, token: object, attempt: Attempt) -> dict[str, Any]:
        read = partial(
            read_id_token,
            token,
            issuer=self.issuer,
            client_id=self._client.id,
            nonce=attempt.nonce,
        )
        try:
            try:
                return read(self._keys.get())
            except UnknownKeyError:  # perhaps it is newer than what we have
                return read(self._keys.get_anew())
        except UnknownKeyError:
            raise self._refused("signature") from None
        except IdTokenError as error:
            raise self._refused(error.reason) from None

    def _complete(self, claims: dict[str, Any], info: Any) -> dict[str, Any]:
        """Add what the provider tells on request only, if it is about the same person."""
        if not isinstance(info, dict) or info.get("sub") != claims["sub"]:
            raise self._refused("subject")
        return info | claims

    def _refused(self, reason: str) -> UnauthenticatedError:
        logger.warning("sign_on.id_token_refused", provider=self.id, reason=reason)
        return UnauthenticatedError(
            f"What {self.name} says about you proves nothing here: its {reason} is wrong. Start "
            "again, and if that does not help tell whoever runs this service.",
            code="id_token_invalid",
        )

    def _session(self, **options: Any) -> AbstractContextManager[OAuth2Session]:
        return talking_to(self.name, self._client, scope=SCOPE, **options)

    def _fetch_configuration(self) -> Configuration:
        url = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        with self._session() as session:
            found = Configuration.model_validate(get_json(session, url, withhold_token=True))
            if found.issuer != self.issuer:
                raise ValueError("another issuer")
        return found

    def _fetch_keys(self) -> KeySet:
        url = self._configuration.get().jwks_uri
        with self._session() as session:
            return public_keys(get_json(session, url, withhold_token=True))


def _authentication(configuration: Configuration, client: Client) -> str:
    """Return how this service proves to the provider that it is itself."""
    if client.secret is None:
        return "none"
    supported = configuration.token_endpoint_auth_methods_supported
    return "client_secret_basic" if "client_secret_basic" in supported else "client_secret_post"
