"""HTTP to providers: short, small, and never anywhere else than asked."""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from pydantic import SecretStr
from requests import PreparedRequest, RequestException, Response
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from utils.errors import BadRequestError, UnavailableError
from utils.logger import get_logger
from utils.trace_context import outgoing_headers
from utils.tracing import Kind, span

logger = get_logger(__name__)

TIMEOUT_SECONDS = 5.0
ANSWER_MAX_BYTES = 262_144
CHUNK_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class Client:
    """What this service is to a provider; the provider sends browsers back to `redirect_uri`."""

    id: str
    secret: SecretStr | None
    redirect_uri: str


class _BoundedAdapter(HTTPAdapter):
    """Reads answers whole, as long as they are neither large nor slow."""

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,  # noqa: ARG002, FBT001, FBT002 - as inherited
        timeout: Any = None,  # noqa: ARG002 - as inherited
        verify: bool | str = True,  # noqa: FBT001, FBT002 - as inherited
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> Response:
        """Send a request and return its answer with all of its body."""
        with span(Kind.CLIENT, str(request.method)) as call:
            request.headers.update(outgoing_headers())
            deadline = time.monotonic() + TIMEOUT_SECONDS
            answer = super().send(request, True, TIMEOUT_SECONDS, verify, cert, proxies)
            call.note({"http.response.status_code": answer.status_code})
            with closing(answer.raw) as sent:
                try:
                    answer.raw = BytesIO(_read(sent, deadline))
                except HTTPError as error:
                    raise RequestException from error
        return answer


def _read(sent: Any, deadline: float) -> bytes:
    body = bytearray()
    while piece := sent.read1(CHUNK_BYTES, decode_content=True):
        body += piece
        if len(body) > ANSWER_MAX_BYTES or time.monotonic() > deadline:
            raise RequestException("the answer is too large or too slow")
    return bytes(body)


@contextmanager
def talking_to(provider: str, client: Client, **options: Any) -> Iterator[OAuth2Session]:
    """Yield a session with a provider; its failures become errors of ours."""
    secret = client.secret.get_secret_value() if client.secret else None
    with OAuth2Session(
        client.id,
        secret,
        redirect_uri=client.redirect_uri,
        code_challenge_method="S256",
        leeway=0,  # access tokens are used at once, however short they live
        **options,
    ) as session:
        session.max_redirects = 0
        for scheme in ("https://", "http://"):
            session.mount(scheme, _BoundedAdapter())
        try:
            yield session
        except OAuthError as error:
            logger.warning("sign_on.code_refused", provider=provider, error=str(error.error)[:100])
            raise BadRequestError(
                f"{provider} does not accept the code that you came back with; start again.",
                code="sign_on_failed",
            ) from None
        except (RequestException, ValueError) as error:
            logger.warning("sign_on.provider_away", provider=provider, cause=type(error).__name__)
            raise UnavailableError(
                f"{provider} does not answer as it should at the moment; try again in a minute "
                "or sign in another way.",
                code="provider_away",
            ) from None


def get_json(session: OAuth2Session, url: str, *, withhold_token: bool = False) -> Any:
    """Return what is at an address, asked for with the access token unless that is withheld."""
    headers = {"Accept": "application/json"}
    answer = session.get(url, headers=headers, withhold_token=withhold_token)
    answer.raise_for_status()
    return answer.json()
