"""Passwords and tokens: what they may look like, and what a token carries."""

import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass, field

from modelshelf.domain.access import Role
from modelshelf.domain.errors import Invalid

PASSWORD_SHORTEST = 8
PASSWORD_LONGEST = 1024
TOKENS_PER_USER = 100
USE_INTERVAL_MS = 60_000
"""A token's last use is noted at most this often."""

DAY_MS = 24 * 60 * 60 * 1000
DEFAULT_LIFETIME_MS = 90 * DAY_MS
LONGEST_LIFETIME_MS = 36_500 * DAY_MS

TOKEN_ID_BYTES = 8
TOKEN_SECRET_BYTES = 32
_TOKEN = re.compile(r"ms_([0-9a-f]{16})_[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token; the token itself is known to its holder alone."""

    id: str
    user: str
    name: str
    role: Role
    """What it may do at most: less, if its user may less."""
    created_ms: int
    created_by: str
    expires_ms: int | None = None
    used_ms: int | None = None

    @property
    def actor_name(self) -> str:
        """How the ledger calls it: `alice/ci`."""
        return f"{self.user}/{self.name}"

    def has_expired(self, now_ms: int) -> bool:
        return self.expires_ms is not None and self.expires_ms <= now_ms

    def use_is_due(self, now_ms: int) -> bool:
        """Whether its last noted use is long enough ago."""
        return self.used_ms is None or now_ms - self.used_ms >= USE_INTERVAL_MS


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token; `text` is the token itself, which can't be had again."""

    token: Token
    text: str = field(repr=False)


def token_text(token_id: str, secret: bytes) -> str:
    """The token as its holder has it: `ms_<id>_<secret>`, a form that secret scanners can look for."""
    return f"ms_{token_id}_{secret.hex()}"


def token_id(text: str) -> str | None:
    """The id in a token; None for a text of another form."""
    found = _TOKEN.fullmatch(text)
    return found[1] if found else None


def token_digest(text: str) -> str:
    """What is stored of a token. Its secret has 256 random bits, so nobody can find it by trying, however fast the
    hash is; a slow one, as passwords need, would only slow down whoever is let in.
    """
    return hashlib.sha256(text.encode()).hexdigest()


def token_matches(text: str, digest: str) -> bool:
    """Whether it is the token of a stored digest; takes as long for any other."""
    return hmac.compare_digest(token_digest(text), digest)


def token_lifetime(milliseconds: object) -> int | None:
    """For how long a token is to be good, None for ever; raises Invalid."""
    if milliseconds is None:
        return None
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int) or milliseconds < 1:
        raise Invalid(f"a token's lifetime must be at least 1 ms, or never, not {milliseconds!r}")
    if milliseconds > LONGEST_LIFETIME_MS:
        raise Invalid(f"a token's lifetime is at most {LONGEST_LIFETIME_MS // DAY_MS:,} days; for more, take never")
    return milliseconds


def new_password(text: object) -> str:
    """A password that may be set; raises Invalid, which never repeats it."""
    if not isinstance(text, str):
        raise Invalid("a password must be a text")
    password = same_password(text)
    if len(password) < PASSWORD_SHORTEST:
        raise Invalid(f"the password is too short; it must have at least {PASSWORD_SHORTEST} characters")
    if len(password) > PASSWORD_LONGEST:
        raise Invalid(f"the password is too long; it may have at most {PASSWORD_LONGEST:,} characters")
    if not password.isprintable():
        raise Invalid("the password holds a control character; leave it out")
    if token_id(password):
        raise Invalid("the password looks like a token; choose another one")
    return password


def same_password(text: str) -> str:
    """The password, however its characters were put together: an é is an é, from every keyboard."""
    return unicodedata.normalize("NFC", text)
