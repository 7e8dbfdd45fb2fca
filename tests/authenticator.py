"""An authenticator in software: makes passkeys and signs with them, as devices do (WebAuthn)."""

import hashlib
import json
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from services.web_authn import to_bytes

Json = dict[str, Any]

USER_PRESENT, USER_VERIFIED, ATTESTED = 0x01, 0x04, 0x40
NO_MODEL = bytes(16)
COORDINATE_BYTES = 32

ORIGIN = "http://localhost:8000"
SITE = "localhost"


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


@dataclass
class Authenticator:
    """One passkey, and the page that it is used on.

    Real browsers refuse to lie about the page; this one says what it is told to.
    """

    origin: str = ORIGIN
    site: str = SITE
    framed: bool = False  # whether the page is shown inside one of another site
    verifies: bool = True
    count: int = 0
    handle: str = ""
    id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def create(self, options: Json) -> Json:
        """Answer `navigator.credentials.create()`."""
        self.handle = options["user"]["id"]
        data = self._authenticator_data(ATTESTED) + self._attested()
        attestation = {"fmt": "none", "attStmt": {}, "authData": data}
        return self._credential(
            clientDataJSON=self._client_data("webauthn.create", options),
            attestationObject=base64url(cbor2.dumps(attestation)),
            transports=["internal"],
        )

    def get(self, options: Json) -> Json:
        """Answer `navigator.credentials.get()`."""
        self.count += 1
        client_data = self._client_data("webauthn.get", options)
        data = self._authenticator_data()
        signed = data + hashlib.sha256(to_bytes(client_data)).digest()
        return self._credential(
            clientDataJSON=client_data,
            authenticatorData=base64url(data),
            signature=base64url(self.key.sign(signed, ec.ECDSA(SHA256()))),
            userHandle=self.handle,
        )

    def _credential(self, **response: Any) -> Json:
        return {
            "id": base64url(self.id),
            "rawId": base64url(self.id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": response,
        }

    def _client_data(self, kind: str, options: Json) -> str:
        challenge = options["challenge"]
        page = {"origin": self.origin, "crossOrigin": self.framed}
        client_data = {"type": kind, "challenge": challenge} | page
        return base64url(json.dumps(client_data).encode())

    def _authenticator_data(self, flags: int = 0) -> bytes:
        flags |= USER_PRESENT | (USER_VERIFIED if self.verifies else 0)
        site = hashlib.sha256(self.site.encode()).digest()
        return site + bytes([flags]) + self.count.to_bytes(4, "big")

    def _attested(self) -> bytes:
        """The credential's id and its public key in COSE (RFC 9052): ES256 on P-256."""
        numbers = self.key.public_key().public_numbers()
        x, y = (number.to_bytes(COORDINATE_BYTES, "big") for number in (numbers.x, numbers.y))
        key = {1: 2, 3: -7, -1: 1, -2: x, -3: y}
        return NO_MODEL + len(self.id).to_bytes(2, "big") + self.id + cbor2.dumps(key)
