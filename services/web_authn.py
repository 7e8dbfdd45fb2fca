"""WebAuthn: what browsers are asked for, and whether their answer is what was asked."""

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    options_to_json_dict,
)
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from config import settings
from models.passkey import Credential, NewCredential
from services.challenge_service import LIFETIME
from utils.validators import BASE64URL

SITE = "Stint"
DEFAULT_PORTS = {"http": 80, "https": 443}
TIMEOUT = int(LIFETIME.total_seconds() * 1000)

# How sure the authenticator has to be whose finger it feels.
PRESENT = UserVerificationRequirement.PREFERRED
VERIFIED = UserVerificationRequirement.REQUIRED


class RefusedError(Exception):
    """The browser's answer is not what was asked for, or not by whom."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """What is to be kept of a new passkey."""

    credential: bytes
    public_key: bytes
    sign_count: int


class WebAuthn:
    """The ceremonies, for pages of one origin; knows nothing of what is stored."""

    def __init__(self, site_url: str) -> None:
        self.origin, self.name = _named(site_url)

    def creation_options(
        self, user_id: str, email: str, challenge: str, known: Iterable[bytes]
    ) -> dict[str, Any]:
        """Return what makes a passkey where none of the known ones is."""
        options = generate_registration_options(
            rp_id=self.name,
            rp_name=SITE,
            user_id=UUID(user_id).bytes,
            user_name=email,
            challenge=to_bytes(challenge),
            timeout=TIMEOUT,
            exclude_credentials=[PublicKeyCredentialDescriptor(id=each) for each in known],
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED, user_verification=PRESENT
            ),
        )
        return options_to_json_dict(options)

    def request_options(
        self,
        challenge: str,
        user_verification: UserVerificationRequirement,
        allowed: Iterable[bytes] = (),
    ) -> dict[str, Any]:
        """Return what makes a passkey sign: one of the allowed, or any that knows its owner."""
        options = generate_authentication_options(
            rp_id=self.name,
            challenge=to_bytes(challenge),
            timeout=TIMEOUT,
            allow_credentials=[PublicKeyCredentialDescriptor(id=each) for each in allowed],
            user_verification=user_verification,
        )
        return options_to_json_dict(options)

    def verify_new(self, answer: NewCredential, challenge: str) -> NewKey:
        """Return the new passkey; RefusedError where it was not made for this challenge."""
        try:
            _refuse_frames(answer.response.client_data)
            verified = verify_registration_response(
                credential=answer.model_dump(by_alias=True),
                expected_challenge=to_bytes(challenge),
                expected_rp_id=self.name,
                expected_origin=self.origin,
            )
            # The library looks at the key itself when it is first used, which would be too late.
            decoded_public_key_to_cryptography(
                decode_credential_public_key(verified.credential_public_key)
            )
        except Exception as error:  # the library stumbles over binary nonsense in many ways
            raise RefusedError from error
        return NewKey(verified.credential_id, verified.credential_public_key, verified.sign_count)

    def verify(
        self,
        answer: Credential,
        challenge: str,
        public_key: bytes,
        user_verification: UserVerificationRequirement,
    ) -> int:
        """Return the counter of a signature; RefusedError where it is not of this challenge."""
        try:
            _refuse_frames(answer.response.client_data)
            verified = verify_authentication_response(
                credential=answer.model_dump(by_alias=True, exclude_none=True),
                expected_challenge=to_bytes(challenge),
                expected_rp_id=self.name,
                expected_origin=self.origin,
                credential_public_key=public_key,
                credential_current_sign_count=0,  # compared by the statement that raises it
                require_user_verification=user_verification is VERIFIED,
            )
        except Exception as error:
            raise RefusedError from error
        return verified.new_sign_count


def challenge_in(answer: NewCredential) -> str:
    """Return the challenge that an answer says it is of."""
    try:
        challenge = json.loads(to_bytes(answer.response.client_data))["challenge"]
        if re.fullmatch(BASE64URL, challenge):
            return str(challenge)
    except (ValueError, LookupError, TypeError, RecursionError):
        pass
    raise RefusedError


def _refuse_frames(client_data: str) -> None:
    """Refuse what was signed on a page of ours inside one of another site (WebAuthn 3, 7.2)."""
    if json.loads(to_bytes(client_data)).get("crossOrigin"):
        raise RefusedError


def to_bytes(text: str) -> bytes:
    """Decode base64url, padded or not."""
    return urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))


def _named(site_url: str) -> tuple[str, str]:
    """Return the origin of a site, as browsers write it, and the name in it.

    They take no address for a name (WebAuthn, RP ID); on a laptop they know one for it.
    """
    parts = urlsplit(site_url)
    host = parts.hostname or ""
    name = "localhost" if _is_loopback(host) else host
    port = "" if parts.port in (None, DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{name}{port}", name


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


web_authn = WebAuthn(settings.site_url)
