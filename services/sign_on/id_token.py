"""ID tokens: what an OpenID provider signs to say who somebody is."""

import hmac
from typing import Any

from joserfc import jwt
from joserfc.errors import ClaimError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

LEEWAY_SECONDS = 30
SUBJECT_MAX_LENGTH = 255

# Only signatures that nobody can make who can check them: no HMAC with a public key, no `none`.
ALGORITHMS = [
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "Ed25519", "EdDSA"),
]
KEY_TYPES = ("RSA", "EC", "OKP")

PARTS = {"iss": "issuer", "aud": "audience", "nonce": "nonce", "sub": "subject"}


class UnknownKeyError(Exception):
    """The token names a key that the provider's key set does not have."""


class IdTokenError(Exception):
    """The token proves nothing; `reason` names what is wrong with it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def public_keys(key_set: Any) -> KeySet:
    """Return those of a provider's keys that check signatures; ValueError without any."""
    try:
        keys = [key for key in key_set["keys"] if key["kty"] in KEY_TYPES]
        return KeySet.import_key_set({"keys": keys})
    except (JoseError, KeyError, TypeError) as error:
        raise ValueError("no keys") from error


def read_id_token(
    token: object, keys: KeySet, *, issuer: str, client_id: str, nonce: str
) -> dict[str, Any]:
    """Return the claims of a token that was signed for this client and this attempt.

    OpenID Connect Core 1.0, section 3.1.3.7. Raises IdTokenError, or UnknownKeyError.
    """
    claims = _verify(token, keys)
    registry = jwt.JWTClaimsRegistry(
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True},
    )
    try:
        registry.validate(claims)
    except ClaimError as error:
        first, *_ = error.claim.split(",")
        raise IdTokenError(PARTS.get(first, "time")) from None
    _check_audience(claims, client_id)
    if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
        raise IdTokenError("nonce")
    if len(claims["sub"]) > SUBJECT_MAX_LENGTH:
        raise IdTokenError("subject")
    return claims


def _verify(token: object, keys: KeySet) -> dict[str, Any]:
    """Check the signature with the key that the token names, or the only one there is."""
    if not isinstance(token, str):
        raise IdTokenError("signature")
    try:
        return jwt.decode(
            token, lambda signed: keys.get_by_kid(signed.headers().get("kid")), ALGORITHMS
        ).claims
    except InvalidKeyIdError:
        raise UnknownKeyError from None
    except (JoseError, ValueError, TypeError):
        raise IdTokenError("signature") from None


def _check_audience(claims: dict[str, Any], client_id: str) -> None:
    """A token for several is ours only when it was issued to us."""
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if several else client_id) != client_id:
        raise IdTokenError("audience")
