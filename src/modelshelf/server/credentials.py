"""What an Authorization header says: a token, or a user name and a password."""

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import TypeAlias

from modelshelf.domain.credentials import token_id
from modelshelf.domain.errors import Unauthenticated

HEADER_LIMIT = 8192


@dataclass(frozen=True, slots=True)
class TokenGiven:
    """A token; `user` is the name sent with it, if any."""

    text: str = field(repr=False)
    user: str = ""


@dataclass(frozen=True, slots=True)
class PasswordGiven:
    """A user name and a password."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SessionGiven:
    """The secret of a browser's session."""

    text: str = field(repr=False)


Given: TypeAlias = TokenGiven | PasswordGiven | SessionGiven

SESSION_COOKIE = "modelshelf_session"
_SESSION = re.compile(rb"(?:^|;) *modelshelf_session=([0-9a-f]{64})(?= *(?:;|$))")


def in_cookies(value: bytes | None) -> bytes | None:
    """What the Authorization header would say, where a browser sends a session's cookie instead."""
    found = _SESSION.search(value[:HEADER_LIMIT]) if value else None
    return b"Session " + found[1] if found else None


def read(value: bytes) -> Given:
    """Read the header's value: `Bearer <token>`, `Basic <user:password>`, or a token in the place of the password.

    What `in_cookies` made of a cookie is read, too.

    Raises Unauthenticated for anything else.
    """
    scheme, _, rest = value.partition(b" ")
    if len(value) <= HEADER_LIMIT and scheme.lower() == b"bearer":
        return TokenGiven(_text(rest.strip()))
    if len(value) <= HEADER_LIMIT and scheme == b"Session":
        return SessionGiven(_text(rest))
    if len(value) <= HEADER_LIMIT and scheme.lower() == b"basic":
        return _basic(rest.strip())
    raise Unauthenticated("the Authorization header is not understood; send Bearer TOKEN, or Basic USER:PASSWORD")


def _basic(encoded: bytes) -> TokenGiven | PasswordGiven:
    try:
        text = _text(base64.b64decode(encoded, validate=True))
    except binascii.Error:
        raise Unauthenticated("the Basic credentials are not valid base64") from None
    user, colon, password = text.partition(":")
    if not colon:
        raise Unauthenticated("the Basic credentials have no ':' between the user name and the password")
    return TokenGiven(password, user) if token_id(password) else PasswordGiven(user, password)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Unauthenticated("the credentials are not UTF-8") from None
