"""Secrets of webhooks, and what is signed with them, as Standard Webhooks 1.0 has it."""

import base64
import binascii
import hashlib
import hmac

from modelshelf.domain.errors import Invalid
from modelshelf.domain.names import storable

PREFIX = "whsec_"
SECRET_BYTES = 32
KEY_BYTES = (24, 64)
SECRET_LIMIT = 1_000


def secret_text(random: bytes) -> str:
    """A new secret, of 32 random bytes."""
    return PREFIX + base64.b64encode(random).decode()


def secret(text: object) -> str:
    """A secret, checked: `whsec_` and 24 to 64 bytes in base64. Raises Invalid, which doesn't repeat it."""
    if not isinstance(text, str) or not text.startswith(PREFIX):
        raise Invalid(
            "a webhook's secret is whsec_ and 24 to 64 random bytes in base64; "
            "modelshelf webhook create makes one where none is given",
            field="secret",
        )
    try:
        key = base64.b64decode(text.removeprefix(PREFIX).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeError):
        raise Invalid("the webhook's secret is not base64 behind whsec_", field="secret") from None
    if not KEY_BYTES[0] <= len(key) <= KEY_BYTES[1]:
        raise Invalid(
            f"the webhook's secret has {len(key)} bytes behind whsec_; it must have {KEY_BYTES[0]} to {KEY_BYTES[1]}",
            field="secret",
        )
    return text


def any_secret(text: object) -> str:
    """A secret of a dialect that takes any text; one with our prefix is checked as ours are."""
    if isinstance(text, str) and text.startswith(PREFIX):
        return secret(text)
    if not isinstance(text, str) or not 1 <= len(text) <= SECRET_LIMIT:
        raise Invalid(f"a webhook's secret is a text of 1 to {SECRET_LIMIT:,} characters", field="secret")
    return storable(text, "webhook's secret")


def signing_key(text: str) -> bytes:
    """The bytes that a secret stands for."""
    if text.startswith(PREFIX):
        return base64.b64decode(text.removeprefix(PREFIX))
    return text.encode()


def signature(key: bytes, message_id: str, seconds: int, body: bytes) -> str:
    """`v1,` and the HMAC-SHA256 of id, time and body in base64."""
    signed = hmac.new(key, f"{message_id}.{seconds}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(signed.digest()).decode()}"
