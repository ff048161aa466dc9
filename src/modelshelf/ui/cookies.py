"""Cookies of this site: read from a request, written into an answer."""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from typing import Final

from modelshelf.ui import seals
from modelshelf.ui.exchange import Header
from modelshelf.ui.seals import Seal

SESSION: Final = "modelshelf_session"
THEME: Final = "modelshelf_theme"
FLASH: Final = "modelshelf_flash"
THEMES: Final = ("auto", "light", "dark")
_PAIR = re.compile(rb" *([A-Za-z0-9_\-]+)=([A-Za-z0-9_\-=]*)")
_LONGEST_FLASH = 600
_SECRET = re.compile(r"[0-9a-f]{32,64}")


def read(headers: Iterable[Header]) -> dict[str, str]:
    """The cookies that can be ours, by name."""
    found: dict[str, str] = {}
    for name, value in headers:
        if name == b"cookie":
            pairs = (_PAIR.fullmatch(part.rstrip()) for part in value[:16_000].split(b";"))
            found.update((pair[1].decode(), pair[2].decode()) for pair in pairs if pair)
    return found


def write(name: str, value: str, *, seconds: int | None = None, is_secure: bool = False) -> Header:
    """A cookie that scripts can't read, and that no other site makes a browser send."""
    lasts = "" if seconds is None else f"; Max-Age={seconds}"
    secure = "; Secure" if is_secure else ""
    return b"set-cookie", f"{name}={value}; Path=/{lasts}; HttpOnly; SameSite=Strict{secure}".encode()


def theme(cookies: Mapping[str, str]) -> str:
    """What the viewer chose."""
    found = cookies.get(THEME, "")
    return found if found in THEMES else THEMES[0]


def seal(cookies: Mapping[str, str]) -> Seal:
    """What binds forms to this browser."""
    for name in (SESSION, seals.COOKIE):
        if _SECRET.fullmatch(cookies.get(name, "")):
            return Seal(cookies[name])
    return seals.new_seal()


def flash(text: str) -> Header:
    """A message for the next page."""
    packed = base64.urlsafe_b64encode(text[:_LONGEST_FLASH].encode()).decode()
    return write(FLASH, packed, seconds=60)


def flashed(cookies: Mapping[str, str]) -> str:
    """The message for this page."""
    try:
        return base64.urlsafe_b64decode(cookies.get(FLASH, "")).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
