"""The form of API tokens: made so that scanners find leaked ones and typing errors cost no query.

A prefix that tells what it is, 30 random characters of base 62, and the CRC-32 of all that in
another 6: the form that GitHub gave to its own.
"""

import re
import secrets
import string
import zlib
from hmac import compare_digest
from typing import Literal

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
RANDOM_LENGTH = 30  # 178 bits
CHECKSUM_LENGTH = 6  # 62 ** 6 is more than 2 ** 32

Prefix = Literal["stint_pat_", "stint_agt_"]
OF_PEOPLE: Prefix = "stint_pat_"
OF_AGENTS: Prefix = "stint_agt_"

FORM = re.compile(rf"(stint_(?:pat|agt)_[0-9A-Za-z]{{{RANDOM_LENGTH}}})([0-9A-Za-z]{{6}})")


def make_token(prefix: Prefix) -> str:
    """Return a new token, which is kept nowhere."""
    body = prefix + "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))
    return body + checksum(body)


def checksum(text: str) -> str:
    """Return the CRC-32 of a text in base 62, most significant digit first."""
    rest, digits = zlib.crc32(text.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def names_api_token(token: str) -> bool:
    """Tell whether this wants to be an API token, whatever it is worth."""
    return token.startswith((OF_PEOPLE, OF_AGENTS))


def is_well_formed(token: str) -> bool:
    """Tell whether a token was copied completely; only the database knows whether it counts."""
    match = FORM.fullmatch(token)
    return match is not None and compare_digest(checksum(match[1]), match[2])
