"""The providers that the settings name."""

from pydantic import SecretStr

from config import Settings, settings
from models.identity import ProviderName
from services.sign_on.github import GitHubProvider
from services.sign_on.openid import OpenIdProvider
from services.sign_on.provider import IdentityProvider
from services.sign_on.wire import Client

GOOGLE = "https://accounts.google.com"


def configured_providers(options: Settings) -> dict[str, IdentityProvider]:
    """Return the providers that people can sign in with, by their names in addresses."""

    def client(provider: ProviderName, client_id: str, secret: SecretStr | None) -> Client:
        # Never made from what a request says about itself: providers compare it letter by letter.
        base = f"{options.site_url}{options.api_prefix}"
        return Client(client_id, secret, f"{base}/auth/sign-on/{provider}/callback")

    found: list[IdentityProvider] = []
    if options.google_client_id is not None:
        google = client(ProviderName.GOOGLE, options.google_client_id, options.google_client_secret)
        found.append(OpenIdProvider(ProviderName.GOOGLE, "Google", GOOGLE, google))
    if options.github_client_id is not None:
        found.append(
            GitHubProvider(
                client(ProviderName.GITHUB, options.github_client_id, options.github_client_secret)
            )
        )
    if options.oidc_issuer is not None and options.oidc_client_id is not None:
        oidc = client(ProviderName.OIDC, options.oidc_client_id, options.oidc_client_secret)
        found.append(
            OpenIdProvider(ProviderName.OIDC, options.oidc_name, options.oidc_issuer, oidc)
        )
    return {provider.id: provider for provider in found}


identity_providers = configured_providers(settings)
