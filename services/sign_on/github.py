"""GitHub: OAuth 2 without OpenID, so that it is asked who somebody is."""

from pydantic import BaseModel, TypeAdapter

from models.identity import ProviderName
from services.sign_on.attempt import Attempt
from services.sign_on.provider import Profile
from services.sign_on.wire import Client, get_json, talking_to

SITE = "https://github.com"
API = "https://api.github.com"
SCOPE = "read:user user:email"


class Account(BaseModel):
    """Somebody's account; they may change its login, but not its id."""

    id: int
    login: str
    name: str | None = None


class Address(BaseModel):
    """One of somebody's addresses."""

    email: str
    primary: bool
    verified: bool


ADDRESSES = TypeAdapter(list[Address])


class GitHubProvider:
    """Vouches for people by answering whose access token it has just given out."""

    id = ProviderName.GITHUB
    name = "GitHub"

    def __init__(self, client: Client, site: str = SITE, api: str = API) -> None:
        self.issuer = site
        self._client = client
        self._api = api

    def authorization_url(self, attempt: Attempt) -> str:
        """Return where the browser has to go."""
        with talking_to(self.name, self._client, scope=SCOPE) as session:
            url, _ = session.create_authorization_url(
                f"{self.issuer}/login/oauth/authorize",
                state=attempt.state,
                code_verifier=attempt.code_verifier,
            )
        return str(url)

    def speaks_as(self, issuer: str | None) -> bool:
        """Tell whether an answer may be GitHub's, which began to name itself in 2026."""
        return issuer in (None, f"{self.issuer}/login/oauth")

    def fetch_profile(self, attempt: Attempt, code: str) -> Profile:
        """Return who came back with a code, with their primary address."""
        method = "client_secret_post"
        with talking_to(self.name, self._client, token_endpoint_auth_method=method) as session:
            session.fetch_token(
                f"{self.issuer}/login/oauth/access_token",
                grant_type="authorization_code",
                code=code,
                code_verifier=attempt.code_verifier,
            )
            account = Account.model_validate(get_json(session, f"{self._api}/user"))
            addresses = ADDRESSES.validate_python(get_json(session, f"{self._api}/user/emails"))
        primary = next((address for address in addresses if address.primary), None)
        return Profile(
            issuer=self.issuer,
            subject=str(account.id),
            email=primary.email if primary else None,
            email_verified=primary is not None and primary.verified,
            name=account.name or account.login,
        )
