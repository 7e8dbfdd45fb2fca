"""Signatures of messages, as https://www.standardwebhooks.com has them."""

import secrets
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime

from standardwebhooks import Webhook

SECRET_BYTES = 32


def new_secret() -> str:
    """Return a secret for a webhook and its receiver."""
    return f"whsec_{b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"


def signed_headers(
    message_id: str, at: datetime, body: bytes, keys: Sequence[str]
) -> dict[str, str]:
    """Return the headers of a message, with a signature by each of the secrets `keys`."""
    signatures = [Webhook(key).sign(message_id, at, body.decode()) for key in keys]
    return {
        "Content-Type": "application/json",
        "User-Agent": "Stint-Webhooks",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
