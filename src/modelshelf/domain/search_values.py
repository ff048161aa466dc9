"""A value as a filter writes it, as the text or number that it means."""

import re
import unicodedata
from collections.abc import Sequence

from modelshelf.domain.errors import InvalidFilter
from modelshelf.domain.search_conditions import FieldType, Scalar
from modelshelf.domain.search_lexer import Token, TokenKind, refusal, require_storable

_ESCAPE = re.compile(r"\\([0-7]{1,3}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[^}]+\}|.)", re.DOTALL)
_ONE = {"\n": "", "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_INTEGER = re.compile(r"\s*[+-]?\d+(?:_\d+)*\s*")
_NUMERAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_MAX_DIGITS = 40  # more never fit 64 bits, and Python refuses to read thousands


def scalar(text: str, token: Token, type_: FieldType | None) -> Scalar:
    """The value of a token outside a list; a metric (None) takes any number."""
    return _fitting(text, token, token.text[1:-1], type_)


def element(text: str, tokens: Sequence[Token], type_: FieldType | None) -> Scalar:
    """The value of a list's element: one token, or texts side by side, which are joined."""
    content = "".join(_unescaped(text, token) for token in tokens if token.kind is TokenKind.TEXT)
    return _fitting(text, tokens[0], content, type_)


def _fitting(text: str, token: Token, content: str, type_: FieldType | None) -> Scalar:
    if type_ in (FieldType.TEXT, FieldType.TEXTS):
        if token.kind is TokenKind.TEXT:
            return content
        raise _mistaken(text, token, "a text in quotes", f"; write '{token.shown}'")
    if token.kind is TokenKind.NUMBER:
        return float(token.text) if type_ is None else _whole(token.text)
    if type_ is FieldType.NUMBER and token.kind is TokenKind.TEXT and _INTEGER.fullmatch(content):
        return _whole(content)
    raise _mistaken(text, token, "a number", f"; write {content}" if _NUMERAL.fullmatch(content) else "")


def _whole(digits: str) -> int | float:
    """An int if the number is whole and has 64 bits at most; else the float next to it, which compares as well."""
    short = len(digits) <= _MAX_DIGITS and _INTEGER.fullmatch(digits)
    number = int(digits) if short else float(digits)
    return int(number) if -(2**63) <= number < 2**63 and number == int(number) else float(number)


def _unescaped(text: str, token: Token) -> str:
    def character(match: re.Match[str]) -> str:
        try:
            return _escaped(match[1])
        except (KeyError, ValueError, OverflowError):
            problem = f"the escape {match[0]} names no character; write \\\\ for a backslash"
            raise refusal(text, token.start + 1 + match.start(), problem) from None

    content = _ESCAPE.sub(character, token.text[1:-1])
    require_storable(content, text, token.start)
    return content


def _escaped(code: str) -> str:
    if code[0] in "01234567":
        return chr(int(code, 8))
    if code[0] == "N":
        return unicodedata.lookup(code[2:-1])
    if code[0] in "xuU":
        return chr(int(code[1:], 16))
    return _ONE.get(code, code if code in "\\'\"" else f"\\{code}")


def _mistaken(text: str, token: Token, expected: str, advice: str) -> InvalidFilter:
    advice = advice if token.kind in (TokenKind.NAME, TokenKind.NUMBER, TokenKind.TEXT) else ""
    problem = f"expected {expected}, found {token.shown}{advice}"
    return refusal(text, token.start, problem, expected=expected)
