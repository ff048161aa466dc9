"""Bounds of clauses: what could take long is refused before it is ever run.

A clause runs inside a transaction and can't be interrupted, so its work has to be bounded as it is written: loops over
collections are few and shallow, patterns small, and nothing builds a value larger than those it was given.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from modelshelf.domain.gate_language import FIELDS, Token, fault, tokens_of

NESTING_LIMIT: Final = 20
"""Brackets inside brackets."""
LOOP_DEPTH_LIMIT: Final = 2
"""`all` or `exists` inside another one."""
LOOPS_LIMIT: Final = 5
CALLS_LIMIT: Final = 10
"""Functions that are called inside loops."""
MATCHES_LIMIT: Final = 5
PATTERN_LIMIT: Final = 200
REPEATS_LIMIT: Final = 100
"""The product of all counted repetitions, such as {3} or {1,10}, of a pattern."""

_LOOPS: Final = frozenset({"all", "exists", "exists_one"})
_ABSENT: Final = frozenset({"map", "filter"})
_REPEAT = re.compile(r"\{(\d*),?(\d*)\}")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_COLLECTIONS: Final = frozenset(name for name, kind in FIELDS.items() if kind.startswith(("list", "map")))


@dataclass(slots=True)
class _Walk:
    """Where a walk through a clause is: the open brackets, each with its function, and what was counted."""

    expression: str
    tokens: list[Token]
    brackets: list[str] = field(default_factory=list)
    loops: int = 0
    calls: int = 0
    matches: int = 0

    @property
    def depth(self) -> int:
        return sum(each in _LOOPS for each in self.brackets)

    def text(self, place: int) -> str:
        return self.tokens[place].text if 0 <= place < len(self.tokens) else ""

    def refuse(self, message: str, place: int) -> None:
        raise fault(message, self.expression, self.tokens[place].at)


def check_bounds(expression: str) -> int:
    """How many loops a clause has. Raises Invalid, with the place, for what could take long."""
    walk = _Walk(expression, tokens_of(expression))
    for place, token in enumerate(walk.tokens):
        if token.kind == "mark" and token.text in "([{":
            _open(walk, place)
        elif token.kind == "mark" and token.text in ")]}" and walk.brackets:
            walk.brackets.pop()
        elif token.kind == "name" and token.text == "in":
            _look_inside(walk, place)
        elif token.kind == "name" and walk.text(place - 1) != ".":
            _collection(walk, place)
    return walk.loops


def _open(walk: _Walk, place: int) -> None:
    token, before = walk.tokens[place], walk.tokens[place - 1] if place else None
    name = before.text if token.text == "(" and before is not None and before.kind == "name" else token.text
    if name in _ABSENT:
        walk.refuse(f"{name}() is not available in clauses; use all(), exists() or exists_one()", place)
    if name == "matches":
        _pattern(walk, place)
    if name[0].isalpha() and walk.depth:
        walk.calls += 1
        if walk.calls > CALLS_LIMIT:
            walk.refuse(f"more than {CALLS_LIMIT} calls inside all() and exists(); write several clauses", place)
    walk.brackets.append(name)
    if len(walk.brackets) > NESTING_LIMIT:
        walk.refuse(f"brackets are nested deeper than {NESTING_LIMIT}; write several clauses", place)
    if name in _LOOPS:
        _count_loop(walk, place, walk.depth)


def _count_loop(walk: _Walk, place: int, depth: int) -> None:
    walk.loops += 1
    if depth > LOOP_DEPTH_LIMIT or walk.loops > LOOPS_LIMIT:
        walk.refuse(
            f"a clause may have {LOOPS_LIMIT} of all(), exists() and exists_one(), nested {LOOP_DEPTH_LIMIT} deep at "
            "most, where `in` inside one of them counts as well; write several clauses",
            place,
        )


def _look_inside(walk: _Walk, place: int) -> None:
    """`in` goes through a list like a loop."""
    if walk.depth:
        _count_loop(walk, place, walk.depth + 1)


def _pattern(walk: _Walk, place: int) -> None:
    """Each use of a pattern compiles it again, which takes the longer the more it repeats."""
    literal = walk.tokens[place + 1] if place + 1 < len(walk.tokens) else None
    if walk.text(place - 2) != "." or literal is None or literal.kind != "text" or walk.text(place + 2) != ")":
        walk.refuse('the pattern of matches() must be written out: field.matches("...")', place)
    assert literal is not None
    walk.matches += 1
    if walk.depth or walk.matches > MATCHES_LIMIT:
        walk.refuse(
            f"matches() is possible {MATCHES_LIMIT} times in a clause, and not inside all() or exists(): use "
            "startsWith(), endsWith() or contains() there",
            place,
        )
    pattern, repeats = _written(walk, literal), 1
    for low, high in _REPEAT.findall(pattern):
        repeats *= max(int(low or 1), int(high or 1), 1)
    if len(pattern) > PATTERN_LIMIT or repeats > REPEATS_LIMIT or re.search(r"\\[pP]", pattern):
        walk.refuse(
            f"the pattern is too large: at most {PATTERN_LIMIT} characters, counted repetitions that multiply to "
            f"{REPEATS_LIMIT} at most, and no \\p{{...}}",
            place + 1,
        )


def _written(walk: _Walk, literal: Token) -> str:
    """The pattern that a literal means, where that can be seen."""
    prefix = literal.text[: len(literal.text) - len(literal.text.lstrip("rRbB"))]
    body = literal.text[len(prefix) :]
    quotes = 3 if body[:3] in {'"""', "'''"} else 1
    body = body[quotes:-quotes]
    if prefix.lower().count("r"):
        return body
    if any(code in "xXuU01234567" for code in _ESCAPE.findall(body)):
        raise fault("write the characters of a pattern themselves, not by their codes", walk.expression, literal.at)
    return _ESCAPE.sub(r"\1", body)


def _collection(walk: _Walk, place: int) -> None:
    """A whole list or map is looked into, or compared outside of loops: comparing it in each round would take long."""
    path, end = walk.text(place), place + 1
    while walk.text(end) == "." and path not in _COLLECTIONS:
        path, end = f"{path}.{walk.text(end + 1)}", end + 2
    if path not in _COLLECTIONS or walk.text(end) in {".", "["} or walk.text(place - 1) == "in":
        return
    if walk.depth or "[" in walk.brackets or "{" in walk.brackets:
        if walk.brackets and walk.brackets[-1] == "size":
            return
        walk.refuse(
            f"{path} as a whole can't be used inside all(), exists(), a list or a map; look something up in it",
            place,
        )
