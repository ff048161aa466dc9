"""Texts of others made harmless for a terminal: what would move its cursor or change its colours is shown, not sent."""

import re
import unicodedata

_ACTIVE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def line(text: object) -> str:
    """One line: control characters, directional overrides and lone surrogates are written as escapes."""
    return _ACTIVE.sub(_escaped, str(text))


def lines(text: object) -> list[str]:
    """Several lines, broken where the text breaks them, each of them harmless."""
    return [line(part.expandtabs(4)) for part in str(text).replace("\r\n", "\n").split("\n")]


def first_line(text: str) -> str:
    """What a table has room for of a longer text."""
    head, _, rest = text.strip().partition("\n")
    return line(head.rstrip()) + (" …" if rest.strip() else "")


def width(text: str) -> int:
    """How many columns of a terminal a harmless text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text
    )


def _escaped(match: re.Match[str]) -> str:
    sign = match[0]
    code = ord(sign)
    if sign in _SHORT:
        return _SHORT[sign]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
