"""A filter's text as tokens, and the refusal that points into it."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from modelshelf.domain.errors import InvalidFilter

MAX_LENGTH = 10_000

_KEYWORDS = frozenset({"AND", "OR", "NOT", "IN", "LIKE", "ILIKE", "IS", "NULL"})
_SHOWN = 100
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")

# Between quotes a doubled quote, and a backslash before the quote, do not end the text, but stand for themselves: a
# filter for 'C:\temp' finds C:\temp. The last quote that can end the text does ('C:\' on its own is C:\).
_SINGLE = r"'(?:[^'\\]|''|\\'?)*'"
_DOUBLE = r'"(?:[^"\\]|""|\\"?)*"'
_BACKTICK = r"`(?:[^`]|``)*`"
# Inside the list of IN a backslash escapes, as in Python's and JSON's strings.
_LISTED = r"""'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*\""""
_NUMBER = r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?|nan)(?:(?![\w.$])|(?=and\b))"
_KEY = rf"(?:\.+(?:[\w$#@/:\[\]-]+|{_BACKTICK}|{_DOUBLE}|{_SINGLE}))+\.*"
_NAME = rf"(?:[^\W\d][\w$#]*|{_BACKTICK})(?:{_KEY}|\.\.+)?"
_SIGN = r"[<>!=]=|<>|[<>=]"


def _pattern(text: str) -> re.Pattern[str]:
    parts = {"space": r"\s+", "number": _NUMBER, "name": _NAME, "text": text, "sign": _SIGN, "mark": "[(),]"}
    return re.compile("|".join(f"(?P<{kind}>{part})" for kind, part in parts.items()), re.IGNORECASE | re.DOTALL)


_OUTSIDE, _INSIDE = _pattern(f"{_SINGLE}|{_DOUBLE}"), _pattern(_LISTED)


class TokenKind(Enum):
    NAME = "name"
    TEXT = "text"
    NUMBER = "number"
    SIGN = "sign"
    MARK = "mark"
    KEYWORD = "keyword"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the filter; `text` is as written, quotes included, but a keyword is in upper case."""

    kind: TokenKind
    text: str
    start: int

    @property
    def shown(self) -> str:
        if self.kind is TokenKind.END:
            return "the end"
        return self.text if len(self.text) <= _SHOWN else f"{self.text[:_SHOWN]}…"

    def is_one_of(self, *words: str) -> bool:
        return self.kind in (TokenKind.KEYWORD, TokenKind.MARK, TokenKind.SIGN) and self.text in words


def tokens(text: str) -> Iterator[Token]:
    """The tokens of a filter, ending with one END."""
    _check(text)
    position, pattern, before = 0, _OUTSIDE, ""
    while position < len(text):
        match = pattern.match(text, position)
        if match is None:
            raise _unreadable(text, position)
        token = _token(match)
        if token is not None:
            yield token
            if token.is_one_of("(") and before == "IN":
                pattern = _INSIDE
            elif token.is_one_of(")"):
                pattern = _OUTSIDE
            before = token.text
        position = match.end()
    yield Token(TokenKind.END, "", len(text))


def refusal(text: str, position: int, problem: str, **details: Any) -> InvalidFilter:
    """The problem above the filter's text and a caret under the fault."""
    first = max(0, min(position - _SHOWN // 2, len(text) - _SHOWN))
    head, tail = "…" if first else "", "…" if first + _SHOWN < len(text) else ""
    line = "".join(character if character.isprintable() else " " for character in text[first : first + _SHOWN])
    indent = " " * sum(_columns(character) for character in head + line[: position - first])
    return InvalidFilter(f"{problem}\n  {head}{line}{tail}\n  {indent}^", position=position, **details)


def require_storable(value: str, text: str, start: int) -> None:
    """Refuses what no database stores: NUL, and halves of surrogate pairs. `value` stands in `text` from `start` on."""
    found = _UNSTORABLE.search(value)
    if found:
        problem = f"the character U+{ord(found[0]):04X} cannot be stored, so it cannot be searched for"
        raise refusal(text, min(start + found.start(), len(text) - 1), problem)


def _check(text: str) -> None:
    if len(text) > MAX_LENGTH:
        problem = f"the filter has {len(text)} characters; the limit is {MAX_LENGTH}"
        raise InvalidFilter(problem, position=MAX_LENGTH, limit=MAX_LENGTH)
    require_storable(text, text, 0)


def _token(match: re.Match[str]) -> Token | None:
    kind, word = str(match.lastgroup), match[0]
    if kind == "space":
        return None
    if kind == "name" and word.upper() in _KEYWORDS:
        return Token(TokenKind.KEYWORD, word.upper(), match.start())
    return Token(TokenKind(kind), word, match.start())


def _unreadable(text: str, position: int) -> InvalidFilter:
    if text[position] in "'\"`":
        return refusal(text, position, f"the quote {text[position]} is never closed", expected="a closing quote")
    if re.match(r"[+.-]*\d", text[position:]):
        return refusal(text, position, "malformed number; write it like -5, 0.25 or 1e-3", expected="a number")
    problem = f"unexpected character {text[position]!r}; a key or text that contains it stands in quotes"
    return refusal(text, position, problem)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
